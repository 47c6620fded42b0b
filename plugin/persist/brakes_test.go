package persist

import (
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// scopes are the brakes of the Corefile and what is left under each.
var scopes = map[string][]string{
	"all":                              nil,
	"issuer:ca":                        nil,
	"team:web":                         everything[2:],
	"account:web/ca/a":                 everything[2:],
	"uri:https://ca.example/acct/123":  everything[2:],
	"domain:a.example.com":             {"example.com", "x.b.example.com"},
	"domain:B.example.com.":            everything[:2],
	"domain:example.com":               nil,
	"team:b domain:example.com.":       nil,
	"uri:https://ca.example/acct/1234": everything,
}

// The brakes of the Corefile are for when Vault cannot be written: they need
// nothing of it.
func TestStopsOfTheCorefileActWhileVaultIsAway(t *testing.T) {
	impatient(t)
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		v.seal()
		for scope, left := range scopes {
			v.must(s.reload(t, v.corefile(v.dirKeys(), "stop "+scope)))
			expect(t, s, "stop "+scope, left...)
		}
		v.must(s.reload(t, v.corefile(v.dirKeys())))
		expect(t, s, "no stop", everything...)
	})
}

// A server that starts while Vault is away has nothing to serve. What it is told
// to stop is stopped from its first answer on.
func TestStopsOfTheCorefileActFromTheFirstAnswer(t *testing.T) {
	impatient(t)
	for kind, open := range kinds {
		v := open(t, twoTeams())
		for scope, left := range scopes {
			t.Run(kind+" "+scope, func(t *testing.T) {
				v.seal()
				s := start(t, v.corefile(v.dirKeys(), "stop "+scope))
				_ = v.scan()
				expectSilence(t, s, "sealed", dns.ExtendedErrorCodeNotReady)
				v.unseal()
				v.must(v.scan())
				expect(t, s, "stop "+scope, left...)
			})
		}
	}
}

// Frozen, rotation stands still where it was at that instant, with Vault or
// without, and the records end by themselves.
func TestFreezeOfTheCorefileEndsRecordsWhileVaultIsAway(t *testing.T) {
	impatient(t)
	with(t, twoTeams(), func(v *tended, s *server) {
		t := v.t
		frozen := v.now().Truncate(time.Hour)
		freeze := "freeze " + frozen.UTC().Format(time.RFC3339)
		v.seal()
		check := func(when string, s *server) {
			t.Helper()
			if until := v.now().Add(v.left(s)); !until.Equal(frozen.Add(96 * time.Hour)) {
				t.Errorf("%s: expected persistUntil to stand at %v, got %v", when, frozen.Add(96*time.Hour), until)
			}
		}
		v.must(s.reload(t, v.corefile(v.dirKeys(), freeze)))
		check("sealed", s)
		v.unseal()
		another := start(t, v.corefile(v.dirKeys(), freeze, "refresh 50s"))
		v.must(v.scan())
		check("started frozen", another)
		for days := range 3 {
			v.set(frozen.Add(time.Duration(days+1) * 24 * time.Hour))
			v.must(v.scan())
			check("later", s)
		}
		v.set(frozen.Add(96*time.Hour - 9*time.Minute))
		v.must(v.scan())
		expect(t, s, "at the end") // it leaves its TTL and five minutes before
		expect(t, another, "at the end")
	})
}

// Stanzas that differ in their brakes serve from one store, and none has the book
// of another made anew.
func TestStanzasWithOtherBrakesKeepTheirBooks(t *testing.T) {
	with(t, twoTeams(), func(v *tended, _ *server) {
		t := v.t
		stop, err := policy.ParseScope("team:web")
		v.must(err)
		all := []policy.Brakes{{}, {Stops: []policy.Scope{stop}}, {Freeze: noon}}
		b := backends.resources()[0]
		books := make([]*policy.Book, 0, len(all))
		for _, brakes := range all {
			books = append(books, b.book(brakes))
		}
		for i, brakes := range all {
			if b.book(brakes) != books[i] {
				t.Errorf("The book under %v is another one, and nothing has changed", brakes)
			}
		}
	})
}
