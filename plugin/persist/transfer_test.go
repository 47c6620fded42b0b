package persist

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// receive transfers example.com, all of it where serial is 0.
func (s *server) receive(t *testing.T, serial uint32) ([]dns.RR, error) {
	t.Helper()
	m := new(dns.Msg)
	if m.SetAxfr("example.com."); serial != 0 {
		m.SetIxfr("example.com.", serial, "ns1.example.net.", "hostmaster.ns1.example.net.")
	}
	return s.stream(t, m)
}

// stream returns the records of a transfer that m asks for.
func (s *server) stream(t *testing.T, m *dns.Msg) ([]dns.RR, error) {
	t.Helper()
	pieces, err := new(dns.Transfer).In(m, s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for piece := range pieces {
		if piece.Error != nil {
			return nil, piece.Error
		}
		rrs = append(rrs, piece.RR...)
	}
	return rrs, nil
}

// The tsig plugin refuses whoever does not know the secret, and its signatures
// are right in every message of a long transfer.
func TestTransfersCanBeForThoseWhoKnowASecret(t *testing.T) {
	const secret = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="
	names := make([]string, 0, 500) // more than fit one message
	for i := range 500 {
		names = append(names, fmt.Sprintf(`"n%d.example.com": {}`, i))
	}
	site := newSite(t, policytest.Standard().Account(`"domains": {`+strings.Join(names, ", ")+`}`))
	server := start(t, block("tsig {\nsecret secondary. "+secret+"\nrequire AXFR IXFR\n}", "transfer {\nto *\n}", site.stanza("denial nsec")))
	if rrs, err := server.receive(t, 0); err == nil {
		t.Errorf("Expected a transfer without a secret to be refused, got %d records", len(rrs))
	}
	m := new(dns.Msg)
	m.SetAxfr("example.com.").SetTsig("secondary.", dns.HmacSHA256, 300, time.Now().Unix())
	pieces, err := (&dns.Transfer{TsigSecret: map[string]string{"secondary.": secret}}).In(m, server.tcp)
	if err != nil {
		t.Fatal(err)
	}
	messages, records := 0, 0
	for piece := range pieces {
		if piece.Error != nil {
			t.Fatal(piece.Error)
		}
		messages++
		records += len(piece.RR)
	}
	if messages < 2 || records < 4*len(names) {
		t.Errorf("Expected the zone in several messages, got %d records in %d", records, messages)
	}
}

func newTransferable(t *testing.T, to string) (*server, site) {
	t.Helper()
	s := newSite(t, documents())
	return start(t, block("transfer {\nto "+to+"\n}", s.stanza("denial nsec", "refresh 1s"))), s
}

func TestTransferIsTheWholeSignedZone(t *testing.T) {
	server, _ := newTransferable(t, "*")
	rrs, err := server.receive(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(rrs) < 3 || rrs[0].Header().Rrtype != dns.TypeSOA || rrs[0].String() != rrs[len(rrs)-1].String() {
		t.Fatalf("Expected the SOA first and last, got %v", rrs)
	}
	file := filepath.Join(t.TempDir(), "zone")
	var lines strings.Builder
	for _, rr := range rrs[:len(rrs)-1] {
		lines.WriteString(rr.String() + "\n")
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "dnssec-verify", "-o", "example.com", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Zone fully signed") {
		t.Errorf("dnssec-verify: %v\n%s\n%s", err, out, lines.String())
	}
}

func TestTransferToAnUpToDateSecondaryIsTheSOAAlone(t *testing.T) {
	server, _ := newTransferable(t, "*")
	current := server.ask(t, question("example.com.", dns.TypeSOA)).Answer[0].(*dns.SOA).Serial
	for _, c := range []struct {
		serial uint32
		whole  bool
	}{{current, false}, {current + 1, false}, {current - 1, true}, {current + 1<<31 + 1, true}} {
		rrs, err := server.receive(t, c.serial)
		if err != nil || (len(rrs) > 1) != c.whole {
			t.Errorf("With serial %d of %d: expected the whole zone to be sent: %v, got %v, %v", c.serial, current, c.whole, rrs, err)
		}
	}
}

func TestOtherZonesAreNotTransferred(t *testing.T) {
	for _, stanza := range []string{"denial compact", "denial nsec"} {
		s := newSite(t, documents().Account(`"domains": {"example.com": {"subtree": true}}`))
		server := start(t, block("transfer {\nto *\n}", s.stanza(stanza)))
		if _, err := server.receive(t, 0); err == nil || !strings.Contains(err.Error(), "bad xfr rcode: 5") {
			t.Errorf("With %s and a subtree: expected REFUSED, got %v", stanza, err)
		}
	}
}

// listener accepts the NOTIFY messages for example.com, and says that they came.
func listener(t *testing.T) (address string, came <-chan struct{}) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	notices := make(chan struct{}, 100)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if m.Opcode == dns.OpcodeNotify && m.Question[0].Name == "example.com." {
			notices <- struct{}{}
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(m))
	})
	secondary := &dns.Server{PacketConn: conn, Handler: handler, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go func() { _ = secondary.ActivateAndServe() }()
	t.Cleanup(func() { _ = secondary.Shutdown() })
	return conn.LocalAddr().String(), notices
}

func await(t *testing.T, came <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-came:
	case <-time.After(20 * time.Second):
		t.Fatalf("Expected %s", what)
	}
}

func TestSecondariesAreNotifiedOfNewVersions(t *testing.T) {
	address, came := listener(t)
	server, s := newTransferable(t, "* "+address)
	await(t, came, "a NOTIFY after the start")
	before := server.ask(t, question("example.com.", dns.TypeSOA)).Answer[0].(*dns.SOA).Serial
	policytest.Standard().Account(`"domains": {"example.com": {}, "new.example.com": {}}`).Write(t, s.policies())
	rescan(t)
	await(t, came, "a NOTIFY after a change")
	r := server.ask(t, question("_validation-persist.new.example.com.", dns.TypeTXT))
	after := server.ask(t, question("example.com.", dns.TypeSOA)).Answer[0].(*dns.SOA).Serial
	if text(r) == "" || after <= before {
		t.Errorf("Expected the new record and a newer serial than %d, got %d and %v", before, after, r)
	}
}

// Many versions that are made while secondaries are told are one round more.
func TestNotifyRoundsAreCoalesced(t *testing.T) {
	running, finish, rounds := make(chan struct{}), make(chan struct{}), new(atomic.Int32)
	n := &notifier{send: func() error {
		rounds.Add(1)
		running <- struct{}{}
		<-finish
		return nil
	}}
	n.tell("example.com.")
	<-running
	for range 50 {
		n.tell("example.com.")
	}
	finish <- struct{}{}
	<-running // the one that they all are
	n.tell("example.com.")
	finish <- struct{}{}
	<-running
	if got := rounds.Load(); got != 3 {
		t.Errorf("Expected three rounds, got %d", got)
	}
	finish <- struct{}{}
}
