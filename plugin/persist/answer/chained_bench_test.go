package answer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// manyNames is a chained zone of 100,000 granted names, and two books of them.
func manyNames(b *testing.B) (a *answer.Authority, next func() time.Time) {
	b.Helper()
	domains := make([]string, 100_000)
	for i := range domains {
		domains[i] = fmt.Sprintf(`"d%d.example.com": {}`, i)
	}
	d := documents().Account(`"domains": {` + strings.Join(domains, ",") + `}`)
	at, keys := noon, newKeys(b, dns.ECDSAP256SHA256)
	var book *policy.Book
	a = answer.NewChained(newChainedZone(b, origin), new(answer.Serial))
	return a, func() time.Time {
		at = at.Add(time.Minute)
		book = policy.Compile(book, d.Snapshot(1, at), policy.Brakes{})
		a.Update(book, keys)
		return at
	}
}

// A version of a large zone in which nothing has changed.
func BenchmarkRenew(b *testing.B) {
	a, next := manyNames(b)
	for b.Loop() {
		b.StopTimer()
		at := next()
		b.StartTimer()
		if _, _, err := a.Renew(at); err != nil {
			b.Fatal(err)
		}
	}
}

// A name of a large zone that does not exist, in steady state.
func BenchmarkChainedDenial(b *testing.B) {
	a, next := manyNames(b)
	at := next()
	q := ask("_validation-persist.x5.example.com.", dns.TypeTXT)
	for b.Loop() {
		if r := a.Answer(q, at); r.Outcome != answer.NXDomain {
			b.Fatal(r)
		}
	}
}
