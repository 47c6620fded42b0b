package floor

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const zone = `a.example. 300 IN TXT "one" "two"
a.example. 300 IN TXT "three"
B.example. 60 IN TXT "four"
`

func ask(t *testing.T, name string) (rcode int, reply *dns.Msg) {
	t.Helper()
	f, err := Read(strings.NewReader(zone))
	if err != nil {
		t.Fatal(err)
	}
	w := dnstest.NewRecorder(&test.ResponseWriter{})
	rcode, err = f.ServeDNS(t.Context(), w, new(dns.Msg).SetQuestion(name, dns.TypeTXT))
	if err != nil {
		t.Fatal(err)
	}
	return rcode, w.Msg
}

func TestRecordsOfANameAreItsAnswer(t *testing.T) {
	for name, want := range map[string][]string{
		"a.example.": {`a.example. 300 IN TXT "one" "two"`, `a.example. 300 IN TXT "three"`},
		"A.eXample.": {`a.example. 300 IN TXT "one" "two"`, `a.example. 300 IN TXT "three"`},
		"b.example.": {`B.example. 60 IN TXT "four"`},
	} {
		rcode, reply := ask(t, name)
		if rcode != dns.RcodeSuccess || reply == nil {
			t.Fatalf("%s: expected a reply, got rcode %d and %v", name, rcode, reply)
		}
		if !reply.Authoritative || !reply.Response || reply.Question[0].Name != name {
			t.Errorf("%s: expected an authoritative reply to the question, got %v", name, reply)
		}
		got := make([]string, 0, len(want))
		for _, rr := range reply.Answer {
			got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: answer (-want +got):\n%s", name, diff)
		}
	}
}

func TestOtherNamesAreRefused(t *testing.T) {
	for _, name := range []string{"c.example.", "x.a.example.", "example.", "."} {
		if rcode, reply := ask(t, name); rcode != dns.RcodeRefused || reply != nil {
			t.Errorf("%s: expected REFUSED, left to the server to write, got rcode %d and %v", name, rcode, reply)
		}
	}
}

func TestWhatIsNoMasterFileIsAnError(t *testing.T) {
	for _, zone := range []string{"a.example. 300 IN TXT", "a 300 IN TXT relative", "nonsense"} {
		if _, err := Read(strings.NewReader(zone)); err == nil {
			t.Errorf("Expected an error for %q", zone)
		}
	}
}

func TestStanzaNamesAFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for stanza, want := range map[string]string{
		"floor":                  "write floor FILE",
		"floor " + missing:       "no such file",
		"floor floor_test.go":    "plugin/floor: dns: ",
		"floor " + t.TempDir():   "is a directory",
		"floor one-file another": "no such file",
	} {
		if err := setup(caddy.NewTestController("dns", stanza)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected an error with %q, got %v", stanza, want, err)
		}
	}
}
