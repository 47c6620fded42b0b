package persist

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
)

// The ready plugin asks one handler per process, whichever it is.
func TestReadyOnlyWhenEveryStanzaIs(t *testing.T) {
	whole, broken := newSite(t, documents()), newSite(t, documents().With(policytest.Documents{"config": `{"schema": 2}`}))
	handler := func(s site) *Persist {
		t.Helper()
		c, err := parseStanza(s.stanza())
		if err != nil {
			t.Fatal(err)
		}
		p := newPersist(c)
		if err := p.lease(); err != nil {
			t.Fatal(err)
		}
		running.join(p)
		t.Cleanup(func() { _ = p.stop() })
		rescan(t)
		p.update()
		return p
	}
	first := handler(whole)
	if !first.Ready() {
		t.Error("Expected a loaded handler to be ready")
	}
	second := handler(broken)
	if first.Ready() || second.Ready() {
		t.Error("Expected no handler to be ready while one of them has nothing to serve")
	}
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
	if !first.Ready() {
		t.Error("Expected a handler that was stopped not to count")
	}
}
