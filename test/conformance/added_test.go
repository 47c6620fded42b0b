package conformance

import (
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// negativeTTL is how long a resolver may deny what is new.
const negativeTTL = time.Minute

// Domains that are granted while every cache is warm: one that resolvers were
// asked for before, and one that only the denial of its neighbours denies.
const asked, unasked = "new", "newer"

// addThenAsk adds names that every resolver has denied, and shows that each
// finds them as soon as the denial has run out.
func (w *world) addThenAsk(t *testing.T, rep *report) {
	t.Helper()
	w.all(func(r *resolver, s setting) {
		for _, domain := range []string{asked, "neu", "nez", "newer0"} {
			r.expect(t, s, domain, false)
			r.expect(t, s, "a."+domain, false)
		}
	})
	w.grant(t, asked, unasked)
	for _, s := range whole() {
		w.await(t, s.owner(unasked), dns.TypeTXT)
	}
	// Were it found now, it would not be its cache that denied it.
	w.all(func(r *resolver, s setting) { r.expect(t, s, asked, false) })
	// Resolvers count in whole seconds, and go on with TTL 0 in the last one.
	w.clock.advance(t, negativeTTL+time.Second)
	w.all(func(r *resolver, s setting) {
		r.expect(t, s, asked, true)
		r.expect(t, s, unasked, true)
	})
	for _, r := range w.resolvers {
		rep.say(r.name+" and new names", "all", "denied from the cache, found with AD 60 s later")
	}
}

// all calls do for every resolver and setting, all resolvers at once.
func (w *world) all(do func(*resolver, setting)) {
	var group sync.WaitGroup
	for _, r := range w.resolvers {
		group.Go(func() {
			for _, s := range whole() {
				do(r, s)
			}
		})
	}
	group.Wait()
}

// expect fails the test unless the resolver finds the record of a domain, or
// none. It must be sure of either. It is asked over TCP: PowerDNS Recursor drops
// datagrams that by the kernel's clock were received long ago.
func (r *resolver) expect(t *testing.T, s setting, domain string, found bool) {
	t.Helper()
	answer, err := ask(t.Context(), "tcp", r.Address, s.owner(domain), dns.TypeTXT)
	if err != nil || !answer.AuthenticatedData || found != (len(answer.Answer) > 0) {
		t.Errorf("%s, %s: expected records of %s %t, with AD, got %v, %v", r.name, s, domain, found, answer, err)
	}
}
