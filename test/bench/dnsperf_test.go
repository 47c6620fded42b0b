package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What dnsperf 2.10 printed when it asked real servers.
func TestStatisticsOfDnsperfAreRead(t *testing.T) {
	got, err := parse(golden(t, "noerror.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := measurement{rate: 78963.671266, response: 379}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(measurement{})); diff != "" {
		t.Errorf("Measurement (-want +got):\n%s", diff)
	}
}

func TestRunWithoutGoodAnswersDoesNotCount(t *testing.T) {
	good := golden(t, "noerror.txt")
	for name, c := range map[string]struct{ out, want string }{
		"every query was refused":          {golden(t, "refused.txt"), "dnsperf does not say how many answers were NOERROR"},
		"every other query was refused":    {golden(t, "mixed.txt"), "answers are wrong or lost"},
		"the server stopped answering":     {golden(t, "lost.txt"), "answers are wrong or lost"},
		"dnsperf ended before":             {strings.Split(good, "Statistics:")[0], "dnsperf does not say"},
		"a statistic is missing":           {strings.Replace(good, "Queries per second", "Queries", 1), "how many queries a second there were"},
		"a statistic is no number":         {strings.Replace(good, "78963.671266", "78963.671.266", 1), "how many queries a second there were"},
		"nothing":                          {"", "dnsperf does not say"},
		"SERVFAIL is counted before":       {strings.Replace(good, "NOERROR 85272", "SERVFAIL 1, NOERROR 85271", 1), "answers are wrong or lost"},
		"NXDOMAIN is counted after":        {strings.Replace(good, "NOERROR 85272", "NOERROR 85271 (100.00%), NXDOMAIN 1", 1), "answers are wrong or lost"},
		"more than one in a thousand lost": {strings.Replace(good, "Queries lost:         6", "Queries lost:         86", 1), "answers are wrong or lost"},
	} {
		if _, err := parse(c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: expected an error with %q, got %v", name, c.want, err)
		}
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	out, err := os.ReadFile(filepath.Join("testdata", "dnsperf-2.10", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
