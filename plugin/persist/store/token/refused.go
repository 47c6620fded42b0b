package token

import "time"

// How long a token stays that is not allowed something, before a login asks
// whether its role has been given more since: twice as long each time, so that
// what stays denied costs little. After maxRelogin without a denial it starts
// again.
const (
	relogin    = 5 * time.Minute
	maxRelogin = time.Hour
)

// youth is the age below which a token that is not valid never was, as where two
// Vaults that know nothing of each other answer at one address. An older one was
// revoked: between two looks of a server at its store it was good for something.
const youth = 3 * time.Second

// rights is how it stands with logins for more rights: a token has those that
// its role had when it was made.
type rights struct {
	denied time.Time     // when a token was last not allowed something
	asked  time.Time     // when a login for more was last tried in vain
	pause  time.Duration // between two of them
}

// want reports whether l, which was just not allowed something, is to be
// replaced by one that may be.
func (r *rights) want(l *lease, now time.Time) bool {
	if now.Sub(r.denied) >= maxRelogin {
		r.pause = relogin
	}
	r.denied = now
	if now.Sub(l.obtained) < r.pause || now.Sub(r.asked) < r.pause {
		return false
	}
	r.pause = min(2*r.pause, maxRelogin)
	return true
}

// Refused is told that Vault did not take token, because it is not valid or, for
// a valid one, because it does not allow enough. It reports whether to try again,
// with the token that [Keeper.Token] then has.
func (k *Keeper) Refused(token string, invalid bool) (again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	switch {
	case k.lease == nil || k.lease.Token != token:
		return true // there is another one already
	case invalid:
		k.drop(now)
		return true
	}
	k.lease.poor = k.lease.poor || k.rights.want(k.lease, now)
	return k.lease.poor
}

// drop forgets a token that is not valid, so that the next one is obtained at
// once. Where new ones are not valid either, logins do not follow one another
// faster than those that fail.
func (k *Keeper) drop(now time.Time) {
	young := now.Sub(k.lease.obtained) < youth
	k.lease, k.retry = nil, time.Time{}
	k.observer.Held(now, nil)
	if !young {
		k.unknown.Reset()
		return
	}
	k.err, k.retry = errUnknown, now.Add(k.unknown.Next(maxDoubt))
}
