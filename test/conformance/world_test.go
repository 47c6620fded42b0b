package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// bogus is a zone whose DS record at the parent is that of another key. It
// shows that a validator would complain.
const bogus = "bogus." + parent

// world is the server under test, with all that leads to it and all that ask.
type world struct {
	tree

	policies string // the directory of the documents
	server   *parts.Server
	ds       map[string]*dns.DS // by zone

	clock     clock // of the resolvers
	resolvers []*resolver
}

// served is a zone in the Corefile.
type served struct {
	Name, Denial, Keys string
	Cuts, Targets      bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{policies: t.TempDir(), ds: map[string]*dns.DS{}, clock: newClock(t)}
	w.grant(t)
	stanzas := make([]served, 0, 1+len(settings))
	stanzas = append(stanzas, served{Name: bogus, Denial: "compact", Keys: w.newKeys(t, bogus, dns.ECDSAP256SHA256)})
	w.newKeys(t, bogus, dns.ECDSAP256SHA256)
	for _, s := range settings {
		i := slices.IndexFunc(stanzas, func(one served) bool { return one.Name == s.outer() })
		if i < 0 {
			i = len(stanzas)
			stanzas = append(stanzas, served{s.outer(), s.denial, w.newKeys(t, s.zone(), s.algorithm), s.cut != "", s.targets})
		}
		w.delegate(t, s.zone(), stanzas[i].Keys)
	}
	w.tree = newTree(t, w.ds, pointers(t))
	w.serve(t, stanzas)
	w.resolvers = newResolvers(t, w.tree, w.clock)
	return w
}

// newKeys makes keys for a zone, and the DS record that its parent gets.
func (w *world) newKeys(t *testing.T, zone string, algorithm uint8) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	if err := dnssec.InitDir(dir, strings.TrimSuffix(zone, "."), algorithm, time.Now(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.delegate(t, zone, dir)
	return dir
}

// delegate has the parent of a zone point to the keys in a directory.
func (w *world) delegate(t *testing.T, zone, dir string) {
	t.Helper()
	raw, err := dnssec.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	w.ds[zone] = keys.DS(zone, time.Now())[0]
}

// grant writes the policy documents, which grant the standing domains and more
// of every zone.
func (w *world) grant(t *testing.T, more ...string) {
	t.Helper()
	policies(tops(), more).Write(t, w.policies)
}

// serve starts the server and returns when all zones are ready.
func (w *world) serve(t *testing.T, zones []served) {
	t.Helper()
	program, err := parts.Program("coredns")
	if err != nil {
		t.Fatal(err)
	}
	w.server = parts.NewServer(t, parts.ServerOptions{
		Address:       ownAddresses[0] + ":53",
		Configuration: fill(t, "Corefile", map[string]any{"Zones": zones, "Addresses": ownAddresses, "Policies": w.policies}),
		Ready:         dns.Question{Name: zones[0].Name, Qtype: dns.TypeSOA},
		Program:       program,
		Args:          []string{"-conf"},
	})
	for _, s := range settings {
		w.await(t, s.zone(), dns.TypeSOA)
	}
}

// await returns when the server has records of a type at a name.
func (w *world) await(t *testing.T, name string, qtype uint16) {
	t.Helper()
	err := w.server.Retry(t.Context(), func(ctx context.Context) error {
		r, err := ask(ctx, "udp", w.server.Address, name, qtype)
		if err == nil && len(r.Answer) == 0 {
			err = errors.New("no answer")
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// policies are the documents that grant the standing domains and more of every
// zone to one account, and the domain "big" to many.
func policies(zones, more []string) policytest.Documents {
	var domains []string
	big := make([]string, 0, len(zones))
	for _, zone := range zones {
		if domain, ok := strings.CutPrefix(zone, label); ok { // a cut
			domains = append(domains, fmt.Sprintf("%q: {\"enabled\": %t}", strings.TrimSuffix(domain, "."), !strings.HasPrefix(domain, disabled)))
			continue
		}
		under := func(name string) string { return name + "." + strings.TrimSuffix(zone, ".") }
		domains = append(domains, fmt.Sprintf("%q: {}, %q: {\"enabled\": false}", strings.TrimSuffix(zone, "."), under("off")))
		for _, name := range append(granted(zone), more...) {
			domains = append(domains, fmt.Sprintf("%q: {}", under(name)))
		}
		if hasSubtree(zone) {
			domains = append(domains, fmt.Sprintf("%q: {\"subtree\": true}, %q: {}", under(subtree), under(own)))
		}
		big = append(big, fmt.Sprintf("%q: {}", under("big")))
	}
	documents := policytest.Standard().Account(`"domains": {` + strings.Join(domains, ", ") + `}`)
	for i := range 12 {
		documents[fmt.Sprintf("accounts/web/ca/big%d", i)] = fmt.Sprintf(
			`{"account_uri": "https://ca.example/acct/%d", "domains": {%s}}`, 1000+i, strings.Join(big, ", "))
	}
	return documents.With(policytest.Documents{
		"teams/web": fmt.Sprintf(`{"domains": [%q], "issuers": ["ca"], "subtree": true}`, strings.TrimSuffix(parent, ".")),
	})
}

//go:embed testdata
var testdata embed.FS

var templates = template.Must(template.ParseFS(testdata, "testdata/*"))

// fill fills a configuration of testdata in.
func fill(t *testing.T, name string, data any) string {
	t.Helper()
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
