package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
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
