package parts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// serveExample starts a CoreDNS that serves example.org, unsigned, with a TXT
// record at the apex.
func serveExample(t *testing.T) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "db")
	must(t, os.WriteFile(file, []byte(`$ORIGIN example.org.
@ 3600 IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60
@ 3600 IN NS ns.example.net.
@ 3600 IN TXT "here"
`), 0o600))
	return NewCoreDNS(t, CoreDNSOptions{Zone: "example.org", Plugins: fmt.Sprintf("log\nfile %s example.org", file)})
}

// lookup asks for the TXT records of example.org.
func lookup(t *testing.T, server *Server) *dns.Msg {
	t.Helper()
	query := new(dns.Msg).SetQuestion("example.org.", dns.TypeTXT)
	reply, _, err := new(dns.Client).ExchangeContext(t.Context(), query, server.Address)
	must(t, err)
	return reply
}

func TestUnboundResolvesItsZone(t *testing.T) {
	coredns := serveExample(t)
	unbound := NewUnbound(t, UnboundOptions{Zone: "example.org", Server: coredns.Address})
	reply := lookup(t, unbound.Server)
	if len(reply.Answer) != 1 || reply.AuthenticatedData {
		t.Errorf("Expected one record, which nothing validates, got\n%v", reply)
	}
	must(t, unbound.Stop())
	if failures := unbound.Failures(); len(failures) > 0 {
		t.Errorf("Expected no failures, got %q", failures)
	}
}

func TestUnboundLogsWhyAnAnswerDoesNotValidate(t *testing.T) {
	coredns := serveExample(t)
	unbound := NewUnbound(t, UnboundOptions{
		Zone:   "example.org",
		Server: coredns.Address,
		Anchor: "example.org. IN DS 1 13 2 " + strings.Repeat("00", 32),
	})
	if reply := lookup(t, unbound.Server); reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected SERVFAIL for a zone without signatures, got\n%v", reply)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	must(t, unbound.Await(ctx, func(string) bool { return len(unbound.Failures()) > 0 }))
	if failure := unbound.Failures()[0]; !strings.Contains(failure, "<example.org. TXT IN>") {
		t.Errorf("Expected a line about the question, got %q", failure)
	}
}

func TestUnboundAsksAgainForWhatIsFlushed(t *testing.T) {
	coredns := serveExample(t)
	unbound := NewUnbound(t, UnboundOptions{Zone: "example.org", Server: coredns.Address})
	asked := func(log string) int { return strings.Count(strings.ToLower(log), `"txt in example.org.`) }

	lookup(t, unbound.Server)
	lookup(t, unbound.Server)
	if n := asked(coredns.Output()); n > 1 {
		t.Fatalf("Expected Unbound to remember the record, it asked %d times", n)
	}
	must(t, unbound.Flush(t.Context(), "example.org"))
	lookup(t, unbound.Server)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	must(t, coredns.Await(ctx, func(log string) bool { return asked(log) == 2 }))
}

func TestServerThatEndsSaysWhy(t *testing.T) {
	_, err := StartCoreDNS(t.Context(), CoreDNSOptions{Zone: "example.org", Plugins: "no-such-plugin"})
	if err == nil || !strings.Contains(err.Error(), "no-such-plugin") {
		t.Errorf("Expected an error that names the unknown plugin, got %v", err)
	}
}

func TestNSDServesTheZoneThatReplacesAnother(t *testing.T) {
	zone := func(name string, serial int, text string) string {
		return fmt.Sprintf("%[1]s 60 IN SOA ns hostmaster %[2]d 7200 1800 86400 60\n%[1]s 60 IN NS ns\n%[1]s 60 IN TXT %[3]q\n", name, serial, text)
	}
	nsd := NewNSD(t, NSDOptions{Zones: map[string]string{
		"example.org.": zone("example.org.", 1, "one"), "example.net.": zone("example.net.", 1, "another"),
	}})
	for i, text := range []string{"two", "three", "four"} {
		must(t, nsd.Replace(t.Context(), "example.org.", zone("example.org.", i+2, text)))
		if reply := lookup(t, nsd.Server); len(reply.Answer) != 1 || !strings.Contains(reply.Answer[0].String(), text) || !reply.Authoritative {
			t.Errorf("Expected the record %q, got\n%v", text, reply)
		}
	}
	if err := nsd.Replace(t.Context(), "example.org.", "; nothing"); err == nil {
		t.Error("Expected a zone without SOA to be refused")
	}
}
