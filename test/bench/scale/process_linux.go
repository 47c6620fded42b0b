package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ticks a second is what the kernel counts processor time in, on every
// architecture that Go runs on.
const ticks = 100

// cpu is the processor time that a process has used.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var sum int
	for _, field := range fields[11:13] { // utime and stime: proc_pid_stat(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

var resident = regexp.MustCompile(`(?s)VmHWM:\s+(\d+) kB.*VmRSS:\s+(\d+) kB`)

// memory is what a process has in memory, and the most it had, in MiB.
func memory(pid int) (now, most int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	match := resident.FindSubmatch(text)
	if match == nil {
		return 0, 0, fmt.Errorf("no VmRSS in\n%s", text)
	}
	most, err = strconv.Atoi(string(match[1]))
	if err != nil {
		return 0, 0, err
	}
	now, err = strconv.Atoi(string(match[2]))
	return now / 1024, most / 1024, err
}
