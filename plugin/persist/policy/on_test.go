package policy_test

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
)

func TestGrantsOnTheSameTermsAreFoundWithoutTheOthers(t *testing.T) {
	b := policytest.Standard().Account(`"domains": {"example.com": {}, "b.example.com": {}, "a.example.com": {}, "w.example.com": {"wildcard": true}}`).Compile(t)
	var names []string
	for g := range b.On(*b.Lookup("example.com")[0].Terms) {
		names = append(names, string(g.FQDN))
	}
	if len(names) != 3 || names[0] != "example.com" || names[1] != "a.example.com" || names[2] != "b.example.com" {
		t.Errorf("Expected the three names without wildcard, sorted, got %q", names)
	}
	for g := range b.On(policy.Terms{Team: "web", Issuer: "ca", Account: "other"}) {
		t.Errorf("Expected an account that is not there to have no grants, got %v", g)
	}
}

func TestBookTellsWhichStoreItIsOf(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{"config": `{"schema": 1, "store_id": "prod", "generation": 3}`})
	b := d.Compile(t)
	if got, want := b.Store(), (policy.Pin{ID: "prod", Generation: 3}); got != want {
		t.Errorf("Expected %v, got %v", want, got)
	}
	later := policytest.Read.Add(time.Minute)
	b = policy.Compile(b, d.With(policytest.Documents{"config": "{"}).Snapshot(2, later), policy.Brakes{})
	if got := b.Store().ID; got != "prod" {
		t.Errorf("Expected what config said to go on to hold when it breaks, got %q", got)
	}
	if got := (&policy.Book{}).Store(); got != (policy.Pin{}) {
		t.Errorf("Expected nothing of an empty book, got %v", got)
	}
	if got := b.Versions()["teams/web"]; got != "2" {
		t.Errorf("Expected version 2 of teams/web, got %q", got)
	}
}
