package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// crowded is a name with several accounts and an overlap; one of them begins
// later.
func crowded() policytest.Documents {
	d := policytest.Standard().With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "https://ca.example/account-hash/", "forms": ["uri", "hash"]}`,
	})
	for i := range 3 {
		d[fmt.Sprintf("accounts/web/ca/%d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "thumbprints": [%q],
			"overlap": {"until": "2026-11-10T00:00:00Z", "account_uri": "https://ca.example/acct/1%d", "thumbprints": ["NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"]},
			"domains": {"example.com": {%s}}}`, i, policytest.Thumbprint, i, []string{"", "", `"not_before": "2026-11-05T00:00:00Z"`}[i])
	}
	delete(d, "accounts/web/ca/a")
	return d
}

// What is told of the size of an answer is that of the answer which a server gives,
// with a key of each algorithm, at any instant: that in the future as of then.
func TestTheSizeThatIsToldIsThatOfTheAnswer(t *testing.T) {
	sizes := map[int]bool{}
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		for _, at := range []time.Time{policytest.Read, policytest.Written.AddDate(0, 0, 6), policytest.Written.AddDate(0, 0, 12)} {
			raw, err := dnssec.GenerateKeys("test", algorithm, policytest.Written.AddDate(0, 0, -3), rand.NewChaCha8([32]byte{algorithm}))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := dnssec.ParseKeys(raw)
			if err != nil {
				t.Fatal(err)
			}
			s := defaultStanza()
			s.zone, s.ns = "example.com", []string{"ns1.example.net"}
			z, err := s.served("")
			if err != nil {
				t.Fatal(err)
			}
			then := policy.Compile(nil, crowded().Snapshot(1, at), policy.Brakes{})
			a := answer.New(z, 1)
			a.Update(then, keys)
			r := a.Answer(answer.Query{Name: "_validation-persist.example.com.", Type: dns.TypeTXT, DO: true}, at)
			want := answer.Size("_validation-persist.example.com.", r.Answer)
			before := crowded().Compile(t) // long before, as lint has it
			if got := s.size(before, before.Lookup("example.com"), at); got != want || len(r.Answer) < 4 {
				t.Errorf("Algorithm %d at %v: expected %d octets of %d records, got %d", algorithm, at, want, len(r.Answer), got)
			}
			sizes[want] = true
		}
	}
	if len(sizes) != 3 {
		t.Errorf("Expected another size at each instant, got %v", sizes)
	}
}

func TestTheLargestAnswerMayLieAhead(t *testing.T) {
	b := crowded().Compile(t)
	begins := time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)
	got := defaultStanza().octets(b, b.Lookup("example.com"), policytest.Read)
	if !got.MostAt.Equal(begins) || got.Most <= got.Now || got.Now == 0 {
		t.Errorf("Expected more octets from %v on than now, got %+v", begins, got)
	}
	if over := defaultStanza().octets(b, b.Lookup("example.com"), begins.AddDate(0, 0, 6)); over.Most >= got.Now || over.Most != over.Now {
		t.Errorf("Expected fewer octets once the overlaps are over, got %+v after %+v", over, got)
	}
}
