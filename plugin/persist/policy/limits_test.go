package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// many is n entries of domains.
func many(n int, suffix string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, `,"%d.%s":{}`, i, suffix)
	}
	return s.String()[1:]
}

// A document of a megabyte can have half a million faults.
func TestFaultsOfADocumentAreLimited(t *testing.T) {
	for name, members := range map[string]string{
		"numbers in a list":  `"domains": {}, "thumbprints": [` + strings.Repeat("0,", 20000) + `0]`,
		"unknown members":    `"domains": {}` + strings.Repeat(`,"":0`, 20000),
		"unknown in domain":  `"domains": {"example.com": {"wildcard": 1` + strings.Repeat(`,"":0`, 20000) + `}}`,
		"no names":           `"domains": "` + strings.Repeat("_ ", 20000) + `"`,
		"same name":          `"domains": "` + strings.Repeat("A.example.com a.example.com ", 10000) + `"`,
		"names of others":    `"domains": {` + many(10000, "example.org") + `}`,
		"all kinds together": `"domains": {"_": {}, "a..b": {},` + many(10000, "example.org") + `}`,
	} {
		b := policy.Compile(nil, standard().Account(members).Snapshot(1, read), policy.Brakes{})
		list := b.Rejections()
		if len(list) != 101 {
			t.Errorf("%s: expected a hundred rejections and one for the others, got %d", name, len(list))
			continue
		}
		if last := list[100].Error(); !strings.HasPrefix(last, "accounts/web/ca/a@1: and ") || !strings.Contains(last, "faults more") {
			t.Errorf("%s: expected the last to tell how many more there are, got %q", name, last)
		}
	}
	b := compile(t, standard().Account(`"domains": {`+many(110, "example.org")+`}`))
	expectRejection(t, b, "accounts/web/ca/a@1: and 10 faults more")
}

// A fault that is not told counts all the same.
func TestUntoldFaultsMakeAMemberUnsound(t *testing.T) {
	faults := strings.Repeat(`"":0,`, 500)
	b := next(compile(t, threeNames()), 2, threeNames().Account(faults+`"domains": ["a.example.com", 5]`))
	if len(names(t, b)) != 3 {
		t.Errorf("Expected domains that cannot be read to withdraw nothing, got %q", names(t, b))
	}
	b = next(compile(t, threeNames()), 2, threeNames().Account(faults+`"domains": ["a.example.com"]`))
	if len(names(t, b)) != 1 {
		t.Errorf("Expected domains that can be read to withdraw what they leave out, got %q", names(t, b))
	}
}

func TestConflictsOfATeamAreLimited(t *testing.T) {
	d := standard().With(documents{
		"teams/b": `{"issuers": ["ca"], "domains": {` + many(1000, "example.org") + `}}`,
		"teams/c": `{"issuers": ["ca"], "domains": {` + many(1000, "example.org") + `}}`,
	})
	b := compile(t, d)
	if n := len(b.Rejections()); n != 202 {
		t.Errorf("Expected 101 rejections of each team, got %d", n)
	}
	expectRejection(t, b, "teams/b@1: and 900 faults more")
	for i := range 20 {
		d[fmt.Sprintf("teams/d%d", i)] = `{"issuers": ["ca"], "domains": "1.example.org"}`
	}
	for _, r := range compile(t, d).Rejections() {
		if len(r.Reason) > 200 {
			t.Fatalf("Expected a message that names some teams only, got %s", r.Reason)
		}
	}
}

func TestFieldOfASecretIsCut(t *testing.T) {
	const deep = 9000
	for _, name := range []string{"a", strings.Repeat("ä", 30), strings.Repeat("a", 60)} {
		body := strings.Repeat(`{"x_`+name+`":`, deep) + `{"d":"x"}` + strings.Repeat("}", deep)
		b := policy.Compile(nil, standard().With(documents{"accounts/web/ca/a": body}).Snapshot(1, read), policy.Brakes{})
		if len(b.Rejections()) != 1 {
			t.Fatalf("Expected one rejection, got %d", len(b.Rejections()))
		}
		field := b.Rejections()[0].Field
		if len(field) > 300 || strings.Count(field, "…") != 1 || strings.ToValidUTF8(field, "") != field || !strings.Contains(field, "x_") {
			t.Errorf("Expected the beginning of the field, got %q", field)
		}
	}
}

func TestUnknownMemberIsToldTheOthersOnce(t *testing.T) {
	for _, r := range compile(t, standard().Account(`"typo": 1, "domains": {"example.com": {"typo": 1}}`)).Rejections() {
		for _, member := range []string{"forms", "until", "wildcard"} {
			if n := strings.Count(r.Reason, member); n != 1 {
				t.Errorf("Expected %s once, got %q", member, r.Reason)
			}
		}
	}
}

func BenchmarkInvalidVersionOfManyDomains(b *testing.B) {
	domains := `"domains": {` + many(10000, "example.com") + `}`
	first := policy.Compile(nil, standard().Account(domains).Snapshot(1, read), policy.Brakes{})
	s := standard().Account(domains+`, "thumbprints": [`+strings.Repeat("0,", 400000)+`0]`).Snapshot(2, read)
	for b.Loop() {
		policy.Compile(first, s, policy.Brakes{})
	}
}

func BenchmarkTeamOfManySuffixes(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		team := `"issuers": "ca", "domains": {` + many(n, "example.com") + `}`
		d := standard().With(documents{"teams/web": `{` + team + `}`}).Account(`"domains": {` + many(n, "example.com") + `}`)
		first, valid := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{}), d.Snapshot(1, read)
		invalid := d.With(documents{"teams/web": `{` + team + `, "typo": 1}`}).Snapshot(2, read)
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) {
			for b.Loop() {
				policy.Compile(nil, valid, policy.Brakes{})
			}
		})
		b.Run(fmt.Sprintf("narrowed/%d", n), func(b *testing.B) {
			for b.Loop() {
				policy.Compile(first, invalid, policy.Brakes{})
			}
		})
	}
}
