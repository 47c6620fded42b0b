package answer_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/answer"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"
)

// rawNSEC is an NSEC record in wire form, as another library than the one that
// packed it cut it out of a message.
type rawNSEC struct{ owner, next, bitmap []byte }

// rawNSECs parses the response to q.
func rawNSECs(t *testing.T, q answer.Query, r answer.Response) []rawNSEC {
	t.Helper()
	m := new(dns.Msg).SetQuestion(q.Name, q.Type)
	m.Ns, m.Compress = r.Authority, true
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var p dnsmessage.Message
	if err := p.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	var list []rawNSEC
	for _, rr := range p.Authorities {
		if rr.Header.Type != dnsmessage.Type(dns.TypeNSEC) {
			continue
		}
		data := rr.Body.(*dnsmessage.UnknownResource).Data
		end := 0
		for data[end] != 0 {
			end += 1 + int(data[end])
		}
		list = append(list, rawNSEC{wireName(t, rr.Header.Name.String()), data[:end+1], data[end+1:]})
	}
	return list
}

// wireName is a name without escapes in wire form.
func wireName(t *testing.T, name string) []byte {
	t.Helper()
	var wire []byte
	for label := range bytes.SplitSeq([]byte(name), []byte(".")) {
		if len(label) > 63 {
			t.Fatalf("Label of %d octets in %q", len(label), name)
		}
		wire = append(append(wire, byte(len(label))), label...)
	}
	return wire // the dot at the end leaves an empty label, which is the root
}

// inOrder compares two names canonically (RFC 4034 section 6.1).
func inOrder(a, b []byte) int {
	cut := func(name []byte) [][]byte {
		var labels [][]byte
		for ; name[0] != 0; name = name[1+name[0]:] {
			labels = append(labels, bytes.ToLower(name[1:1+name[0]]))
		}
		slices.Reverse(labels)
		return labels
	}
	return slices.CompareFunc(cut(a), cut(b), bytes.Compare)
}

// Names of which no longer one exists have a successor all the same, and none
// of the records is a wildcard's, which could be replayed at other names.
func TestProofsOfLongNamesHoldOnTheWire(t *testing.T) {
	a := newAuthority(t)
	absent := make([]byte, 2+17)                          // window 0, up to type 128
	absent[1], absent[2+5], absent[2+16] = 17, 0x03, 0x80 // RRSIG and NSEC, NXNAME
	zone := wireName(t, origin)
	for n := 246; n <= 255; n++ {
		for _, name := range []string{longName(n), "*." + longName(n-2)} {
			t.Run(fmt.Sprintf("%d octets, %.1s", n, name), func(t *testing.T) {
				q := ask(name, dns.TypeTXT)
				r := a.Answer(q, noon)
				proof, asked := rawNSECs(t, q, r), wireName(t, name)
				if len(asked) != n || len(proof) == 0 {
					t.Fatalf("Expected a proof for %d octets, got %+v", n, r)
				}
				denied := false
				for _, p := range proof {
					switch {
					case len(p.owner) > 255 || len(p.next) > 255:
						t.Errorf("A name of %d and one of %d octets", len(p.owner), len(p.next))
					case p.owner[0] == 1 && p.owner[1] == '*':
						t.Errorf("%q is owned by a wildcard", p.owner)
					case !bytes.Equal(p.bitmap, absent):
						t.Errorf("%q has the bitmap %v", p.owner, p.bitmap)
					case inOrder(p.owner, p.next) >= 0 && !bytes.Equal(p.next, zone):
						t.Errorf("%q does not come before %q", p.owner, p.next)
					}
					from, to := inOrder(p.owner, asked), inOrder(asked, p.next)
					denied = denied || from == 0 || from < 0 && (to < 0 || bytes.Equal(p.next, zone))
				}
				if !denied {
					t.Errorf("%q is not denied by %q", asked, proof)
				}
			})
		}
	}
}
