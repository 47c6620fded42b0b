package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The ratio of two servers is the mean of their ratios in each round, not the
// ratio of their means: the machine was twice as slow in the second round here.
func TestTableComparesWithinRounds(t *testing.T) {
	results := []result{
		{contestant{key: "one", title: "First"}, []measurement{{80_000, 385}, {40_000, 385}}},
		{contestant{key: "other", title: "Second"}, []measurement{{60_000, 500.4}, {36_000, 500.4}}},
	}
	want := `| server | signed answers/s on one core | response, octets | × one | × other |
|---|---|---|---|---|
| First | 40.0–80.0 k | 385 | 1.00 | 1.22 |
| Second | 36.0–60.0 k | 500 | 0.82 | 1.00 |
`
	if diff := cmp.Diff(want, table(results)); diff != "" {
		t.Errorf("Table (-want +got):\n%s", diff)
	}
}
