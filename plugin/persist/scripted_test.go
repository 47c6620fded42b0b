package persist

import (
	"net/http"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// scriptedSite is a Vault that fails as it is told, with documents in it.
type scriptedSite struct {
	*storetest.Server
	*stand
}

func newScriptedSite(t *testing.T, d policytest.Documents) *scriptedSite {
	t.Helper()
	v := storetest.New(t)
	for path, body := range d {
		v.Put(path, body)
	}
	return &scriptedSite{v, newStand(t, v.URL, "hvs.test")}
}

func TestChangesInAScriptedVaultAreServedWithTheNextScan(t *testing.T) {
	const path = "accounts/web/ca/a"
	s := newScriptedSite(t, hourly())
	server := start(t, s.corefile(s.dirKeys()))
	for _, c := range []struct {
		name   string
		change func()
		served bool
	}{
		{"as it was", func() {}, true},
		{"disabled", func() { s.Put(path, documents().Account(`"domains": {"example.com": {"enabled": false}}`)[path]) }, false},
		{"enabled", func() { s.Put(path, hourly()[path]) }, true},
		{"stopped", func() { s.Put("control", `{"stop": {"domain:example.com": {}}}`) }, false},
		{"stop deleted", func() { s.Remove("control") }, false},
		{"stop lifted", func() { s.Put("control", `{}`) }, true},
		{"deleted", func() { s.Remove(path) }, false},
		{"undeleted", func() { s.Undelete(path) }, true},
		{"destroyed", func() { s.Destroy(path) }, false},
		{"written anew", func() { s.Put(path, hourly()[path]) }, true},
	} {
		c.change()
		s.must(s.scan())
		if left := s.left(server); (left > 0) != c.served {
			t.Errorf("%s: expected the record to be served %t, it is valid for %v", c.name, c.served, left)
		}
	}
}

// Whatever a Vault does instead of answering, it is silence.
func TestFailingVaultFreezesThenSilences(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"sealed":         storetest.Answering(http.StatusServiceUnavailable, "Vault is sealed"),
		"failing":        storetest.Answering(http.StatusInternalServerError, "1 error occurred"),
		"throttling":     storetest.Answering(http.StatusTooManyRequests),
		"denying":        storetest.Answering(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"),
		"unmounted":      storetest.Answering(http.StatusNotFound, `no handler for route "persist/data/config". route entry not found.`),
		"nonsense":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"data": {"da`)) },
		"cut off":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"without a word": http.NotFound,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScriptedSite(t, hourly())
			server := start(t, s.corefile(s.dirKeys()))
			s.fallsSilent(server, func() { s.Fail(fault) }, s.Heal)
		})
	}
}
