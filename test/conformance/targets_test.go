package conformance

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	names "github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// grants are the domains that are granted for the setting, with top.
func (s setting) grants() []string {
	below := granted(s.top())
	list := append(make([]string, 0, 2+len(below)), s.top(), "big."+s.top())
	for _, domain := range below {
		list = append(list, domain+"."+s.top())
	}
	return list
}

// targetNames are the names asked for in a zone of targets. The last of the
// granted domains is one that stands at its alias.
func (s setting) targetNames() []name {
	zone, top := s.zone(), s.top()
	domains := s.grants()
	long := strings.TrimSuffix(domains[len(domains)-1], ".")
	alias := names.FQDN(long).Alias() + "."
	list := []name{
		{zone, apex}, {strings.ToUpper(zone), apex}, {alias + zone, record}, {mixed("a.b." + top + zone), record},
		{parent + zone, empty}, {"b." + top + zone, empty},
	}
	add := func(k kind, below string, names ...string) {
		for _, n := range names {
			list = append(list, name{n + below, k})
		}
	}
	add(record, zone, domains[:len(domains)-1]...)
	add(empty, top+zone, "e.f.g.", "F.g.", "g.")
	add(absent, top+zone, "x.", "y.b.", "x.a.b.", "X.e.F.g.", "*foo.", "*foo.a.b.", "a.*.", "a.*.b.", label, label+"a.b.", `\000.`, `\255.`, "-.", "zzz.", pad(top+zone, 255)+".")
	add(absent, zone, "x.", "0.", label, label+top, "x."+alias, strings.Repeat("0", 49)+".", strings.Repeat("9", 49)+".", pad(zone, 254)+".", pad(zone, 255)+".")
	add(wildcard, top+zone, "*.", "*.b.", "*.a.b.", "*.x.")
	add(wildcard, zone, "*.", "*.x.y.", "*."+alias, "*."+pad(zone, 253)+".")
	withheld := absent
	if s.compact() {
		withheld = empty
	}
	add(withheld, top+zone, "off.")
	return list
}

// pointers are the CNAME records to all targets, as persistctl has them.
func pointers(t *testing.T) string {
	t.Helper()
	persistctl, err := parts.Program("persistctl")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range settings {
		if s.targets {
			b.WriteString(output(t, t.TempDir(), persistctl, append([]string{"delegate", "--targets", "--zone", s.zone()}, s.grants()...)...))
		}
	}
	return b.String()
}

// followPointers asks every resolver for what a CA asks for: the record that the
// CNAME in another signed zone leads to, and one that is not there.
func (w *world) followPointers(t *testing.T, rep *report) {
	t.Helper()
	var group sync.WaitGroup
	for _, r := range w.resolvers {
		group.Go(func() {
			for _, s := range settings {
				if s.targets {
					r.follow(t, s)
				}
			}
		})
	}
	group.Wait()
	for _, r := range w.resolvers {
		rep.say(r.name+" and CNAMEs", "targets", fmt.Sprintf("%d names, each found with AD", len(settings[0].grants())))
	}
}

func (r *resolver) follow(t *testing.T, s setting) {
	t.Helper()
	for _, domain := range s.grants() {
		for qtype, want := range map[uint16]bool{dns.TypeTXT: true, dns.TypeA: false} {
			answer, err := ask(t.Context(), "tcp", r.Address, label+domain, qtype)
			if err != nil || !answer.AuthenticatedData || answer.Rcode != dns.RcodeSuccess || !has(answer, dns.TypeCNAME) || has(answer, qtype) != want {
				t.Errorf("%s, %s: expected a CNAME at %s, and beyond it records of type %s %t, with AD, got %v, %v",
					r.name, s, label+domain, dns.Type(qtype), want, answer, err)
			}
		}
	}
}

func has(answer *dns.Msg, qtype uint16) bool {
	for _, rr := range answer.Answer {
		if rr.Header().Rrtype == qtype {
			return true
		}
	}
	return false
}
