package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	errAway   = errors.New("away")
	errDenied = errors.New("denied")
)

// scripted is an issuer that does as it is told.
type scripted struct {
	mu      sync.Mutex
	grant   Grant // of a login, without the token
	renew   Grant // of a renewal
	login   error
	refuse  error // of a renewal
	asked   []string
	made    int
	block   chan struct{} // logins wait for it
	waiting chan struct{} // holds something once one does
}

func (s *scripted) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *scripted) Login(ctx context.Context) (Grant, error) {
	s.note("login")
	if s.block != nil {
		select {
		case s.waiting <- struct{}{}:
		default:
		}
		select {
		case <-s.block:
		case <-ctx.Done():
			return Grant{}, ctx.Err()
		}
	}
	if s.login != nil {
		return Grant{}, s.login
	}
	s.made++
	g := s.grant
	g.Token = fmt.Sprintf("t%d", s.made)
	return g, nil
}

func (s *scripted) Renew(_ context.Context, token string) (Grant, error) {
	s.note("renew " + token)
	return s.renew, s.refuse
}

func (s *scripted) Revoke(_ context.Context, token string) error {
	s.note("revoke " + token)
	return nil
}

// wants wants the requests since the last call to be these.
func (s *scripted) wants(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, slices.Clone(s.asked)); diff != "" {
		t.Errorf("Requests (-want +got):\n%s", diff)
	}
	s.asked = nil
}

// rig is a keeper with the clock of a test, and its observer.
type rig struct {
	*Keeper
	*scripted

	mu     sync.Mutex
	t      time.Time
	logins []error
	until  time.Time
	err    error
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.t
}

func (r *rig) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = r.t.Add(d)
}

func (r *rig) LoggedIn(err error)              { r.logins = append(r.logins, err) }
func (r *rig) Held(until time.Time, err error) { r.until, r.err = until, err }

// hour is a token that is valid for an hour, and can be renewed.
var hour = Grant{TTL: time.Hour, Renewable: true, Revocable: true}

func newRig(g Grant) *rig {
	r := &rig{scripted: &scripted{grant: g, renew: g, waiting: make(chan struct{}, 1)}, t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	r.Keeper = NewKeeper(r.scripted, r, r.now)
	return r
}

func (r *rig) gives(t *testing.T, want string) {
	t.Helper()
	if got, err := r.Token(t.Context()); got != want || err != nil {
		t.Errorf("The token is %q, wanted %q: %v", got, want, err)
	}
}

func (r *rig) fails(t *testing.T, want error) {
	t.Helper()
	if got, err := r.Token(t.Context()); !errors.Is(err, want) || got != "" {
		t.Errorf("The token is %q, and the error %v, wanted %v", got, err, want)
	}
}

func TestTokenIsRenewedBetweenHalfAndTwoThirdsOfItsLife(t *testing.T) {
	for range 20 {
		r := newRig(hour)
		r.gives(t, "t1")
		r.later(30*time.Minute - time.Second)
		r.gives(t, "t1")
		r.wants(t, "login")
		r.later(10*time.Minute + 2*time.Second)
		r.gives(t, "t1")
		r.wants(t, "renew t1")
		if want := r.now().Add(time.Hour); !r.until.Equal(want) || len(r.logins) != 1 {
			t.Errorf("It is said to be valid until %v, wanted %v", r.until, want)
		}
	}
}

func TestTokensThatCannotBeRenewedAreReplacedBeforeTheyEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		grant, renew Grant
		refuse       error
		asked        []string
	}{
		"batch":                 {Grant{TTL: time.Hour}, Grant{}, nil, []string{"login"}},
		"not renewable":         {Grant{TTL: time.Hour, Revocable: true}, Grant{}, nil, []string{"login", "revoke t1"}},
		"refused":               {hour, Grant{}, ErrRefused, []string{"renew t1", "login", "revoke t1"}},
		"near its greatest age": {hour, Grant{TTL: 29 * time.Minute}, nil, []string{"renew t1", "login", "revoke t1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(tt.grant)
			r.renew, r.refuse = tt.renew, tt.refuse
			r.gives(t, "t1")
			r.wants(t, "login")
			r.later(41 * time.Minute)
			r.gives(t, "t2")
			r.wants(t, tt.asked...)
		})
	}
}

func TestTokenWithoutEndIsLeftAlone(t *testing.T) {
	r := newRig(Grant{Renewable: true, Revocable: true})
	r.gives(t, "t1")
	r.later(10000 * time.Hour)
	r.gives(t, "t1")
	r.wants(t, "login")
	if !r.until.IsZero() {
		t.Errorf("It is said to be valid until %v", r.until)
	}
}

func TestRenewalThatMakesATokenEndlessCounts(t *testing.T) {
	r := newRig(hour)
	r.renew = Grant{Renewable: true}
	r.gives(t, "t1")
	r.later(41 * time.Minute)
	r.gives(t, "t1")
	r.later(time.Hour)
	r.gives(t, "t1")
	r.wants(t, "login", "renew t1")
}

// A store that is away is no reason to spend a secret ID that may be used once.
func TestRenewalThatGetsNoAnswerIsNoReasonToLogIn(t *testing.T) {
	r := newRig(hour)
	r.refuse = errAway
	r.gives(t, "t1")
	r.later(41 * time.Minute)
	r.gives(t, "t1")
	r.wants(t, "login", "renew t1")
	if !errors.Is(r.err, errAway) || !r.until.Equal(r.now().Add(19*time.Minute)) {
		t.Errorf("The observer is told %v, and valid until %v", r.err, r.until)
	}
	r.refuse = nil
	r.later(2 * time.Second)
	r.gives(t, "t1")
	r.wants(t, "renew t1")
	if r.err != nil {
		t.Errorf("The observer is told %v", r.err)
	}
}

func TestOldTokenIsKeptUntilANewOneIsThere(t *testing.T) {
	r := newRig(Grant{TTL: time.Hour, Revocable: true})
	r.gives(t, "t1")
	r.login = errDenied
	for _, d := range []time.Duration{41 * time.Minute, 10 * time.Minute, 8 * time.Minute} {
		r.later(d)
		r.gives(t, "t1")
	}
	r.wants(t, "login", "login", "login", "login")
	r.later(time.Minute)
	r.fails(t, errDenied)
	r.login = nil
	r.later(time.Minute)
	r.gives(t, "t2")
	r.wants(t, "login", "login")
	if len(r.logins) != 6 || r.logins[0] != nil || r.logins[1] == nil || r.logins[5] != nil {
		t.Errorf("Logins are said to have ended with %v", r.logins)
	}
}

func TestAttemptsBackOffToFourSeconds(t *testing.T) {
	r := newRig(hour)
	r.login = errAway
	r.fails(t, errAway)
	for _, pause := range []time.Duration{time.Second / 2, time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
		r.wants(t, "login")
		r.later(pause*9/10 - time.Millisecond)
		r.fails(t, errAway)
		r.wants(t)
		r.later(pause/10 + time.Millisecond)
		r.fails(t, errAway)
	}
	r.login = nil
	r.later(time.Minute)
	r.gives(t, "t1")
	r.login = errAway
	r.Refused("t1", true)
	r.fails(t, errUnknown)
	r.later(time.Second)
	r.fails(t, errAway)
	r.later(time.Second) // it begins anew after a success
	r.wants(t, "login", "login", "login")
	r.fails(t, errAway)
	r.wants(t, "login")
}

func TestTokenThatIsOverWhenItComesIsNoToken(t *testing.T) {
	r := newRig(Grant{TTL: time.Second})
	r.block = make(chan struct{})
	go func() {
		<-r.waiting
		r.later(time.Second)
		close(r.block)
	}()
	r.fails(t, errShort)
	r.fails(t, errShort)
	r.wants(t, "login")
}

func TestOneLoginServesAllWhoAsk(t *testing.T) {
	r := newRig(hour)
	r.block = make(chan struct{})
	var group sync.WaitGroup
	tokens := make([]string, 20)
	for i := range tokens {
		group.Go(func() { tokens[i], _ = r.Token(t.Context()) })
	}
	close(r.block)
	group.Wait()
	if want := slices.Repeat([]string{"t1"}, 20); !slices.Equal(tokens, want) {
		t.Errorf("The tokens are %q", tokens)
	}
	r.wants(t, "login")
}

func TestFailureServesAllWhoWait(t *testing.T) {
	r := newRig(hour)
	r.block, r.login = make(chan struct{}), errDenied
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { r.fails(t, errDenied) })
	}
	close(r.block)
	group.Wait()
	r.wants(t, "login")
}

func TestNobodyWaitsWhoHasAToken(t *testing.T) {
	r := newRig(Grant{TTL: time.Hour})
	r.gives(t, "t1")
	r.later(41 * time.Minute)
	r.block = make(chan struct{})
	done := make(chan string)
	go func() {
		token, _ := r.Token(t.Context())
		done <- token
	}()
	<-r.waiting
	r.gives(t, "t1")
	close(r.block)
	if got := <-done; got != "t2" {
		t.Errorf("Who logs in goes on with %q", got)
	}
	r.wants(t, "login", "login")
}

// A scan that is called off, as at a shutdown, says nothing about Vault.
func TestLoginThatIsCalledOffDoesNotCount(t *testing.T) {
	r := newRig(hour)
	r.block = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("The error is %v", err)
	}
	if len(r.logins) != 0 {
		t.Errorf("Logins are said to have ended with %v", r.logins)
	}
	close(r.block)
	r.gives(t, "t1")
}

func TestTokenThatIsNotValidIsReplacedAtOnce(t *testing.T) {
	r := newRig(hour)
	r.gives(t, "t1")
	r.later(10 * time.Minute)
	for range 2 { // who asked for something with it meanwhile
		if !r.Refused("t1", true) {
			t.Error("It is not to be tried again")
		}
	}
	if !r.until.Equal(r.now()) {
		t.Errorf("It is said to be valid until %v", r.until)
	}
	r.gives(t, "t2")
	r.wants(t, "login", "login")
}

// As where two Vaults that know nothing of each other answer at one address.
func TestTokensThatAreNeverValidDoNotMakeAStormOfLogins(t *testing.T) {
	r := newRig(hour)
	logins := 0
	for range 600 { // a minute of requests
		r.later(100 * time.Millisecond)
		if token, err := r.Token(t.Context()); err == nil {
			r.Refused(token, true)
			logins++
		} else if !strings.Contains(err.Error(), "different Vaults") {
			t.Fatalf("The error is %v", err)
		}
	}
	if logins > 8 {
		t.Errorf("In a minute there were %d logins", logins)
	}
}

func TestMoreRightsAreAskedForEveryFiveMinutesAtMost(t *testing.T) {
	r := newRig(Grant{TTL: 768 * time.Hour, Revocable: true})
	r.gives(t, "t1")
	var minutes []int
	for i := range 300 {
		r.later(time.Minute)
		token, err := r.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Refused(token, false) {
			minutes = append(minutes, i+1)
		}
		r.gives(t, fmt.Sprintf("t%d", 1+len(minutes)))
	}
	if diff := cmp.Diff([]int{5, 15, 35, 75, 135, 195, 255}, minutes); diff != "" {
		t.Errorf("Logins (-want +got):\n%s", diff)
	}
	r.later(maxRelogin)
	if !r.Refused("t8", false) {
		t.Error("After an hour without a denial it does not begin anew")
	}
}

// It would spend secret IDs, and ask in vain.
func TestLoginForMoreRightsThatFailsIsNotRepeatedAtOnce(t *testing.T) {
	r := newRig(hour)
	r.gives(t, "t1")
	r.later(6 * time.Minute)
	r.login = errDenied
	if !r.Refused("t1", false) {
		t.Fatal("It does not ask for more")
	}
	r.gives(t, "t1")
	r.wants(t, "login", "login")
	for range 9 {
		r.later(time.Minute)
		r.Refused("t1", false)
		r.gives(t, "t1")
	}
	r.wants(t)
	r.later(time.Minute)
	r.Refused("t1", false)
	r.gives(t, "t1")
	r.wants(t, "login")
}

func TestRefusalOfATokenThatWasReplacedIsAReasonToTryAgain(t *testing.T) {
	r := newRig(hour)
	r.gives(t, "t1")
	for _, invalid := range []bool{true, false} {
		if !r.Refused("t0", invalid) {
			t.Error("It is not")
		}
	}
	r.gives(t, "t1")
	r.wants(t, "login")
}

func TestClosedKeeperRevokesItsTokenAndHasNone(t *testing.T) {
	for name, tt := range map[string]struct {
		grant Grant
		after time.Duration
		asked []string
	}{
		"service": {hour, time.Minute, []string{"login", "revoke t1"}},
		"batch":   {Grant{TTL: time.Hour}, time.Minute, []string{"login"}},
		"over":    {hour, time.Hour, []string{"login"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(tt.grant)
			r.gives(t, "t1")
			r.later(tt.after)
			for range 2 {
				if err := r.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			r.fails(t, ErrClosed)
			r.wants(t, tt.asked...)
		})
	}
}

func TestTokenOfALoginThatGoesOnIsRevokedByClose(t *testing.T) {
	r := newRig(hour)
	r.block = make(chan struct{})
	go func() { _, _ = r.Token(t.Context()) }()
	<-r.waiting
	closed := make(chan error)
	go func() { closed <- r.Close(t.Context()) }()
	close(r.block)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	r.wants(t, "login", "revoke t1")
}
