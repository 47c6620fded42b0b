package main

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
)

// A grant of its own, even one that is disabled, takes a name out of the subtree
// that it lies in, and the name goes back with it.
func TestAPlanTellsWhatANameHadOrGetsByASubtree(t *testing.T) {
	in := func(domains string) policytest.Documents {
		return policytest.Standard().Account(`"domains": {` + domains + `}`)
	}
	without := in(`"dev.example.com": {"subtree": true}`)
	with := in(`"dev.example.com": {"subtree": true}, "off.dev.example.com": {"enabled": false}`)
	for _, c := range []struct {
		was, is       policytest.Documents
		before, after int
	}{{without, with, 1, 0}, {with, without, 0, 1}} {
		var p plan
		p.compare(c.was.Compile(t), c.is.Compile(t))
		if len(p.Names) != 1 || p.Names[0].Name != "off.dev.example.com" || len(p.Names[0].Before) != c.before || len(p.Names[0].After) != c.after {
			t.Errorf("Expected %d records before and %d after at one name, got %+v", c.before, c.after, p.Names)
		}
	}
}

// The records of a prefix are those of the addresses in it.
func TestAPlanTellsWhatAPrefixPublishes(t *testing.T) {
	d := policytest.Standard().With(policytest.Documents{"teams/web": `{"domains": ["192.0.2.0/24"], "issuers": ["ca"], "subtree": true}`})
	var p plan
	p.compare(d.Account(`"domains": {}`).Compile(t), d.Account(`"domains": {"192.0.2.0/24": {}}`).Compile(t))
	const want = "ca.example; accounturi=https://ca.example/acct/123; rolling 96h0m0s to 120h0m0s ahead, at every address in it"
	if len(p.Names) != 1 || len(p.Names[0].After) != 1 || p.Names[0].After[0] != want {
		t.Errorf("Expected %q, got %+v", want, p.Names)
	}
}
