package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// compareTwin compares every answer with the one of NSD, which serves what it
// got by transfer.
func (w *world) compareTwin(t *testing.T, rep *report) {
	t.Helper()
	for i, s := range transferable() {
		twin := serveZone(t, s.zone(), zoneText(transfer(t, s), dns.TypeNone), fmt.Sprintf("127.0.0.%d", 60+i)).Address
		var compared atomic.Int64
		questions, last := s.matrix()
		each(slices.Concat(questions, last, s.random()), func(q question) {
			for _, do := range []bool{false, true} {
				ours, theirs := exchange(t, w.server.Address, q, do), exchange(t, twin, q, do)
				compared.Add(1)
				if q.partial() {
					theirs.keep(ours)
				}
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Errorf("%s, DO %t (-NSD +persist):\n%s", q, do, diff)
				}
			}
		})
		rep.say("NSD twin", s.String(), fmt.Sprintf("%d answers compared, 0 differences", compared.Load()))
	}
}

// random are questions for made-up names: labels that the zone has, their
// neighbours, and others.
func (s setting) random() []question {
	const n = 500
	random := rand.New(rand.NewPCG(9, 18)) // #nosec G404 -- the same in every run
	labels := []string{"a", "b", "c", "d", "e", "f", "g", "big", "_validation-persist", "_validation-persisu", "*", "-", "0", "~", `\000`, `\255`, "ab", "A"}
	list := make([]question, n)
	for i := range list {
		fqdn := s.zone()
		if s.targets && i%2 == 0 { // where most of its names are
			fqdn = s.top() + fqdn
		}
		for range 1 + random.IntN(5) {
			fqdn = labels[random.IntN(len(labels))] + "." + fqdn
		}
		list[i] = question{s, name{fqdn: fqdn}, types[random.IntN(len(types))]}
	}
	return list
}

// partial says whether persist may answer with one RRset of several (RFC 8482
// section 4.1).
func (q question) partial() bool { return q.qtype == dns.TypeANY || q.qtype == dns.TypeRRSIG }

// said is what an answer says.
type said struct {
	Rcode                         string
	AA                            bool
	Answer, Authority, Additional []string
}

// keep drops what is not in the other answer, where there is anything.
func (s *said) keep(other said) {
	if len(other.Answer) > 0 {
		s.Answer = slices.DeleteFunc(s.Answer, func(rr string) bool { return !slices.Contains(other.Answer, rr) })
	}
}

// exchange asks a server over TCP.
func exchange(t *testing.T, address string, q question, do bool) said {
	t.Helper()
	m := new(dns.Msg).SetQuestion(q.fqdn, q.qtype).SetEdns0(1232, do)
	m.RecursionDesired = false
	client := dns.Client{Net: "tcp", Timeout: patience}
	r, _, err := client.ExchangeContext(t.Context(), m, address)
	if err != nil {
		t.Errorf("%s at %s: %v", q, address, err)
		return said{}
	}
	return said{dns.RcodeToString[r.Rcode], r.Authoritative, lines(r.Answer), lines(r.Ns), lines(r.Extra)}
}

// lines are the records of a section as a set. Names that may be compressed are
// in lower case: they can take on that of the question.
func lines(section []dns.RR) []string {
	list := make([]string, 0, len(section))
	for _, rr := range section {
		rr.Header().Name = strings.ToLower(rr.Header().Name)
		switch rr := rr.(type) {
		case *dns.OPT:
			continue
		case *dns.NS:
			rr.Ns = strings.ToLower(rr.Ns)
		case *dns.SOA:
			rr.Ns, rr.Mbox = strings.ToLower(rr.Ns), strings.ToLower(rr.Mbox)
		}
		list = append(list, rr.String())
	}
	slices.Sort(list)
	return list
}
