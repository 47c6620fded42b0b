package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/pause"
)

// maxWait is the longest pause after an attempt to get a token that failed: from
// half a second on each is twice as long as the one before. Whoever was told of it
// waits twice as long before asking again, so that an attempt is made then.
// maxDoubt is the longest pause after tokens that never were valid, and doubles
// from 1 s on.
const (
	maxWait  = 4 * time.Second
	maxDoubt = time.Minute
)

var (
	// ErrRefused is an error of [Issuer.Renew] that another attempt would not
	// change: this token is not to be renewed.
	ErrRefused = errors.New("the token is not to be renewed")
	// ErrClosed is why there is no token any more.
	ErrClosed = errors.New("the store is closed")

	errShort   = errors.New("the token that was just given is over already: give its role a longer token_ttl")
	errUnknown = errors.New("the token that was given a moment ago is not known: was it revoked, or do different Vaults answer at this address?")
)

// Issuer is who gives tokens. Only one of its methods is called at a time.
type Issuer interface {
	Login(ctx context.Context) (Grant, error)
	Renew(ctx context.Context, token string) (Grant, error)
	Revoke(ctx context.Context, token string) error
}

// Observer is told what becomes of the token. Its methods are called one at a
// time; they must not block, nor call the keeper.
type Observer interface {
	// LoggedIn is called after every login.
	LoggedIn(err error)
	// Held says until when the token is valid, the zero time for one without
	// end. Where it could not be made to last longer, err says why; requests go
	// on with it.
	Held(until time.Time, err error)
}

// Keeper has a token for whoever asks.
type Keeper struct {
	issuer   Issuer
	observer Observer
	now      func() time.Time

	turn chan struct{} // full while somebody asks the issuer

	mu       sync.Mutex // guards what follows
	lease    *lease     // nil while there is none
	failures pause.Growing
	retry    time.Time // when the next attempt may be made
	err      error     // of the last attempt
	unknown  pause.Growing
	rights   rights
	closed   bool
}

// NewKeeper returns a keeper that has no token yet.
func NewKeeper(issuer Issuer, observer Observer, now func() time.Time) *Keeper {
	return &Keeper{issuer: issuer, observer: observer, now: now, turn: make(chan struct{}, 1)}
}

// Token returns the token to send now. Where one must be obtained first it waits
// for that; where the one there is has to be replaced or renewed, and somebody
// is doing so, it does not.
func (k *Keeper) Token(ctx context.Context) (string, error) {
	if token, due := k.current(); due && k.take(ctx, token) {
		defer k.pass()
		if _, due := k.current(); due { // nobody did it while we waited
			k.attempt(ctx)
		}
	}
	return k.held(ctx)
}

// current returns the token that may be sent, if there is one, and whether it is
// time to get another one or a longer life.
func (k *Keeper) current() (token string, due bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	due = !k.closed && !now.Before(k.retry)
	if k.lease.isOver(now) {
		return "", due
	}
	return k.lease.Token, due && k.lease.isDue(now)
}

// take takes the turn to ask the issuer, if it is free or there is nothing to go
// on with until it is.
func (k *Keeper) take(ctx context.Context, held string) bool {
	select {
	case k.turn <- struct{}{}:
		return true
	default:
	}
	return held == "" && k.await(ctx) == nil
}

func (k *Keeper) await(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keeper) pass() { <-k.turn }

// held returns the token there is now, or why there is none.
func (k *Keeper) held(ctx context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.closed:
		return "", ErrClosed
	case !k.lease.isOver(k.now()):
		return k.lease.Token, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", k.err
}

// attempt gets a longer life for the token, or another one. The caller has the
// turn.
func (k *Keeper) attempt(ctx context.Context) {
	k.mu.Lock()
	before, now := k.lease, k.now()
	k.mu.Unlock()
	next, err := k.obtain(ctx, before, now)
	if err == nil && next.isOver(k.now()) {
		err = errShort
	}
	if err != nil {
		if ctx.Err() == nil { // else we were called off, which says nothing
			k.failed(err)
		}
		return
	}
	k.succeeded(next)
	if before != nil && before.Token != next.Token {
		_ = k.revoke(ctx, before) // where it is not allowed to, it ends by itself
	}
}

// obtain renews the lease, or logs in where there is none, or none that can be
// renewed.
func (k *Keeper) obtain(ctx context.Context, before *lease, now time.Time) (*lease, error) {
	if !before.isOver(now) && before.Renewable && !before.poor {
		g, err := k.issuer.Renew(ctx, before.Token)
		if err != nil && !errors.Is(err, ErrRefused) {
			return nil, err
		}
		if err == nil {
			if next := before.renewed(g, now); next != nil {
				return next, nil
			}
		}
	}
	g, err := k.issuer.Login(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	k.loggedIn(err)
	if err != nil {
		return nil, err
	}
	return newLease(g, now), nil
}

func (k *Keeper) loggedIn(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.observer.LoggedIn(err)
}

func (k *Keeper) succeeded(next *lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lease, k.retry, k.err = next, time.Time{}, nil
	k.failures.Reset()
	k.observer.Held(next.expires, nil)
}

func (k *Keeper) failed(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now() // an attempt may have taken longer than the pause after it
	k.err, k.retry = err, now.Add(k.failures.Next(2*maxWait)/2)
	if k.lease.isOver(now) {
		return // whoever asks is told
	}
	if k.lease.poor { // it goes on as it is for a while
		k.lease.poor, k.rights.asked = false, now
	}
	k.observer.Held(k.lease.expires, err)
}

// Close revokes the token. From then on there is none.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	if err := k.await(ctx); err != nil {
		return fmt.Errorf("a login still goes on: %w", err)
	}
	defer k.pass()
	k.mu.Lock()
	last := k.lease
	k.lease = nil
	k.mu.Unlock()
	return k.revoke(ctx, last)
}

// revoke ends a token, if there is one that does not end by itself now.
func (k *Keeper) revoke(ctx context.Context, l *lease) error {
	if l.isOver(k.now()) || !l.Revocable {
		return nil
	}
	return k.issuer.Revoke(ctx, l.Token)
}
