package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// result is what all rounds of a contestant gave.
type result struct {
	contestant contestant
	rounds     []measurement
}

// table compares every result with every other in Markdown. A ratio is the mean
// of the ratios of each round, because what is measured within one round saw
// the same machine.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| server | signed answers/s on one core | response, octets |")
	for _, r := range results {
		fmt.Fprintf(&b, " × %s |", r.contestant.key)
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(results)) + "\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %.0f |", r.contestant.title, r.rates(), r.rounds[0].response)
		for _, other := range results {
			fmt.Fprintf(&b, " %.2f |", r.ratio(other))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// rates is the range over the rounds, in thousands.
func (r result) rates() string {
	slower := func(a, b measurement) int { return cmp.Compare(a.rate, b.rate) }
	low, high := slices.MinFunc(r.rounds, slower), slices.MaxFunc(r.rounds, slower)
	return fmt.Sprintf("%.1f–%.1f k", low.rate/1000, high.rate/1000)
}

func (r result) ratio(other result) float64 {
	var sum float64
	for i, m := range r.rounds {
		sum += m.rate / other.rounds[i].rate
	}
	return sum / float64(len(r.rounds))
}
