package persist

import (
	"fmt"
	"net"
	"testing"

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
			most := min(int(size), maxUDP)
			if len(wire) > most {
				t.Errorf("%d records, size %d: expected at most %d octets, got %d", accounts+1, size, most, len(wire))
			}
			if got := int(m.IsEdns0().UDPSize()); got > maxUDP {
				t.Errorf("%d records, size %d: expected at most %d to be advertised, got %d", accounts+1, size, maxUDP, got)
			}
			if m.Truncated == (len(m.Answer) > 0) {
				t.Errorf("%d records, size %d: expected an answer or TC, got %v", accounts+1, size, m)
			}
		}
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
