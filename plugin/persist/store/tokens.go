package store

import (
	"fmt"
	"sync"
	"time"
)

// TokenObserver is told what becomes of a token that was obtained by logging
// in. Its methods are called one at a time and must not block.
type TokenObserver interface {
	// LoggedIn is called after every login.
	LoggedIn(err error)
	// TokenExpires says when the token that is used will not be valid any more
	// unless something is done: the zero time for never.
	TokenExpires(at time.Time)
	// Info and Warning take lines for the log: that the token cannot be renewed
	// or replaced, though requests go on with it, once a minute while that is
	// so, and that it can be again.
	Info(line string)
	Warning(line string)
}

// loggingIn is what trouble with a token is with.
const loggingIn = "login"

// tokens passes on what a keeper of a token says, and the trouble it has in a
// form for the log. Where there is no token at all requests fail, and say why.
type tokens struct {
	now func() time.Time

	mu       sync.Mutex
	observer TokenObserver // nil while nobody listens; guarded by mu
	journal  journal       // guarded by mu
}

// speaker has a journal speak to a TokenObserver.
type speaker struct {
	silence
	to TokenObserver
}

// Info implements Observer.
func (s speaker) Info(line string) { s.to.Info(line) }

// Warning implements Observer.
func (s speaker) Warning(line string) { s.to.Warning(line) }

func (t *tokens) listen(o TokenObserver) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.observer, t.journal = o, journal{observer: speaker{to: o}, troubles: map[string]error{}}
}

// LoggedIn implements token.Observer.
func (t *tokens) LoggedIn(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observer != nil {
		t.observer.LoggedIn(err)
	}
}

// Held implements token.Observer.
func (t *tokens) Held(until time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observer == nil {
		return
	}
	t.observer.TokenExpires(until)
	if err != nil {
		err = fmt.Errorf("%w: requests go on with the token there is, which is valid %s", err, lasting(until))
	}
	now := t.now()
	t.journal.report(loggingIn, err, now)
	t.journal.remind(now)
}

func lasting(until time.Time) string {
	if until.IsZero() {
		return "without end"
	}
	return "until " + until.UTC().Format(time.RFC3339)
}
