package persist

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/miekg/dns"
)

// signer is a plugin that serves every name as a signed zone of its own, as may
// somebody to whom a name below an overlay is delegated. It counts who asks.
func signer(asked map[string]int) plugin.Handler {
	return plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		asked[r.Question[0].Name]++
		m := new(dns.Msg).SetReply(r)
		m.Answer = []dns.RR{&dns.DNSKEY{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}}}
		return dns.RcodeSuccess, w.WriteMsg(m)
	})
}

// Until a zone has been looked at for the first time nobody knows whether what is added
// to it is bogus: those who ask meanwhile wait for that, and not for later looks.
func TestTheFirstLookAtAZoneUnderAnOverlayIsWaitedFor(t *testing.T) {
	clock := setClock(t, noon)
	synctest.Test(t, func(t *testing.T) {
		l, answers, asked := newLowers(), make(chan struct{}), map[string]int{}
		next := slow(answers, signer(asked))
		said := make(chan bool, 4)
		for range 3 {
			go func() { said <- l.signed(next, "example.com.") }()
		}
		if synctest.Wait(); len(said) > 0 {
			t.Fatal("Expected all to wait until the zone has been looked at")
		}
		answers <- struct{}{}
		for range 3 {
			if !<-said {
				t.Error("Expected the zone to be found signed by all who waited")
			}
		}
		clock.set(noon.Add(lookAgain))
		go func() { said <- l.signed(next, "example.com.") }()
		synctest.Wait()
		if !l.signed(next, "example.com.") || len(said) > 0 {
			t.Error("Expected a later look not to be waited for")
		}
		answers <- struct{}{}
		if !<-said || asked["example.com."] != 2 {
			t.Errorf("Expected two looks, got %d", asked["example.com."])
		}
	})
}

// A plugin that gives no answer keeps nobody for longer than it does whoever asks it.
func TestALookThatDoesNotEndIsWaitedForABoundedTime(t *testing.T) {
	setClock(t, noon)
	synctest.Test(t, func(t *testing.T) {
		l, answers, began := newLowers(), make(chan struct{}), time.Now()
		go l.signed(slow(answers, signer(map[string]int{})), "example.com.")
		synctest.Wait()
		if l.signed(nil, "example.com.") || time.Since(began) != moment {
			t.Errorf("Expected the zone to count as unsigned after %v, got an answer after %v", moment, time.Since(began))
		}
		answers <- struct{}{}
	})
}

// slow has next answer when it is told to, and does not mind how long that is.
func slow(answers <-chan struct{}, next plugin.Handler) plugin.Handler {
	return plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
		<-answers
		return next.ServeDNS(ctx, w, r)
	})
}

// Neither whoever can make up zones under an overlay nor years of edits take memory
// or log without bound, or have zones that are asked for looked at again.
func TestZonesUnderAnOverlayAreRememberedWithinBounds(t *testing.T) {
	setClock(t, noon)
	asked, said := map[string]int{}, listen(t)
	l, next := newLowers(), signer(asked)
	for i := range 3 * keptLowers {
		if !l.signed(next, fmt.Sprintf("n%d.example.com.", i)) || !l.signed(next, "example.com.") {
			t.Fatal("Expected every zone to be found signed by whoever asks first")
		}
	}
	if n := l.byApex.Len(); n > keptLowers {
		t.Errorf("Expected %d zones to be remembered at most, got %d", keptLowers, n)
	}
	if n := strings.Count(said.String(), "now serves a DNSKEY"); n == 0 || n > 2*mostTold {
		t.Errorf("Expected the log to name a few of them, got %d lines", n)
	}
	if asked["example.com."] != 1 {
		t.Errorf("Expected a zone that is asked for to be looked at once in a minute, got %d times", asked["example.com."])
	}
}
