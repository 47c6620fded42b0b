package dnssec

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A document that would break the chain of trust from one moment to the next
// must not take the place of the one in use.
func TestOnlyADocumentThatContinuesMayTakeOver(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	raw, err := GenerateKeys("a", 13, at, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateKeys("a", 13, at, rand.NewChaCha8([32]byte{2}))
	if err != nil {
		t.Fatal(err)
	}
	parse := func(raw []byte) *KeySet {
		t.Helper()
		k, err := ParseKeys(raw)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	type object = map[string]any
	change := func(edit func(ours, theirs object)) *KeySet {
		t.Helper()
		var ours, theirs object
		for document, from := range map[*object][]byte{&ours: raw, &theirs: other} {
			if err := json.Unmarshal(from, document); err != nil {
				t.Fatal(err)
			}
		}
		edit(ours, theirs)
		changed, err := json.Marshal(ours)
		if err != nil {
			t.Fatal(err)
		}
		return parse(changed)
	}
	first := func(o object, list string) object { return o[list].([]any)[0].(object) }
	before := parse(raw)
	for _, c := range []struct {
		name, fragment string
		edit           func(ours, theirs object)
	}{
		{"nothing", "", func(object, object) {}},
		{"validity", "", func(o, _ object) { o["validity"] = object{"data": "96h", "dnskey": "336h"} }},
		{"another KSK beside", "", func(o, th object) { o["ksks"] = []any{first(th, "ksks"), first(o, "ksks")} }},
		{"name", "name or algorithm", func(o, _ object) { o["name"] = "b" }},
		{"algorithm", "name or algorithm", func(o, _ object) { o["algorithm"] = 15 }},
		{"ZSK seed", "ZSKs", func(o, th object) { first(o, "zsks")["seed"] = first(th, "zsks")["seed"] }},
		{"ZSK start", "ZSKs", func(o, _ object) { first(o, "zsks")["start"] = "2026-01-01T00:00:00Z" }},
		{"ZSK lifetime", "ZSKs", func(o, _ object) { first(o, "zsks")["lifetime"] = "800h" }},
		{"another KSK instead", "no KSK", func(o, th object) { o["ksks"] = th["ksks"] }},
		{"another installation's", "ZSKs", func(o, th object) {
			clear(o)
			maps.Copy(o, th)
		}},
	} {
		err := change(c.edit).Continues(before, at)
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
	if err := before.Continues(nil, at); err != nil {
		t.Errorf("Expected any document to be the first, got %v", err)
	}
}
