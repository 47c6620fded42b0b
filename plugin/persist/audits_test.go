package persist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// audited reads the audit log at path, once everything is told and written.
func audited(t *testing.T, path string) []audit.Line {
	t.Helper()
	for _, a := range audits.all() {
		a.Sync()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v audit.Verification
	var all []audit.Line
	v.OnLine = func(l audit.Line) { all = append(all, l) }
	if err := v.Read(path, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if !v.End() {
		t.Errorf("Expected the chain to hold, got %v", v.Findings)
	}
	return all
}

// told returns the lines of an event.
func told(all []audit.Line, event audit.Event) []audit.Line {
	return slices.DeleteFunc(slices.Clone(all), func(l audit.Line) bool { return l.Event != event })
}

// expectTold fails unless the log ends in lines of these events, and nothing else.
func expectTold(t *testing.T, all []audit.Line, since int, events ...audit.Event) []audit.Line {
	t.Helper()
	got := make([]audit.Event, 0, len(all)-since)
	for _, l := range all[since:] {
		got = append(got, l.Event)
	}
	if !slices.Equal(got, events) {
		text := ""
		for _, l := range all[since:] {
			text += fmt.Sprintf("%+v\n", l)
		}
		t.Fatalf("Expected %v to be told, got %v\n%s", events, got, text)
	}
	return all[since:]
}

func TestChangesAreToldInTheAuditLog(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	path := filepath.Join(site.dir, "audit.log")
	s := start(t, block(site.stanza("audit "+path)))
	all := audited(t, path)
	if names := told(all, audit.Serving); len(names) != 2 || names[0].Zone != "example.com." || len(names[0].Names) != 1 || names[0].New[0] != text(s.ask(t, question(owner, dns.TypeTXT))) {
		t.Fatalf("Expected what is served to be told as it is, got %+v", names)
	}
	if keys := told(all, audit.Key); len(keys) != 1 || keys[0].New[0] != "active" {
		t.Errorf("Expected the KSK and its phase, got %+v", keys)
	}
	n := len(all)
	c.advance(time.Minute)
	documents().Account(`"domains": {"a.b.example.com": {}, "new.example.com": {}, "ill.example.com": {"typo": 1}}`).Write(t, site.policies())
	rescan(t)
	all = audited(t, path)
	got := expectTold(t, all, n, audit.Document, audit.Rejected, audit.Removed, audit.Added)
	if got[1].Name != "ill.example.com" || !strings.Contains(got[1].Reason, "is unknown here") || got[2].Name != "example.com" || got[2].Reason != "no document grants it" || got[2].Old == nil {
		t.Errorf("Expected the rejection and the removal with their reasons, got %+v", got)
	}
	if add := got[3]; add.Name != "new.example.com" || add.Team != "web" || add.Issuer != "ca" || add.Account != "a" || !strings.HasPrefix(add.Document, "accounts/web/ca/a@") || add.Was == "" || !add.At.Equal(noon.Add(time.Minute)) {
		t.Errorf("Expected all there is to say of the new name, got %+v", add)
	}
	n = len(all)
	documents().With(policytest.Documents{"control": `{"stop": {"domain:example.com": {}}}`, "accounts/web/ca/a": documents()["accounts/web/ca/a"]}).Write(t, site.policies())
	rescan(t)
	all = audited(t, path)
	if stop := told(all[n:], audit.Stopped); len(stop) != 1 || stop[0].Scope != "domain:example.com" {
		t.Errorf("Expected the stop to be told, got %+v", all[n:])
	}
	for _, l := range told(all[n:], audit.Removed) {
		if l.Name == "a.b.example.com" && !strings.HasPrefix(l.Reason, "stopped") {
			t.Errorf("Expected the stop as the reason, got %+v", l)
		}
	}
}

// A scan that changes nothing, and time that changes a thousand names, are worth
// no line and one.
func TestRotationIsOneLine(t *testing.T) {
	c := setClock(t, noon)
	names := `"domains": {`
	for i := range 1000 {
		names += fmt.Sprintf(`"n%d.example.com": {}, `, i)
	}
	site := newSite(t, policytest.Standard().Account(names+`"example.com": {}}`))
	path := filepath.Join(site.dir, "audit.log")
	start(t, block(site.stanza("audit "+path)))
	n := len(audited(t, path))
	rescan(t)
	expectTold(t, audited(t, path), n)
	for range 24 { // the store vouches for an hour
		c.advance(time.Hour)
		rescan(t)
	}
	got := expectTold(t, audited(t, path), n, audit.Rotated)
	if got[0].Count != 1001 || !got[0].At.Equal(time.Date(2026, 11, 26, 0, 0, 0, 1, time.UTC)) {
		t.Errorf("Expected 1001 names to be told of at midnight, got %+v", got[0])
	}
}

func TestReloadGoesOnWithTheAuditLog(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	path := filepath.Join(site.dir, "audit.log")
	s := start(t, block(site.stanza("audit "+path)))
	n := len(audited(t, path))
	if err := s.reload(t, block(site.stanza("ttl 60", "audit "+path))); err != nil {
		t.Fatal(err)
	}
	expectTold(t, audited(t, path), n)
	if err := s.reload(t, block(site.stanza("stop domain:example.com", "audit "+path))); err != nil {
		t.Fatal(err)
	}
	expectTold(t, audited(t, path), n, audit.Stopped, audit.Removed, audit.Removed)
	if leases(&audits) != 1 {
		t.Errorf("Expected one lease, got %d", leases(&audits))
	}
	if err := s.reload(t, block(site.stanza())); err != nil {
		t.Fatal(err)
	}
	expectTold(t, audited(t, path), n+3, audit.Left, audit.Ended)
}

func TestStanzasOfOneStoreShareAnAuditLog(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, policytest.Standard().Account(`"domains": {"example.com": {}, "other.example.com": {}}`))
	path := filepath.Join(site.dir, "audit.log")
	stanza := func(label string) string {
		return fmt.Sprintf("_validation-persist.%s:0 {\nbind 127.0.0.1\npersist {\npolicies %s\nkeys none\nns ns1.example.net\naudit %s\n}\n}\n", label, site.policies(), path)
	}
	start(t, stanza("example.com")+stanza("other.example.com"))
	n := len(audited(t, path))
	policytest.Standard().Account(`"domains": {"other.example.com": {}, "x.example.com": {}}`).With(policytest.Documents{"control": `{"freeze_at": "2027-01-01T00:00:00Z"}`}).Write(t, site.policies())
	rescan(t)
	got := expectTold(t, audited(t, path), n, audit.Document, audit.Frozen, audit.Document, audit.Removed)
	if got[3].Zone != "_validation-persist.example.com." {
		t.Errorf("Expected the name to be told of in its zone, got %+v", got[3])
	}
	var r audit.Replay
	for _, l := range audited(t, path) {
		r.Take(l)
	}
	if served := r.Served("_validation-persist.other.example.com."); len(served[record.FQDN("other.example.com")]) != 1 {
		t.Errorf("Expected the other zone to go on, got %v", served)
	}
}

func TestStoreThatIsRefusedIsTold(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents().With(policytest.Documents{"config": `{"schema": 1, "store_id": "prod", "generation": 2}`}))
	path := filepath.Join(site.dir, "audit.log")
	start(t, block(site.stanza("store prod", "audit "+path)))
	all := audited(t, path)
	if is := told(all, audit.Store); len(is) != 1 || is[0].New[0] != "prod 2" {
		t.Errorf("Expected the store to be told, got %+v", is)
	}
	n := len(all)
	for _, c := range []struct {
		config string
		events []audit.Event
	}{
		{`{"schema": 1, "store_id": "test"}`, []audit.Event{audit.Refused}},
		{`{"schema": 1, "store_id": "test"}`, nil},
		{`{"schema": 1, "store_id": "prod", "generation": 3}`, []audit.Event{audit.Document, audit.Store, audit.Accepted}},
	} {
		documents().With(policytest.Documents{"config": c.config}).Write(t, site.policies())
		for _, b := range backends.all() {
			_ = b.watcher.Scan(t.Context())
		}
		all = audited(t, path)
		expectTold(t, all, n, c.events...)
		n = len(all)
	}
}

func TestAuditThatCannotBeWrittenIsRefused(t *testing.T) {
	site := newSite(t, documents())
	other := filepath.Join(site.dir, "other")
	if err := os.WriteFile(other, []byte("something\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for property, want := range map[string]string{
		"audit":                        "audit has 0 arguments: write audit FILE | stdout",
		"audit a b":                    "audit has 2 arguments: write audit FILE | stdout",
		"audit " + site.dir:            "is a directory: write the name of a file, or stdout",
		"audit /nowhere/at/all/a.log":  "/nowhere/at/all is no directory in which a file can be made",
		"audit " + other:               "is no audit log: name a file that is, or one that is not there yet",
		"audit stdout\naudit " + other: "audit stands twice",
	} {
		if got := failToStart(t, block(site.stanza(property))); !strings.Contains(got, want) || !strings.Contains(got, "Corefile:") {
			t.Errorf("%s: expected %q and the line of the Corefile, got %q", property, want, got)
		}
	}
	if n := leases(&audits) + leases(&backends); n != 0 {
		t.Errorf("Expected nothing to stay leased, got %d", n)
	}
}

// A real Vault tells who wrote a version, to whoever may read metadata.
func TestAuditTellsWhoWroteADocument(t *testing.T) {
	for name, may := range map[string]bool{"allowed": true, "denied": false} {
		t.Run(name, func(t *testing.T) {
			withKind(t, "real", documents(), func(v *tended, s *server) {
				h := v.hands.(realHands)
				if may {
					v.must(h.Policy(t.Context(), "server-"+h.mount, fmt.Sprintf("path %q { capabilities = [\"read\"] }\npath %q { capabilities = [\"list\", \"read\"] }\n", h.mount+"/data/*", h.mount+"/metadata/*")))
				}
				path := filepath.Join(filepath.Dir(v.token), "audit.log")
				v.must(s.reload(t, v.corefile("audit "+path, v.dirKeys())))
				n := len(audited(t, path))
				h.put("accounts/web/ca/a", documents().Account(`"domains": {"a.b.example.com": {}}`)["accounts/web/ca/a"])
				v.must(v.scan())
				all := audited(t, path)
				got := expectTold(t, all, n, audit.Document, audit.Removed)
				for _, l := range got {
					if by := l.By; may != (by != nil) || may && (by.Actor != "token" && by.Actor != "root" || by.Operation != "create" && by.Operation != "update") {
						t.Errorf("Expected the author to be told %t, got %+v of %+v", may, by, l)
					}
				}
				h.remove("accounts/web/ca/a")
				v.must(v.scan())
				got = expectTold(t, audited(t, path), len(all), audit.Document, audit.Removed)
				if got[1].Reason != "the document was deleted" || may != (got[1].By != nil) || may && got[1].By.Operation != "delete" {
					t.Errorf("Expected the deletion and who did it, got %+v by %+v", got[1], got[1].By)
				}
				if !served(t, s, "example.com") {
					return
				}
				t.Error("Expected the record to be gone")
			})
		})
	}
}

// Lines are JSON objects of known members: programs read them.
func TestAuditLinesAreJSON(t *testing.T) {
	setClock(t, noon)
	site := newSite(t, documents())
	path := filepath.Join(site.dir, "audit.log")
	start(t, block(site.stanza("audit "+path)))
	audited(t, path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		var l map[string]any
		if err := json.Unmarshal(in.Bytes(), &l); err != nil || l["seq"] == nil || l["event"] == nil || l["prev"] == nil {
			t.Errorf("Expected an object with seq, event and prev, got %s: %v", in.Text(), err)
		} else if _, err := time.Parse(time.RFC3339, fmt.Sprint(l["at"])); err != nil {
			t.Errorf("Expected an instant, got %v", err)
		}
	}
}
