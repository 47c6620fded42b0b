package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

var alice = policy.Reason{At: written, By: "alice", Reason: "INC-77"}

func parseControl(t *testing.T, body string) *policy.ControlDocument {
	t.Helper()
	c, err := policy.ParseControl([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func scope(t *testing.T, s string) policy.Scope {
	t.Helper()
	parsed, err := policy.ParseScope(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// compact is the document without the white space that is for people.
func compact(c *policy.ControlDocument) string {
	return strings.NewReplacer("\n", "", " ", "").Replace(string(c.JSON()))
}

func TestAStopIsAddedToWhateverStandsThere(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                    `{"stop":{"team:web":{"at":"2026-11-01T00:00:00Z","by":"alice","reason":"INC-77"}}}`,
		`{"stop":""}`:           `{"stop":{"team:web":{"at":"2026-11-01T00:00:00Z","by":"alice","reason":"INC-77"}}}`,
		`{"stop":"team:a,all"}`: `{"stop":{"team:a":{},"all":{},"team:web":{"at":"2026-11-01T00:00:00Z","by":"alice","reason":"INC-77"}}}`,
		`{"stop":["team:a"]}`:   `{"stop":{"team:a":{},"team:web":{"at":"2026-11-01T00:00:00Z","by":"alice","reason":"INC-77"}}}`,
		`{"x_a":[1.50,null,true],"stop":{"team:a":{"by":"bob"}},"freeze_at":1798761600}`: `{"x_a":[1.50,null,true],"stop":{"team:a":{"by":"bob"},"team:web":{"at":"2026-11-01T00:00:00Z","by":"alice","reason":"INC-77"}},"freeze_at":1798761600}`,
	} {
		c := parseControl(t, body)
		added, err := c.Stop(scope(t, "team:web"), alice)
		if got := compact(c); !added || err != nil || got != want {
			t.Errorf("%s: expected\n%s, got\n%s (%t, %v)", body, want, got, added, err)
		}
		if again, err := c.Stop(scope(t, "team:web"), policy.Reason{By: "bob"}); again || err != nil || compact(c) != want {
			t.Errorf("Expected a stop to keep its reason, got %s", compact(c))
		}
	}
	if _, err := parseControl(t, `{"stop": 3}`).Stop(scope(t, "all"), alice); err == nil {
		t.Error("Expected no stop in a place that has something else")
	}
	if c, err := policy.ParseControl(nil); err != nil || compact(c) != `{}` {
		t.Errorf("Expected an empty document where there is none, got %v", err)
	}
	for _, body := range []string{`[]`, `{`, ``} {
		if _, err := policy.ParseControl([]byte(body)); err == nil {
			t.Errorf("%q: expected an error", body)
		}
	}
}

func TestALiftedStopIsThatOneAlone(t *testing.T) {
	c := parseControl(t, `{"stop": {"domain:Shop.Example.COM.": {"by": "alice"}, "domain:example.com": {"by": "bob"}}, "x_mine": 1}`)
	if want, got := 2, len(c.Stops()); got != want || c.Stops()[0].By != "alice" || c.Stops()[0].Scope != scope(t, "domain:shop.example.com") {
		t.Fatalf("Expected two stops, the first of alice's, got %v", c.Stops())
	}
	if !c.Lift(scope(t, "domain:shop.example.com")) || c.Lift(scope(t, "domain:shop.example.com")) {
		t.Error("Expected the stop to be lifted once, however it is spelled")
	}
	if want, got := `{"stop":{"domain:example.com":{"by":"bob"}},"x_mine":1}`, compact(c); got != want {
		t.Errorf("Expected %s, got %s", want, got)
	}
}

func TestAFreezeOnlyGetsEarlier(t *testing.T) {
	c := parseControl(t, `{"freeze_at": "2026-12-01T00:00:00Z"}`)
	if set, err := c.SetFreeze(written.AddDate(1, 0, 0), alice); set || err != nil {
		t.Errorf("Expected the earlier freeze to stay, got %t, %v", set, err)
	}
	if set, err := c.SetFreeze(written, alice); !set || err != nil {
		t.Errorf("Expected the earlier freeze to be set, got %t, %v", set, err)
	}
	if at, why := c.Freeze(); !at.Equal(written) || why != alice {
		t.Errorf("Expected alice's freeze, got %v of %v", at, why)
	}
	if !c.Thaw() || c.Thaw() || compact(c) != `{}` {
		t.Errorf("Expected the freeze and its reason to go, once, got %s", compact(c))
	}
	if _, err := parseControl(t, `{"freeze_at": "soon"}`).SetFreeze(written, alice); err == nil {
		t.Error("Expected nothing in the place of a freeze that cannot be read: what held before may be earlier")
	}
}

// A broken document lifts nothing. A stop in it counts, and does not make it
// valid by the way: that would lift what it has lost.
func TestAStopDoesNotMendADocument(t *testing.T) {
	first := compile(t, standard().With(documents{"control": `{"stop": {"uri:https://ca.example/acct/9": {}}}`}))
	broken := `{"stop": {"team:wbe": {}}, "stop": {}, "stopp": {}}`
	c := parseControl(t, broken)
	if c.Check() == nil {
		t.Fatal("Expected a broken document")
	}
	if _, err := c.Stop(scope(t, "team:web"), alice); err != nil || c.Check() == nil {
		t.Fatalf("Expected a document that is as broken as before, got %v", err)
	}
	held := next(first, 2, standard().With(documents{"control": string(c.JSON())}))
	got := make([]string, 0, len(held.Stops()))
	for _, s := range held.Stops() {
		got = append(got, s.String())
	}
	if want := []string{"team:wbe", "team:web", "uri:https://ca.example/acct/9"}; !slices.Equal(got, want) {
		t.Errorf("Expected the stops %v, got %v", want, got)
	}
}

// Whatever is stopped and lifted, in whatever order, the book has the stops that
// the document says it has.
func TestTheBookHasTheStopsOfTheDocument(t *testing.T) {
	c := parseControl(t, `{}`)
	at := time.Time{}
	for i, s := range []string{"team:web", "domain:example.com", "team:web", "all", "issuer:ca"} {
		if _, err := c.Stop(scope(t, s), alice); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			c.Lift(scope(t, "domain:example.com"))
		}
		book := compile(t, standard().With(documents{"control": string(c.JSON())}))
		if want, got := len(c.Stops()), len(book.Stops()); got != want || c.Check() != nil {
			t.Errorf("Expected %d stops, got %v, %v", want, book.Stops(), c.Check())
		}
		if !book.Freeze().Equal(at) {
			t.Errorf("Expected no freeze, got %v", book.Freeze())
		}
	}
}
