package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// dnsperf is a load generator for one server.
type dnsperf struct {
	cpu     int
	port    int
	queries string // file
}

// measurement is what dnsperf found out in one run.
type measurement struct {
	rate     float64 // answers a second
	response float64 // mean size of a response in octets
}

// run asks for a time, of which whole seconds count.
func (p dnsperf) run(ctx context.Context, duration time.Duration) (measurement, error) {
	args := []string{
		"-c", strconv.Itoa(p.cpu), "dnsperf", "-s", "127.0.0.1", "-p", strconv.Itoa(p.port), "-d", p.queries,
		"-e", "-D", "-c", "8", "-q", "200", "-l", strconv.Itoa(int(duration.Seconds())),
	}
	out, err := exec.CommandContext(ctx, "taskset", args...).CombinedOutput() // #nosec G204 -- nothing comes from outside
	if err != nil {
		return measurement{}, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	return parse(string(out))
}

// parse reads the statistics of dnsperf. A run counts only if every answer was
// NOERROR and at most one query in a thousand was lost: a server that refuses or
// drops is fast for nothing.
func parse(out string) (measurement, error) {
	values := map[string]float64{}
	for name, pattern := range statistics {
		match := pattern.FindStringSubmatch(out)
		if match == nil {
			return measurement{}, fmt.Errorf("dnsperf does not say %s:\n%s", name, out)
		}
		value, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			return measurement{}, fmt.Errorf("dnsperf says %s is %q: %w", name, match[1], err)
		}
		values[name] = value
	}
	if values[answered] != values[completed] || values[lost]*1000 > values[completed] {
		return measurement{}, fmt.Errorf("answers are wrong or lost:\n%s", out)
	}
	return measurement{rate: values[rate], response: values[response]}, nil
}

const (
	completed = "how many queries were completed"
	lost      = "how many queries were lost"
	answered  = "how many answers were NOERROR"
	response  = "how large responses are"
	rate      = "how many queries a second there were"
)

var statistics = map[string]*regexp.Regexp{
	completed: regexp.MustCompile(`Queries completed:\s+(\d+)`),
	lost:      regexp.MustCompile(`Queries lost:\s+(\d+)`),
	answered:  regexp.MustCompile(`Response codes:.*NOERROR (\d+)`),
	response:  regexp.MustCompile(`Average packet size:.*response (\d+)`),
	rate:      regexp.MustCompile(`Queries per second:\s+([\d.]+)`),
}
