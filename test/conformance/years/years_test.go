package years

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// begin is when the simulated time does.
var begin = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// late are servers whose clocks are slow, early such as are fast. Each of them
// is within five minutes of all others and of the right time.
var (
	late  = []time.Duration{-5 * time.Minute, -4 * time.Minute, -2 * time.Minute, -time.Minute, 0}
	early = []time.Duration{5 * time.Minute, 4 * time.Minute, 2 * time.Minute, time.Minute, 0}
)

// dense has every event in few days, and clocks that are set a day ahead.
func dense() plan {
	p := plan{
		terms: terms{
			algorithm: dns.ECDSAP256SHA256, data: 72 * time.Hour, dnskey: 336 * time.Hour,
			ttl: time.Hour, lifetime: 336 * time.Hour, start: begin,
		},
		seed: 5, days: 60, rolls: 20 * day, silence: 4 * day, idle: 200, offsets: late, steps: day,
	}
	if shortened {
		p.days, p.idle = 20, 20
	}
	return p
}

// behind has clocks that are set back by a day.
func behind() plan {
	p := dense()
	p.steps, p.rolls = -day, 28*day
	return p
}

// chained is dense with a chain of NSEC records.
func chained() plan {
	p := dense()
	p.chained, p.algorithm, p.offsets, p.seed = true, dns.ED25519, early, 2
	return p
}

// secondaries has servers that get the zone by transfer and are cut off, and
// parents that take a new DS as soon as they may.
func secondaries() plan {
	p := chained()
	p.secondaries, p.rolls, p.idle, p.seed = 3, 13*day, 100, 7
	return p
}

// expiring has signatures so short that secondaries must not keep the zone for
// as long as else: those by ZSKs.
func expiring() plan {
	p := secondaries()
	p.data, p.days, p.rolls, p.seed = 30*time.Hour, 20, 12*day, 8
	return p
}

// expiringKeys is expiring for those by KSKs.
func expiringKeys() plan {
	p := expiring()
	p.data, p.dnskey, p.ttl, p.seed = 72*time.Hour, 32*time.Hour, 2*time.Hour, 9
	return p
}

// shortest has the shortest signatures over keys, and the longest TTL of these with
// which the zone is transferred at all.
func shortest() plan {
	p := expiringKeys()
	p.dnskey, p.ttl, p.seed = 26*time.Hour, 13*time.Hour-96*time.Minute, 10
	return p
}

// away has a KSK that no server has: they serve bundles.
func away() plan {
	p := dense()
	p.weeks, p.seed = 3, 11
	return p
}

// awayBehind is away with clocks that are set back.
func awayBehind() plan {
	p := away()
	p.steps, p.seed = -day, 14
	return p
}

// bind has key pairs of BIND, which no server gets at the same time.
func bind(t *testing.T) plan {
	t.Helper()
	p := dense()
	p.keyDir, p.seed = t.TempDir(), 12
	return p
}

// bindBehind is bind with clocks that are set back by a day.
func bindBehind(t *testing.T) plan {
	t.Helper()
	p := bind(t)
	p.steps, p.seed = -day, 13
	return p
}

// extreme has the shortest signatures that a key document may ask for, and the
// longest TTL.
func extreme(t *testing.T, offsets []time.Duration) plan {
	t.Helper()
	p := dense()
	p.offsets, p.seed = offsets, 3
	accepted := func() bool {
		_, err := dnssec.ParseKeys(p.document(rand.New(rand.NewPCG(1, 1))).text())
		return err == nil
	}
	for p.data = time.Hour; !accepted(); p.data += time.Hour {
	}
	for p.dnskey = time.Hour; !accepted(); p.dnskey += time.Hour {
	}
	for p.ttl = day; !accepted(); p.ttl -= time.Minute {
	}
	return p
}

// long makes two years of p, with ZSKs that live for a month.
func long(p plan) plan {
	if p.weeks > 0 {
		p.weeks = 8
	}
	p.days, p.lifetime, p.rolls, p.silence, p.idle = 731, 720*time.Hour, 120*day, 8*day, 40
	if shortened {
		p.days, p.rolls, p.idle = 6, 4*day, 50
	}
	return p
}

// Every event, in few days: what is wrong shows within seconds.
func TestNoResolverIsMisledByAnyEvent(t *testing.T) {
	for name, p := range map[string]plan{
		"dense": dense(), "behind": behind(), "chained": chained(), "extreme": extreme(t, early), "extreme and slow": extreme(t, late),
		"secondaries": secondaries(), "expiring": expiring(), "expiringKeys": expiringKeys(), "shortest": shortest(),
		"away": away(), "away behind": awayBehind(), "bind": bind(t), "bind behind": bindBehind(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live(p, new(tally))(t)
		})
	}
}

// The whole time, with both algorithms and ways of denial, and keys of each kind.
func TestNoResolverIsMisledInTwoYears(t *testing.T) {
	var all tally
	t.Run("all", func(t *testing.T) {
		for name, p := range map[string]plan{"compact": long(dense()), "chained": long(secondaries()), "away": long(awayBehind()), "bind": long(bind(t))} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				live(p, &all)(t)
			})
		}
	})
	validated := all.validated.Load()
	t.Logf("In two years %d answers were validated, each from the DS record on, by %d signatures verified; %d failed", validated, all.verified.Load(), all.failed.Load())
	if !shortened && validated < 1_000_000 {
		t.Errorf("%d answers validated, want a million", validated)
	}
}

// tally adds up what several worlds did.
type tally struct{ validated, verified, failed atomic.Int64 }

// live lives through a plan.
func live(p plan, all *tally) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		w, err := newWorld(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.run(); err != nil {
			all.failed.Add(1)
			t.Error(err)
		}
		all.validated.Add(int64(w.report.validated))
		all.verified.Add(int64(w.validator.Verified))
		t.Log(w.report)
	}
}
