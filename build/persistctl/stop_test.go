package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// Many stop at the same moment, as happens when something is on fire: nobody's
// stop is lost.
func TestNoStopIsLostToAnother(t *testing.T) {
	v := vaultWithExamples(t)
	t.Setenv("VAULT_ADDR", v.Address)
	t.Setenv("VAULT_TOKEN", v.RootToken)
	const people = 12
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			var out, complaint strings.Builder
			args := []string{"stop", fmt.Sprintf("domain:n%d.example.com", i), "--reason", fmt.Sprint("INC-", i), "--vault"}
			if status := execute(args, &out, &complaint); status != exitOK {
				t.Errorf("%v: status %d: %s", args, status, complaint.String())
			}
		})
	}
	all.Wait()
	var shown struct{ Stops []string }
	must(t, json.Unmarshal([]byte(persistctl(t, "show", "--vault", "-o", "json")), &shown))
	if len(shown.Stops) != people {
		t.Errorf("Expected %d stops, got %v", people, shown.Stops)
	}
	if d, err := v.Client.KVv2("persist").Get(t.Context(), "control"); err != nil || d.VersionMetadata.Version != people {
		t.Errorf("Expected one version for each stop, got %v, %v", d, err)
	}
}

// Whoever is told that nothing is stopped goes another way at once, and whoever is told
// that it may be looks first.
func TestAStopThatWasSentAndNotAnsweredMayBeWritten(t *testing.T) {
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	refuse := func(w http.ResponseWriter) { storetest.Refuse(w, http.StatusTooManyRequests) }
	take := func(w http.ResponseWriter) { fmt.Fprint(w, `{"data":{"version":2}}`) }
	for name, c := range map[string]struct {
		readOnce bool // and hang up on whoever reads again
		onWrite  func(http.ResponseWriter)
		says     string
	}{
		"no answer":                {onWrite: hangUp, says: "The stop is not known to be written. Without Vault, have"},
		"refused":                  {onWrite: refuse, says: "Nothing is stopped. Without Vault, have"},
		"written and not read any": {onWrite: take, readOnce: true, says: "It stands in control, which servers look at"},
	} {
		t.Run(name, func(t *testing.T) {
			vault := storetest.New(t)
			vault.Put("config", `{"schema": 1}`)
			vault.Put("control", `{}`)
			t.Setenv("VAULT_TOKEN", "hvs.test")
			t.Setenv("VAULT_MAX_RETRIES", "0")
			var written atomic.Bool
			vault.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.Method == http.MethodPut || r.Method == http.MethodPost:
					written.Store(true)
					c.onWrite(w)
				case written.Load() && c.readOnce:
					hangUp(w)
				default:
					return false
				}
				return true
			})
			_, out, said := run("stop", "all", "--reason", "INC-1", "--vault="+vault.URL)
			if !written.Load() || !strings.Contains(out+said, c.says) {
				t.Errorf("Expected %q after a write, got %q %q", c.says, out, said)
			}
		})
	}
}
