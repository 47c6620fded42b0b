package answer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// pack is the answer's sections as they go over the wire.
func pack(t *testing.T, q answer.Query, r answer.Response) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(q.Name, q.Type)
	m.Id = 0
	m.Answer, m.Ns, m.Rcode = r.Answer, r.Authority, r.Rcode
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// randomDocuments grants random names, some of them with their own times.
func randomDocuments(random *rand.Rand) policytest.Documents {
	settings := []string{`{}`, `{"wildcard": true}`, `{"enabled": false}`, `{"until": {"floor": "5h", "step": "1h"}}`, `{"not_before": "2027-01-01T00:00:00Z"}`, `{"until": "2026-12-24T00:00:00Z"}`}
	domains := map[string]string{}
	for range 1 + random.IntN(8) {
		domains[randomName(random)+"example.com"] = settings[random.IntN(len(settings))]
	}
	entries := make([]string, 0, len(domains))
	for name, setting := range domains {
		entries = append(entries, fmt.Sprintf("%q: %s", name, setting))
	}
	return policytest.Standard().Account(`"domains": {` + strings.Join(entries, ", ") + `}`)
}

func randomName(random *rand.Rand) string {
	labels := []string{"a", "b", "a-b", "zz", "0", "xn--bcher-kva"}
	var name strings.Builder
	for range random.IntN(4) {
		name.WriteString(labels[random.IntN(len(labels))] + ".")
	}
	return name.String()
}

// randomQuestion asks near the granted names.
func randomQuestion(random *rand.Rand) answer.Query {
	prefixes := []string{"", "_validation-persist.", "*.", "x.", "*x.", "a.*.", "_validation-persist.x.", "*._validation-persist.", `\000.`, `\255.`}
	types := []uint16{dns.TypeTXT, dns.TypeSOA, dns.TypeNS, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeNSEC, dns.TypeRRSIG, dns.TypeANY, dns.TypeA, dns.TypeCAA, 65280}
	return answer.Query{
		Name: prefixes[random.IntN(len(prefixes))] + randomName(random) + origin,
		Type: types[random.IntN(len(types))],
		DO:   random.IntN(4) > 0,
		CO:   random.IntN(2) == 0,
	}
}

// Whatever the policy, the instant and the question: two servers say the same
// octet for octet, whatever they were asked before.
func TestTwoServersAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 60 {
		algorithm := []uint8{dns.ECDSAP256SHA256, dns.ED25519}[round%2]
		d, keys := randomDocuments(random), newKeys(t, algorithm)
		one, other := answer.New(newZone(t, origin, false), 1e6), answer.New(newZone(t, origin, false), 1e6)
		for range 5 {
			at := noon.Add(time.Duration(random.Int64N(int64(400 * 24 * time.Hour))))
			one.Update(book(d, at), keys)
			other.Update(book(d, at), newKeys(t, algorithm))
			for range 30 {
				q := randomQuestion(random)
				if a, b := pack(t, q, one.Answer(q, at)), pack(t, q, other.Answer(q, at)); !bytes.Equal(a, b) {
					t.Fatalf("Two servers differ at %v about %+v", at, q)
				}
			}
		}
	}
}

// The answer is a function of the instant, not of what was asked before: an
// authority that has been asked all along says what a fresh one does, also when
// the clock is set back.
func TestAnswersDoNotDependOnTheirHistory(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	old, keys := answer.New(newZone(t, origin, false), 1e6), newKeys(t, dns.ECDSAP256SHA256)
	at := noon
	for range 300 {
		at = at.Add(time.Duration(random.Int64N(int64(60*time.Hour))) - 24*time.Hour)
		b := book(documents(), at.Add(-time.Duration(random.IntN(90*60))*time.Second))
		fresh := answer.New(newZone(t, origin, false), 1e6)
		old.Update(b, keys)
		fresh.Update(b, keys)
		for _, q := range []answer.Query{ask("_validation-persist.example.com.", dns.TypeTXT), ask(origin, dns.TypeDNSKEY), ask(origin, dns.TypeSOA), ask("b.example.com.", dns.TypeA), ask("x.example.com.", dns.TypeA)} {
			if a, b := pack(t, q, old.Answer(q, at)), pack(t, q, fresh.Answer(q, at)); !bytes.Equal(a, b) {
				t.Fatalf("At %v: the answer to %+v depends on what was asked before", at, q)
			}
		}
	}
}

// The same where the store's clock holds rotation back, and each book has read
// that clock anew.
func TestAnswersDoNotDependOnTheClockReadBefore(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	old, keys := answer.New(newZone(t, origin, false), 1e6), newKeys(t, dns.ECDSAP256SHA256)
	q := ask("_validation-persist.example.com.", dns.TypeTXT)
	var b *policy.Book
	for at := noon; at.Before(noon.Add(30 * 24 * time.Hour)); at = at.Add(time.Duration(random.IntN(4*60)) * time.Minute) {
		s := documents().Snapshot(1, at)
		s.Date, s.DateAt = at.Add(-time.Duration(random.IntN(48*60))*time.Minute), at // this clock runs ahead, or not
		b = policy.Compile(b, s, policy.Brakes{})
		fresh := answer.New(newZone(t, origin, false), 1e6)
		old.Update(b, keys)
		fresh.Update(b, keys)
		if got, want := pack(t, q, old.Answer(q, at)), pack(t, q, fresh.Answer(q, at)); !bytes.Equal(got, want) {
			t.Fatalf("At %v, with the store's clock at %v: the answer depends on what was asked before", at, s.Date)
		}
	}
}
