package store

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// enter opens a store through a door, and loads it.
func enter(t *testing.T, d door) (*Vault, *rig) {
	t.Helper()
	v, err := NewVault(d.config())
	check(t, err)
	r := watch(t, v, nil)
	r.scan(t)
	return v, r
}

// held is the token that is sent now.
func (v *Vault) held(t *testing.T) string {
	t.Helper()
	token, err := v.identity.Token(t.Context())
	check(t, err)
	return token
}

// dueLater is past the two thirds of an hour at which a token is due, scan's
// minute included.
const dueLater = 40 * time.Minute

func TestServerLogsInOnceAndRevokesItsToken(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			idle, err := NewVault(d.config())
			check(t, err)
			check(t, idle.Close(t.Context())) // nothing to give back
			v, r := enter(t, d)
			token := v.held(t)
			r.scan(t)
			if v.held(t) != token || !d.valid(t, token) {
				t.Error("It has logged in twice, or the token is not valid")
			}
			check(t, v.Close(t.Context()))
			if d.valid(t, token) {
				t.Error("The token is still valid after Close")
			}
			r.fails(t, nil, "the store is closed")
			check(t, v.Close(t.Context()))
		})
	}
}

func TestTokenOfALoginIsRenewed(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			v, r := enter(t, d)
			token := v.held(t)
			for range 5 {
				r.clock.advance(dueLater)
				r.scan(t)
			}
			if v.held(t) != token || !d.valid(t, token) {
				t.Error("It has logged in anew")
			}
		})
	}
}

func TestServerLogsInAnewWhereItsTokenCannotBeRenewed(t *testing.T) {
	for name, s := range map[string]terms{"batch": {batch: true}, "not allowed": {noDefault: true}} {
		t.Run(name, func(t *testing.T) {
			for name, open := range doors() {
				t.Run(name, func(t *testing.T) {
					d := open(t)
					d.set(t, s)
					v, r := enter(t, d)
					token := v.held(t)
					r.clock.advance(dueLater)
					r.scan(t)
					if v.held(t) == token {
						t.Error("It goes on with the token before")
					}
					if err := v.Close(t.Context()); (err != nil) != s.noDefault {
						t.Errorf("The end of the token is %v", err)
					}
				})
			}
		})
	}
}

func TestTokenThatWasRevokedIsReplacedWithoutAnError(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			v, r := enter(t, d)
			token := v.held(t)
			d.revoke(t, token)
			r.scan(t)
			if v.held(t) == token || len(r.log.warnings) != 0 {
				t.Errorf("It was noticed with %q", r.log.warnings)
			}
		})
	}
}

// Whoever cleans up after a theft revokes tokens that are only just given, once
// and again.
func TestServerIsBackTenSecondsAfterTokensAreRevokedThatAreYoung(t *testing.T) {
	d := doors()["fake/approle"](t)
	v, r := enter(t, d)
	l := loop{Watcher: r.Watcher}
	var revoked time.Time
	for n := 0; n < 20; {
		wait := l.step(t.Context())
		if len(r.log.troubles) == 0 {
			if took := r.clock.now().Sub(revoked); n > 0 && took > 10*time.Second {
				t.Errorf("After %d tokens were revoked it took %v", n, took)
			}
			d.revoke(t, v.held(t))
			revoked = r.clock.now()
			if n++; n%2 == 0 {
				l.scanDue, wait = revoked, 0 // a scan finds out at once, else a poll later
			}
		}
		r.clock.advance(wait)
	}
}

// However long logins have failed, and though they come right again just after an
// attempt, the next one is not far.
func TestServerIsBackTenSecondsAfterLoginsGoThroughAgain(t *testing.T) {
	for failed := 500 * time.Millisecond; failed < 2*time.Minute; failed = failed*11/10 + 100*time.Millisecond {
		d := doors()["fake/approle"](t).(*fakeDoor)
		v, r := enter(t, d)
		l := loop{Watcher: r.Watcher}
		d.revoke(t, v.held(t))
		d.Fail(storetest.Answering(http.StatusTooManyRequests), "/login")
		begin := r.clock.now()
		wait := l.step(t.Context())
		for ; r.clock.now().Sub(begin) < failed; wait = l.step(t.Context()) {
			r.clock.advance(wait)
		}
		d.Heal()
		healed := r.clock.now()
		for ; len(r.log.troubles) > 0; wait = l.step(t.Context()) {
			r.clock.advance(wait)
		}
		if took := r.clock.now().Sub(healed); took == 0 || took > 10*time.Second {
			t.Errorf("After logins had failed for %v it took %v", failed, took)
		}
	}
}

func TestTokenThatIsOverIsReplacedWithoutAnError(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			v, r := enter(t, d)
			token := v.held(t)
			r.clock.advance(2 * time.Hour)
			r.scan(t)
			if v.held(t) == token {
				t.Error("It goes on with a token that is over")
			}
		})
	}
}

// Whoever hands out credentials replaces them while the server runs.
func TestCredentialsAreReadAtEachLogin(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			v, r := enter(t, d)
			for range 3 {
				token := v.held(t)
				d.rotate(t)
				r.scan(t)
				d.revoke(t, token)
				r.scan(t)
				if v.held(t) == token {
					t.Error("It has not logged in")
				}
			}
		})
	}
}

// A token has the policies that its role had when it was made.
func TestPolicyAddedToTheRoleCountsWithinFiveMinutes(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			d.set(t, terms{denied: true})
			v, err := NewVault(d.config())
			check(t, err)
			r := watch(t, v, nil)
			r.fails(t, ErrDenied, "policy needs read")
			token := v.held(t)
			d.set(t, terms{})
			for range 4 {
				r.fails(t, ErrDenied, "policy needs read")
			}
			if v.held(t) != token {
				t.Error("It has logged in too early")
			}
			r.scan(t)
		})
	}
}

func TestTokenIsKeptWhileLoginsFail(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			d.set(t, terms{batch: true})
			v, r := enter(t, d)
			l := &tokenLog{}
			v.ListenToTokens(l)
			token := v.held(t)
			d.rotate(t)
			restore := misplace(t, d.config())
			for range 18 { // up to 59 minutes, and then beyond
				r.clock.advance(2 * time.Minute)
				r.scan(t)
			}
			if v.held(t) != token || len(r.log.warnings) != 0 {
				t.Errorf("It goes on with another token, and %q", r.log.warnings)
			}
			l.wants(t, "requests go on with the token there is, which is valid until 2026-11-24T13:01:00Z")
			r.clock.advance(5 * time.Minute)
			r.fails(t, ErrDenied, "there is nothing to log in with")
			restore()
			r.scan(t)
			if last := l.infos[len(l.infos)-1]; last != "login is in order again" {
				t.Errorf("The end is not told: %q", l.infos)
			}
		})
	}
}

// tokenLog is a TokenObserver that remembers.
type tokenLog struct {
	log
	logins  []error
	expires time.Time
}

func (l *tokenLog) LoggedIn(err error)        { l.logins = append(l.logins, err) }
func (l *tokenLog) TokenExpires(at time.Time) { l.expires = at }

// wants wants a warning that says text, and no more than one a minute.
func (l *tokenLog) wants(t *testing.T, text string) {
	t.Helper()
	if n := len(l.warnings); n == 0 || n > 20 || !strings.Contains(l.warnings[0], text) {
		t.Errorf("The log has the warnings %q", l.warnings)
	}
	if !slices.ContainsFunc(l.logins, func(err error) bool { return err != nil }) {
		t.Errorf("Logins are said to have ended with %v", l.logins)
	}
}

func TestServerSaysWhatToLookAtWhereALoginIsRefused(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			cfg := d.config()
			restore := spoil(t, cfg)
			v, err := NewVault(cfg)
			check(t, err)
			r := watch(t, v, nil)
			r.fails(t, ErrDenied, "log in by auth/"+cfg.AuthMount+"/login", "is "+cfg.Auth+" enabled at auth/"+cfg.AuthMount)
			if all := strings.Join(r.log.warnings, "\n"); strings.Contains(all, "spoilt") {
				t.Errorf("The log quotes what it must not: %s", all)
			}
			wantError(t, r.Scan(t.Context()), ErrDenied) // too early for another try
			restore()
			r.scan(t)
		})
	}
}

func TestMountOfALoginThatIsNotThereIsNamed(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			cfg := d.config()
			cfg.AuthMount = "elsewhere"
			v, err := NewVault(cfg)
			check(t, err)
			r := watch(t, v, nil)
			r.fails(t, ErrDenied, "is "+cfg.Auth+" enabled at auth/elsewhere")
			if all := strings.Join(r.log.warnings, "\n"); strings.Count(all, ErrDenied.Error()) != 1 {
				t.Errorf("The log says it otherwise than once: %s", all)
			}
		})
	}
}

func TestOneLoginServesAllRequests(t *testing.T) {
	for name, open := range doors() {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			v, err := NewVault(d.config())
			check(t, err)
			tokens := make([]string, 20)
			var group sync.WaitGroup
			for i := range tokens {
				group.Go(func() { tokens[i], _ = v.identity.Token(t.Context()) })
			}
			group.Wait()
			if diff := cmp.Diff(slices.Repeat([]string{v.held(t)}, 20), tokens); diff != "" {
				t.Errorf("There was more than one login:\n%s", diff)
			}
		})
	}
}

// hang is a fault that does not answer until the client gives up, or done.
func hang(done <-chan struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client is gone
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}
}

// Half of the time of a request is for the login, and half for itself.
func TestLoginThatHangsCostsNoRequestWhileThereIsAToken(t *testing.T) {
	d := fakeAppRole(t)
	fill(t, d.fake)
	d.set(t, terms{batch: true})
	v, r := enter(t, d)
	l := &tokenLog{}
	v.ListenToTokens(l)
	token := v.held(t)
	done := make(chan struct{})
	defer close(done)
	d.Fail(hang(done), "/login")
	v.timeout = 2 * time.Second
	r.clock.advance(dueLater)
	r.scan(t)
	if v.held(t) != token || len(r.log.warnings) != 0 {
		t.Errorf("It goes on with another token, and %q", r.log.warnings)
	}
	l.wants(t, "no answer within 1s")
}

func TestLoginDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("The other host is asked, with the secret ID")
	}))
	defer elsewhere.Close()
	d := fakeAppRole(t)
	fill(t, d.fake)
	d.set(t, terms{})
	d.Fail(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}, "/login")
	v, err := NewVault(d.cfg)
	check(t, err)
	watch(t, v, nil).fails(t, ErrUnavailable, "sends us to "+elsewhere.URL)
}
