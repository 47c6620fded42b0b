package policy_test

import (
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

func TestRejectionNamesItsDomainUncut(t *testing.T) {
	long := strings.Repeat("a23456789.", 20)
	b := compile(t, standard().Account(`"note": "", "domains": {
		"`+long+`example.org": {}, "`+strings.ToUpper(long)+`example.com.": {"wild": true},
		"b.example.com": {}, "B.example.com": {"wildcard": true}, "c.example.com": {}, "C.example.com": {},
		"d.example.com": {"until": "none"}, "a..b": {}}`).With(documents{"teams/b": `{"domains": ["b.example"]}`}))
	got := map[record.FQDN]int{}
	for _, r := range b.Rejections() {
		got[r.Name]++
	}
	want := map[record.FQDN]int{
		record.FQDN(long + "example.org"): 1, record.FQDN(long + "example.com"): 1,
		"b.example.com": 1, "c.example.com": 1, "d.example.com": 1,
		"": 2, // no name, and the team without issuers
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Rejections by name differ (-want +got):\n%s\n%v", diff, b.Rejections())
	}
}

func TestUnchangedFaultHasTheSameKeyInEveryVersion(t *testing.T) {
	d := standard().Account(`"typo": 1, "domains": {"example.org": {}}`)
	keys := func(b *policy.Book) (list []policy.Rejection) {
		for _, r := range b.Rejections() {
			list = append(list, r.Key())
		}
		return list
	}
	first := compile(t, d)
	second := next(first, 2, d)
	if diff := cmp.Diff(keys(first), keys(second)); diff != "" {
		t.Errorf("Keys differ (-first +second):\n%s", diff)
	}
	if r := second.Rejections()[0]; r.Version != "2" || r == first.Rejections()[0] {
		t.Errorf("Expected the rejection itself to name version 2, got %v", r)
	}
}

// What was written at the same instant says the same, whatever its number.
func TestVersionThatMovesAloneOnlyShowsInMessages(t *testing.T) {
	d := standard().Account(`"domains": {"example.com": {}, "a.example.com": {"until": "2026-11-20T00:00:00Z"}, "a..b": {}}`)
	first := compile(t, d)
	s := d.Snapshot(1, read)
	for i := range s.Documents {
		s.Documents[i].Version = "9"
	}
	moved := policy.Compile(first, s, policy.Brakes{})
	expectRejection(t, moved, "accounts/web/ca/a@9: ", "a..b")
	if moved.Lookup("example.com")[0] != first.Lookup("example.com")[0] || moved.Version("accounts/web/ca/a") != "9" {
		t.Error("Expected the same grant, of version 9")
	}
	for i := range s.Documents {
		s.Documents[i].Version, s.Documents[i].Created = "10", written.AddDate(0, 1, 0)
	}
	late := policy.Compile(moved, s, policy.Brakes{})
	if g := late.Lookup("a.example.com")[0]; !strings.Contains(g.Withheld, "in the past") {
		t.Errorf("Expected until to be held against when it was written, got %+v", g)
	}
}

// The names in between are none that the document has.
func TestRejectionNamesTheDomainAsItIsWritten(t *testing.T) {
	b := compile(t, standard().Account(`"domains": {"192.0.2.64/30": {}, "2001:db8::/48": {}, "*.example.net": {}, "WWW.Example.Org.": {}}`))
	got := map[string]int{}
	for _, r := range b.Rejections() {
		got[r.Field]++
	}
	want := map[string]int{`domains["192.0.2.64/30"]`: 4, `domains["2001:db8::/48"]`: 1, `domains["*.example.net"]`: 1, `domains["WWW.Example.Org."]`: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Rejections by field differ (-want +got):\n%s\n%v", diff, b.Rejections())
	}
}
