package dnssec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const chainApex = "example."

// link makes the chain of names that all have the type TXT, and the apex.
func link(t *testing.T, names ...string) *Chain {
	t.Helper()
	nodes := make([]Node, 1, 1+len(names))
	nodes[0] = Node{chainApex, []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY}}
	for _, n := range names {
		nodes = append(nodes, Node{n, []uint16{dns.TypeTXT}})
	}
	c, err := NewChain(chainApex, nodes, 60)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The order is the example of RFC 4034 section 6.1.
func TestChainRunsInCanonicalOrderAndBackToTheApex(t *testing.T) {
	order := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	names := make([]string, len(order))
	for i, n := range order {
		names[i] = strings.ToLower(n)
	}
	shuffled := slices.Clone(names[1:])
	slices.Reverse(shuffled)
	got := make([]string, 0, len(names))
	for i, n := range link(t, shuffled...).Records() {
		got = append(got, n.Hdr.Name)
		if want := names[(i+1)%len(names)]; n.NextDomain != want {
			t.Errorf("Expected %s to be followed by %s, got %v", n.Hdr.Name, want, n)
		}
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("Order differs (-want +got):\n%s", diff)
	}
}

func TestChainOfNothingIsTheApexAlone(t *testing.T) {
	c := link(t)
	want := "example.\t60\tIN\tNSEC\texample. NS SOA RRSIG NSEC DNSKEY"
	if got := c.Records()[0].String(); len(c.Records()) != 1 || got != want {
		t.Errorf("Expected %q, got %v", want, c.Records())
	}
	if got := c.Deny("x.example."); len(got) != 1 || got[0] != c.Records()[0] {
		t.Errorf("Expected one record to cover everything, got %v", got)
	}
}

func TestChainRefusesWhatIsNoZone(t *testing.T) {
	for fragment, nodes := range map[string][]Node{
		"apex":         {{Name: "a.example."}},
		"stands twice": {{Name: chainApex}, {Name: "a.example."}, {Name: "a.example."}},
		"outside":      {{Name: chainApex}, {Name: "a.example.org."}},
	} {
		if _, err := NewChain(chainApex, nodes, 60); err == nil || !strings.Contains(err.Error(), fragment) {
			t.Errorf("Expected an error with %q, got %v", fragment, err)
		}
	}
	if _, err := NewChain(chainApex, nil, 60); err == nil {
		t.Error("Expected a chain without names to be refused")
	}
}

// Sets of names are compared with a model that knows nothing but the order.
func TestChainAgreesWithItsModel(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	for range 300 {
		var names []string
		for range random.IntN(12) {
			names = append(names, randomChainName(random))
		}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == chainApex })
		c := link(t, names...)
		for range 40 {
			asked := randomChainName(random)
			if got, want := c.Exists(asked), modelExists(names, asked); got != want {
				t.Fatalf("%q in %q: expected existence %t, got %t", asked, names, want, got)
			}
			if !c.Exists(asked) {
				checkDenial(t, names, asked, c.Deny(asked))
			}
		}
	}
}

func randomChainName(random *rand.Rand) string {
	all := []string{"a", "b", "*", "-", "_x", "a-b", `\000`, `\001`, `\255`, "zz"}
	var name strings.Builder
	for range random.IntN(4) {
		name.WriteString(all[random.IntN(len(all))] + ".")
	}
	return name.String() + chainApex
}

func modelExists(names []string, asked string) bool {
	return asked == chainApex || slices.ContainsFunc(names, func(n string) bool { return dns.IsSubDomain(asked, n) })
}

// checkDenial holds a proof against RFC 4035 section 5.4: one record covers the
// name, and one the wildcard at the closest encloser.
func checkDenial(t *testing.T, names []string, asked string, proof []*dns.NSEC) {
	t.Helper()
	closest := asked
	for !modelExists(names, closest) {
		off, _ := dns.NextLabel(closest, 0)
		closest = closest[off:]
	}
	for _, absent := range []string{asked, "*." + closest} {
		if modelExists(names, absent) {
			continue // the wildcard exists: nothing here is ever asked below one
		}
		if !slices.ContainsFunc(proof, func(n *dns.NSEC) bool { return modelCovers(n, absent) }) {
			t.Errorf("%q in %q: nothing covers %q in %v", asked, names, absent, proof)
		}
	}
	for _, n := range proof {
		for _, name := range append(names, chainApex) {
			if modelCovers(n, name) {
				t.Errorf("%q: %v covers %s, which exists", names, n, name)
			}
		}
	}
}

// modelCovers compares names label by label, from the right.
func modelCovers(n *dns.NSEC, name string) bool {
	after := modelCompare(n.Hdr.Name, name) < 0
	return after && (modelCompare(name, n.NextDomain) < 0 || n.NextDomain == chainApex)
}

func modelCompare(a, b string) int {
	x, y := split(a), split(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.CompareFunc(x, y, bytes.Compare)
}

func BenchmarkChainDeny(b *testing.B) {
	nodes := make([]Node, 10_001)
	nodes[0] = Node{Name: chainApex}
	for i := range 10_000 {
		nodes[i+1] = Node{fmt.Sprintf("_validation-persist.d%d.example.", i), []uint16{dns.TypeTXT}}
	}
	c, err := NewChain(chainApex, nodes, 60)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.Deny("_validation-persist.x5000.example.")
	}
}
