package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/google/go-cmp/cmp"
)

// below is a team that owns names below those of team web, which has a grant
// for one of them all the same.
func below() documents {
	return standard().With(documents{
		"teams/b": `{"domains": ["b.example.com"], "issuers": ["ca"]}`,
	}).Account(`"domains": {"example.com": {}, "x.b.example.com": {}}`)
}

// unknown are team documents that do not tell what the team owns.
var unknown = map[string]string{
	"typo":         `{"domain": ["b.example.com"], "issuers": ["ca"]}`,
	"bad suffix":   `{"domains": ["b.example.com:443"], "issuers": ["ca"]}`,
	"one of two":   `{"domains": ["b.example", "b.example.com:443"], "issuers": ["ca"]}`,
	"twice":        `{"domains": ["b.example"], "domains": ["b.example.com"], "issuers": ["ca"]}`,
	"not JSON":     `{"domains": ["b.example.com"]`,
	"no object":    `["b.example.com"]`,
	"with a key":   `{"domain": "b.example.com", "x_key": {"d": "secret"}}`,
	"no list":      `{"domains": 5, "issuers": ["ca"]}`,
	"with setting": `{"domains": {"b.example.com": {"x": 1}}, "issuers": ["ca"]}`,
}

func TestNoStartWhileATeamsDomainsAreNotKnown(t *testing.T) {
	for name, body := range unknown {
		d := below().With(documents{"teams/b": body})
		first := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{})
		if err := first.Fit(); err == nil || !strings.Contains(err.Error(), "teams/b@1") {
			t.Errorf("%s: expected an error that names teams/b, got %v", name, err)
		}
		if again := next(first, 1, d); again.Fit() == nil {
			t.Errorf("%s: expected another read of the same not to help", name)
		}
		for _, repair := range []documents{below(), d.With(documents{"teams/b": "-"}), d.With(documents{"teams/b": ""})} {
			if err := next(first, 2, repair).Fit(); err != nil {
				t.Errorf("%s: expected a repaired or deleted document to do, got %v", name, err)
			}
		}
	}
}

func TestAStartNeedsNoMoreOfATeamThanItsDomains(t *testing.T) {
	b := compile(t, below().With(documents{"teams/b": `{"domains": ["b.example.com"], "typo": 1}`}))
	if diff := cmp.Diff([]string{"example.com"}, names(t, b)); diff != "" {
		t.Errorf("Served names differ (-want +got):\n%s", diff)
	}
}

// What appears broken later takes nobody else down.
func TestRunningServerOutlivesATeamThatIsNotKnown(t *testing.T) {
	without := below().With(documents{"teams/b": ""})
	for name, body := range unknown {
		first := compile(t, without)
		b := next(first, 2, without.With(documents{"teams/b": strings.ReplaceAll(body, "b.example.com\"]", "b.example\"]")}))
		if err := b.Fit(); err != nil {
			t.Errorf("%s: expected the book to stay fit, got %v", name, err)
		}
		if diff := cmp.Diff(names(t, first), names(t, b)); diff != "" {
			t.Errorf("%s: served names differ (-want +got):\n%s", name, diff)
		}
		if len(b.Rejections()) == 0 {
			t.Errorf("%s: expected a rejection", name)
		}
	}
	partly := next(compile(t, without), 2, without.With(documents{"teams/b": `{"domains": ["b.example.com", "b:443"]}`}))
	if diff := cmp.Diff([]string{"example.com"}, names(t, partly)); diff != "" {
		t.Errorf("Expected what can be read of the domains to be owned (-want +got):\n%s", diff)
	}
}

func TestRunningServerOutlivesAFirstControlDocumentThatSaysNothing(t *testing.T) {
	for body, reason := range map[string]string{
		"not json": "not JSON", "[]": "write one object", "-": "deleted before it could be read",
	} {
		d := standard().With(documents{"control": body})
		b := compile(t, standard())
		for version := 2; version < 5; version++ {
			b = next(b, version, d)
			if err := b.Fit(); err != nil || len(names(t, b)) != 1 || len(b.Stops()) != 0 {
				t.Errorf("%s: expected the book to stay fit and nothing to stop, got %v", body, err)
			}
			expectRejection(t, b, "control@", reason)
		}
		appeared, at := read.Add(60e9), b.Confirmed(b.Lookup("example.com")[0])
		if body != "-" && !at.Equal(appeared) {
			t.Errorf("%s: expected everything to age since it appeared at %v, got %v", body, appeared, at)
		}
		if body == "-" && !at.After(appeared) {
			t.Errorf("Expected the store's word that it was deleted to count, got %v", at)
		}
		if first := policy.Compile(nil, d.Snapshot(1, read), policy.Brakes{}); first.Fit() == nil || next(first, 2, d).Fit() == nil {
			t.Errorf("%s: expected a first load to fail", body)
		}
	}
}

func TestDocumentThatComesBackCountsAgain(t *testing.T) {
	for _, path := range []string{"config", "control"} {
		d := standard().With(documents{"control": `{}`})
		lost := next(compile(t, d), 1, d.With(documents{path: ""}))
		expectRejection(t, lost, path+"@1", "is gone")
		back := policy.Compile(lost, d.Snapshot(1, read.Add(3600e9)), policy.Brakes{})
		if len(back.Rejections()) != 0 {
			t.Errorf("%s: expected no rejection, got %v", path, back.Rejections())
		}
		if got := back.Confirmed(back.Lookup("example.com")[0]); !got.Equal(read.Add(3600e9)) {
			t.Errorf("%s: expected it to be confirmed again, got %v", path, got)
		}
	}
}

// What a server signs whose clock is far behind has expired for everybody else.
func TestNoStartOnAClockFarBehindTheStores(t *testing.T) {
	at := func(b *policy.Book, behind time.Duration) *policy.Book {
		s := standard().Snapshot(1, read)
		s.Date, s.DateAt = read.Add(behind), read
		return policy.Compile(b, s, policy.Brakes{})
	}
	for behind, fit := range map[time.Duration]bool{-24 * time.Hour: true, 0: true, time.Hour: true, time.Hour + time.Second: false} {
		b := at(nil, behind)
		if err := b.Fit(); (err == nil) != fit {
			t.Errorf("%v behind: expected fit to be %t, got %v", behind, fit, err)
		}
		if again := at(b, 0); again.Fit() != nil {
			t.Errorf("%v behind: expected the clock, set right, to do, got %v", behind, again.Fit())
		}
	}
	if err := at(at(nil, 0), 24*time.Hour).Fit(); err != nil {
		t.Errorf("Expected a server that has started to go on, got %v", err)
	}
}
