package persist

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The two sides of a split horizon: CoreDNS tells them apart by the client's
// address.
const (
	inside  = "127.0.0.2"
	outside = "127.0.0.3"
)

// view is a server block for the clients that have an address.
func view(name, client string, stanzas ...string) string {
	return block(append([]string{"view " + name + " {\nexpr client_ip() == '" + client + "'\n}"}, stanzas...)...)
}

// askFrom asks as the client that has an address.
func (s *server) askFrom(t *testing.T, client string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := &dns.Client{Timeout: 5 * time.Second, UDPSize: 4096, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(client)}}}
	r, _, err := c.Exchange(m, s.udp)
	if err != nil {
		t.Fatalf("%v\n%v", m, err)
	}
	return r
}

// horizon is a zone that has an overlay on one side and is served by persist
// itself on the other.
type horizon struct {
	site
	zone string // what persist serves itself
	file string // what lies under the overlay
	keys string // the keys property of the former
}

func newHorizon(t *testing.T, zone string) horizon {
	t.Helper()
	h := horizon{site: newSite(t, documents()), zone: zone}
	h.keys = "keys dir " + h.site.keys()
	path := filepath.Join(h.dir, "db")
	putFile(t, path, zoneFile(1, "www 60 A 192.0.2.1\n_validation-persist 60 NS ns1.example.net."))
	h.file = "file " + path + " example.com"
	return h
}

// over is the side of the overlay. There the label is not delegated.
func (h horizon) over(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(h.dir, "db.over")
	putFile(t, path, zoneFile(2, "www 60 A 10.0.0.1"))
	return []string{h.overlay(), "file " + path + " example.com"}
}

// own is the side that persist signs, beside the file where it has the label alone.
func (h horizon) own() []string {
	stanzas := []string{"persist " + h.zone + " {\npolicies " + h.policies() + "\n" + h.keys + "\nns ns1.example.net\n}"}
	if h.zone != "example.com" {
		stanzas = append(stanzas, h.file)
	}
	return stanzas
}

// zones are what persist may serve itself where the other side has an overlay.
var zones = []string{"_validation-persist.example.com", "example.com"}

func TestViewsOfAZoneMayHaveAnOverlayAndKeys(t *testing.T) {
	for _, zone := range zones {
		for over, own := range map[string]string{inside: outside, outside: inside} {
			t.Run(zone+" for "+own, func(t *testing.T) {
				h := newHorizon(t, zone)
				corefile := view("over", over, h.over(t)...) + view("own", own, h.own()...)
				s := start(t, corefile)
				expectBothViews(t, s, over, own)
				for range 2 {
					if err := s.reload(t, corefile); err != nil {
						t.Fatal(err)
					}
					expectBothViews(t, s, over, own)
				}
			})
		}
	}
}

// expectBothViews fails unless s gives one record in either view, signed in one,
// from one store.
func expectBothViews(t *testing.T, s *server, over, own string) {
	t.Helper()
	plain, signed := s.askFrom(t, over, question(owner, dns.TypeTXT)), s.askFrom(t, own, question(owner, dns.TypeTXT))
	if text(plain) == "" || text(plain) != text(signed) {
		t.Errorf("Expected one record in both views, got %v and %v", plain, signed)
	}
	if has(plain.Answer, dns.TypeRRSIG) || !has(signed.Answer, dns.TypeRRSIG) {
		t.Errorf("Expected a signature in one view alone, got %v and %v", plain, signed)
	}
	if got := leases(&backends); got != 2 || len(backends.all()) != 1 {
		t.Errorf("Expected 2 stanzas to share one store, got %d with %d", got, len(backends.all()))
	}
}

// A zone that was signed stays so in each view that had it, whatever the view is
// called, and a view that is new need not be.
func TestReloadKeepsAZoneSignedInEachView(t *testing.T) {
	h := newHorizon(t, "example.com")
	over, own := h.over(t), h.own()
	s := start(t, block(own...))
	for _, c := range []struct {
		what, corefile string
		refused        bool
	}{
		{"an overlay for a view that is new", view("over", inside, over...) + view("own", outside, own...), false},
		{"another name for the view that is signed", view("other", outside, own...) + view("over", inside, over...), false},
		{"an overlay where the zone was signed", view("other", outside, over...) + view("over", inside, own...), true},
		{"an overlay in each view", view("another", outside, over...) + view("over", inside, over...), true},
		{"one block with an overlay", block(over...), true},
		{"one block with the keys", block(own...), false},
	} {
		err := s.reload(t, c.corefile)
		if refused := err != nil && strings.Contains(err.Error(), "zone example.com. is signed so far"); refused != c.refused || err != nil && !refused {
			t.Errorf("%s: expected a refusal %t, got %v", c.what, c.refused, err)
		}
	}
}

func TestMetricsTellViewsApart(t *testing.T) {
	h := newHorizon(t, "example.com")
	s := start(t, view("over", inside, append(h.over(t), "prometheus 127.0.0.1:0")...)+view("own", outside, h.own()...))
	counts := func() [2]float64 {
		var got [2]float64
		for i, name := range []string{"over", "own"} {
			got[i] = testutil.ToFloat64(answersTotal.WithLabelValues("dns://"+s.udp, "example.com.", name, "record"))
		}
		return got
	}
	before := counts()
	s.askFrom(t, inside, question(owner, dns.TypeTXT))
	for range 2 {
		s.askFrom(t, outside, question(owner, dns.TypeTXT))
	}
	if got := counts(); got[0] != before[0]+1 || got[1] != before[1]+2 {
		t.Errorf("Expected 1 and 2 answers in the two views, got %v after %v", got, before)
	}
}

// The ready plugin keeps one handler of each name, and it answers for all views.
func TestReadyWaitsForEachView(t *testing.T) {
	impatient(t)
	t.Setenv("VAULT_TOKEN", "none")
	h := newHorizon(t, "example.com")
	own := strings.Replace(h.own()[0], "policies "+h.policies(), "vault http://127.0.0.1:1", 1) // where nobody is
	start(t, view("over", inside, h.over(t)...)+view("own", outside, own))
	for _, p := range running.all() {
		if p.Ready() {
			t.Errorf("Expected nobody to be ready before the documents of each view are read, and the view %q is", p.view)
		}
	}
	if n := len(running.all()); n != 2 {
		t.Fatalf("Expected 2 handlers, got %d", n)
	}
}

// CoreDNS gives a DS query to the last block whose view fits (core/dnsserver,
// Server.ServeDNS), so views must exclude each other.
func TestDSQueryGoesToTheLastViewThatFits(t *testing.T) {
	h := newHorizon(t, "example.com")
	open := block(append([]string{"view open {\nexpr true\n}"}, h.own()...)...)
	for corefile, signed := range map[string]bool{
		view("over", inside, h.over(t)...) + open:                             true,
		view("over", inside, h.over(t)...) + view("own", outside, h.own()...): false,
	} {
		s := start(t, strings.ReplaceAll(corefile, ".:0", "example.com:0"))
		if r := s.askFrom(t, inside, question(owner, dns.TypeDS)); has(r.Ns, dns.TypeNSEC) != signed {
			t.Errorf("Expected an answer of the signed view %t, got %v", signed, r)
		}
		if r := s.askFrom(t, inside, question(owner, dns.TypeTXT)); has(r.Answer, dns.TypeRRSIG) || text(r) == "" {
			t.Errorf("Expected the overlay's record, got %v", r)
		}
	}
}

// Two views with key pairs of BIND in one of them.
func TestKeysOfBINDInOneViewAndAnOverlayInAnother(t *testing.T) {
	h := newHorizon(t, "example.com")
	past := bindStamp(time.Now().Add(-time.Hour))
	h.keys = "keys bind " + h.keygen(t, "-a", "13", "-f", "KSK", "-P", past, "-A", past) + ".private"
	corefile := view("over", inside, h.over(t)...) + view("own", outside, h.own()...)
	s := start(t, corefile)
	for range 2 {
		for client, signed := range map[string]bool{inside: false, outside: true} {
			if r := s.askFrom(t, client, question(owner, dns.TypeTXT)); text(r) == "" || has(r.Answer, dns.TypeRRSIG) != signed {
				t.Errorf("%s: expected a record, signed %t, got %v", client, signed, r)
			}
		}
		if err := s.reload(t, corefile); err != nil {
			t.Fatal(err)
		}
	}
	refused := view("over", inside, strings.Replace(h.overlay(), "fallthrough", "fallthrough\n"+h.keys, 1), h.file) + view("own", outside, h.own()...)
	if got := failToStart(t, refused); !strings.Contains(got, "fallthrough makes an overlay, which is unsigned: remove keys") {
		t.Errorf("Expected keys in an overlay to be refused, got %s", got)
	}
}
