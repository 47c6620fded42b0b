//go:build linux

package flood

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// counters are what a server counts of persist, by the name of the counter
// without its prefix and by the label that tells its parts apart.
type counters map[string]map[string]int

// scrape reads the counters of the server whose metrics are at address.
func scrape(t *testing.T, address string) counters {
	t.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	found := counters{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if m := sample.FindStringSubmatch(lines.Text()); m != nil {
			name, part, value := m[1], "", m[3]
			if l := telling.FindStringSubmatch(m[2]); l != nil {
				part = l[1]
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			if found[name] == nil {
				found[name] = map[string]int{}
			}
			found[name][part] += int(n)
		}
	}
	return found
}

var (
	sample  = regexp.MustCompile(`^coredns_persist_(\w+_total)\{(.*)\} (\S+)$`)
	telling = regexp.MustCompile(`\b(?:outcome|reason)="(\w+)"`)
)

// since returns how much was counted after before.
func (c counters) since(before counters) counters {
	diff := counters{}
	for name, values := range c {
		diff[name] = map[string]int{}
		for part, n := range values {
			diff[name][part] = n - before[name][part]
		}
	}
	return diff
}

// sum is what a counter has over all of its parts.
func (c counters) sum(name string) int {
	n := 0
	for _, v := range c[name] {
		n += v
	}
	return n
}

// resident is the memory of a process that is held in RAM, in octets.
func resident(t *testing.T, process int) int {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", process))
	if err != nil {
		t.Fatal(err)
	}
	return number(t, strings.Fields(string(statm))[1]) * os.Getpagesize()
}

// seconds is the processor time that a process has used.
func seconds(t *testing.T, process int) float64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	columns := strings.Fields(rest)
	return float64(number(t, columns[11])+number(t, columns[12])) / 100 // USER_HZ
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
