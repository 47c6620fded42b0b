package persist

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// Between what fits without compression and what does with it, and below what
// the client would take, the server itself would not compress.
func TestNoUDPResponseExceedsTheSizeAdvertised(t *testing.T) {
	for accounts := 5; accounts <= 12; accounts++ {
		d := documents()
		for i := range accounts {
			d[fmt.Sprintf("accounts/web/ca/x%d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": "example.com"}`, 1000+i)
		}
		s := start(t, block(newSite(t, d).stanza()))
		for _, size := range []uint16{512, 1232, 1400, 4096} {
			wire := wireResponse(t, s, new(dns.Msg).SetQuestion(owner, dns.TypeTXT).SetEdns0(size, true))
			m := new(dns.Msg)
			if err := m.Unpack(wire); err != nil {
				t.Fatal(err)
			}
			most := min(int(size), answer.MaxUDP)
			if len(wire) > most {
				t.Errorf("%d records, size %d: expected at most %d octets, got %d", accounts+1, size, most, len(wire))
			}
			if got := int(m.IsEdns0().UDPSize()); got > answer.MaxUDP {
				t.Errorf("%d records, size %d: expected at most %d to be advertised, got %d", accounts+1, size, answer.MaxUDP, got)
			}
			if m.Truncated == (len(m.Answer) > 0) {
				t.Errorf("%d records, size %d: expected an answer or TC, got %v", accounts+1, size, m)
			}
		}
	}
}

// graded grants 120 names, with answers of which each is one octet larger than
// the one before.
func graded() policytest.Documents {
	d := policytest.Standard()
	names := make([]string, 0, 120)
	for i := range 120 {
		name := fmt.Sprintf("p%03d.example.com", i)
		names = append(names, name)
		d[fmt.Sprintf("accounts/web/ca/p%03d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%s", "domains": %q}`, strings.Repeat("1", i+1), name)
	}
	for i := range 10 {
		d[fmt.Sprintf("accounts/web/ca/x%d", i)] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "domains": %q}`, 1000+i, strings.Join(names, " "))
	}
	return d
}

// What fits is sent, and TCP has all of it.
func TestAnswersAreCutAtTheirSizeAndNotBefore(t *testing.T) {
	s := start(t, block(newSite(t, graded()).stanza()))
	seen := map[int]bool{}
	for i := range 120 {
		name := fmt.Sprintf("_validation-persist.p%03d.example.com.", i)
		whole := exchange(t, "tcp", s.tcp, question(name, dns.TypeTXT))
		whole.Compress = true
		packed, err := whole.Pack()
		if err != nil || whole.Truncated || len(whole.Answer) != 12 {
			t.Fatalf("%s: expected 11 records and a signature over TCP, got %v, %v", name, whole, err)
		}
		seen[len(packed)] = true
		for _, size := range []uint16{512, 1231, 1232, 4096} {
			checkCut(t, s, new(dns.Msg).SetQuestion(name, dns.TypeTXT).SetEdns0(size, true), len(packed), min(int(size), 1232))
		}
		plain := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
		checkCut(t, s, plain, 513, 512)
		if r := exchange(t, "tcp", s.tcp, plain); r.Truncated || len(r.Answer) != 11 || r.IsEdns0() != nil {
			t.Errorf("%s: expected all 11 records without EDNS over TCP, got %v", name, r)
		}
	}
	for _, size := range []int{1231, 1232, 1233} {
		if !seen[size] {
			t.Errorf("Expected an answer of %d octets among %d sizes", size, len(seen))
		}
	}
}

// tolerance is how much miekg/dns counts too many, for the padding in the
// presentation form of a signature. CoreDNS goes by that count.
const tolerance = 2

// checkCut asks over UDP for what has size octets where at most limit are sent.
func checkCut(t *testing.T, s *server, query *dns.Msg, size, limit int) {
	t.Helper()
	wire, r := wireResponse(t, s, query), new(dns.Msg)
	if err := r.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	switch {
	case size <= limit-tolerance && (r.Truncated || len(r.Answer) != 12 || len(wire) > limit):
		t.Errorf("%d octets, of which %d may be sent: expected a whole answer, got %d octets:\n%v", size, limit, len(wire), r)
	case size > limit && (!r.Truncated || len(r.Answer)+len(r.Ns) > 0):
		t.Errorf("%d octets, of which %d may be sent: expected TC and nothing else, got %v", size, limit, r)
	}
}

// wireResponse is what the server sends over UDP, as it arrives.
func wireResponse(t *testing.T, s *server, query *dns.Msg) []byte {
	t.Helper()
	wire, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}
