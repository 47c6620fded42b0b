package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// A roll-over of zones does not take a DS of a weaker digest for enough either:
// validators go by the strongest (RFC 4509 section 3).
func TestAParentHasADSOfAKeyWhenEveryValidatorGoesByIt(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	raw, err := dnssec.GenerateKeys("test", dns.ECDSAP256SHA256, now.Add(-24*time.Hour), rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	key := keys.EntryPoint(owner, now)
	foreign := madeKey(t)
	for _, c := range []struct {
		ds   []*dns.DS
		want bool
	}{
		{[]*dns.DS{key.ToDS(dns.SHA256)}, true},
		{[]*dns.DS{key.ToDS(dns.SHA1)}, true},
		{[]*dns.DS{foreign.ToDS(dns.SHA256), key.ToDS(dns.SHA256)}, true},
		{[]*dns.DS{foreign.ToDS(dns.SHA1), key.ToDS(dns.SHA256)}, true},
		{[]*dns.DS{foreign.ToDS(dns.SHA256), key.ToDS(dns.SHA1)}, false},
		{[]*dns.DS{foreign.ToDS(dns.SHA384), key.ToDS(dns.SHA256)}, false},
		{[]*dns.DS{foreign.ToDS(dns.SHA256)}, false},
		{nil, false},
	} {
		p := parentStates{{Zone: owner, Server: "s", ds: c.ds}}
		if err := p.pointTo(keys, key.KeyTag(), now); (err == nil) != c.want {
			t.Errorf("%v: expected it to be enough %t, got %v", c.ds, c.want, err)
		}
	}
}
