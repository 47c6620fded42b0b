package answer_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// In tests all that is signed is verified, but for the time of benchmarks.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		answer.VerifyAll()
	}
	os.Exit(m.Run())
}

const granted = "_validation-persist.example.com."

// What would not validate is not served: the answer of before is, for as long
// as it lasts.
func TestABogusAnswerIsNotServed(t *testing.T) {
	a := newAuthority(t)
	var valid, bogus int
	a.Verified = func(err error) {
		switch {
		case err == nil:
			valid++
		case strings.Contains(err.Error(), "does not validate: no luck"):
			bogus++
		}
	}
	before := map[uint16][]dns.RR{}
	for _, qtype := range []uint16{dns.TypeTXT, dns.TypeSOA, dns.TypeDNSKEY, dns.TypeCDS} {
		before[qtype] = a.Answer(ask(granted, qtype), noon).Answer
		if qtype != dns.TypeTXT {
			before[qtype] = a.Answer(ask(origin, qtype), noon).Answer
		}
	}
	if valid < 4 || bogus > 0 {
		t.Errorf("Expected each set to be verified, got %d valid and %d bogus", valid, bogus)
	}

	again := answer.Disbelieve(t, errors.New("no luck"))
	a.Update(a.Book(), newKeys(t, dns.ECDSAP256SHA256)) // so that all is to be signed again
	for qtype, want := range before {
		name := origin
		if qtype == dns.TypeTXT {
			name = granted
		}
		later := noon.Add(30 * time.Minute)
		if diff := cmp.Diff(want, a.Answer(ask(name, qtype), later).Answer); diff != "" {
			t.Errorf("%s is not the answer of before: %s", dns.Type(qtype), diff)
		}
	}
	if bogus < 4 {
		t.Errorf("Expected each failure to be told, got %d", bogus)
	}
	if r := a.Answer(ask(origin, dns.TypeNS), noon); r.Outcome != answer.Failed || !strings.Contains(r.Err.Error(), "no luck") {
		t.Errorf("Expected SERVFAIL where there is no answer of before, got %v", r)
	}
	if r := a.Answer(ask(origin, dns.TypeSOA), noon.Add(4*24*time.Hour)); r.Outcome != answer.Failed {
		t.Errorf("Expected SERVFAIL once the signatures of before have expired, got %v", r)
	}
	again()
	if r := a.Answer(ask(origin, dns.TypeSOA), noon.Add(4*24*time.Hour)); r.Outcome != answer.Apex {
		t.Errorf("Expected an answer once it validates again, got %v", r)
	}
}

// A record that was withdrawn does not come back because nothing else validates.
func TestAWithdrawnRecordDoesNotComeBackForLackOfAnother(t *testing.T) {
	a := newAuthority(t)
	if r := a.Answer(ask(granted, dns.TypeTXT), noon); r.Outcome != answer.Record {
		t.Fatalf("Expected the record, got %v", r)
	}
	answer.Disbelieve(t, errors.New("no luck"))
	frozen := policy.Brakes{Freeze: noon.Add(-time.Hour)}
	a.Update(policy.Compile(a.Book(), documents().Snapshot(1, noon), frozen), newKeys(t, dns.ECDSAP256SHA256))
	if r := a.Answer(ask(granted, dns.TypeTXT), noon); r.Outcome != answer.Failed {
		t.Errorf("Expected SERVFAIL, got %v", r)
	}
}
