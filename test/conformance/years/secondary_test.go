package years

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// secondary is a server that has the chained zone by transfer from one primary,
// and goes by the timers in its SOA (RFC 1034 section 4.3.5). It knows of time
// only how much has passed.
type secondary struct {
	id      int
	primary *node
	heeds   bool // whether NOTIFY reaches it

	zone    *copied   // nil: none yet
	current time.Time // when the primary last said that this is its zone
	version node      // the primary as it was then
	next    time.Time // when it asks again
}

// first is how soon a secondary without a zone asks again.
const first = 5 * time.Minute

func (s *secondary) String() string { return fmt.Sprintf("secondary %d", s.id) }

// expires is when the copy is too old to answer from.
func (s *secondary) expires() time.Time {
	return s.current.Add(time.Duration(s.zone.soa.Expire) * time.Second)
}

// expired reports whether there is nothing to answer from at t.
func (s *secondary) expired(t time.Time) bool { return s.zone == nil || !t.Before(s.expires()) }

// poll asks the primary at t whether there is a newer zone, and has it sent.
func (s *secondary) poll(w *world, t time.Time) error {
	found, err := s.refreshed(w, t)
	switch {
	case err != nil:
		return err
	case found:
		s.next = s.later(t, s.zone.soa.Refresh)
	case s.zone == nil:
		s.next = t.Add(first)
	default:
		s.alone(w, t)
		s.next = s.later(t, s.zone.soa.Retry)
	}
	return nil
}

// later is when to ask again, seconds from t on, or when the primary makes its
// next version and NOTIFY tells of it.
func (s *secondary) later(t time.Time, seconds uint32) time.Time {
	next := t.Add(time.Duration(seconds) * time.Second)
	if !s.heeds {
		return next
	}
	if _, due, err := s.primary.authority.Renew(s.primary.clock(t)); err == nil {
		next = earlier(next, t.Add(max(time.Second, due.Sub(s.primary.clock(t)))+time.Second))
	}
	return next
}

// refreshed reports whether the primary has said at t that the copy is its zone.
func (s *secondary) refreshed(w *world, t time.Time) (bool, error) {
	if slices.ContainsFunc(w.cuts, func(o outage) bool { return o.hits(s.id, t) }) {
		return false, nil
	}
	if err := s.primary.catchUp(w, t); err != nil {
		return false, err
	}
	r := s.primary.authority.Answer(answer.Query{Name: origin, Type: dns.TypeSOA}, s.primary.clock(t))
	if r.Outcome != answer.Apex {
		return false, nil
	}
	serial := r.Answer[0].(*dns.SOA).Serial
	if s.expired(t) || int32(serial-s.zone.soa.Serial) > 0 { // RFC 1982 section 3.2
		rrs, _, err := s.primary.authority.Transfer(s.primary.clock(t))
		if err != nil { // REFUSED
			w.report.refused++
			return false, nil
		}
		s.zone = newCopied(rrs)
		w.report.transfers++
	}
	s.current = t
	if serial == s.zone.soa.Serial {
		s.version = *s.primary
	}
	return true, nil
}

// alone plans for the end of a copy that has not been renewed for the first time.
func (s *secondary) alone(w *world, t time.Time) {
	if t.Sub(s.current) > time.Duration(s.zone.soa.Refresh)*time.Second {
		return
	}
	end := s.expires()
	w.turnedUp(func() {
		for _, lose := range []loss{everything, nothing} {
			for range 60 {
				e := w.event(end, 70*time.Minute, time.Minute)
				e.lose, e.of = lose, s
				w.put(e)
			}
		}
		for range 16 {
			e := w.event(end, 2*time.Minute, 0)
			e.q, e.lose, e.of = question{origin, dns.TypeDNSKEY}, everything, s
			w.put(e)
			e = w.event(end, 2*time.Minute, 0)
			e.q, e.lose, e.of = question{origin, dns.TypeNS}, everything, s
			w.put(e)
		}
		w.around(end.Add(w.ttl), 10*time.Minute, 2*time.Minute, 60, nil)
	})
}

// ask puts a question to a secondary. What it says must be what the primary said
// when it last confirmed the copy, and must last for as long as caches keep it.
func (s *secondary) ask(w *world, q question, t time.Time) (said, uint32, error) {
	w.report.asked++
	if s.expired(t) {
		w.report.expired++
		return said{Response: answer.Response{Outcome: answer.NotReady}}, 0, nil
	}
	w.report.secondhand++
	a := said{Response: s.zone.answer(q), by: s.String(), at: t}
	ttl, err := w.judge(&s.version, q, &a, s.current)
	if err == nil {
		ttl, err = s.lasts(&a, ttl, t)
	}
	if err != nil {
		err = fmt.Errorf("%s: %s (of server %d at %s): %w", q, s, s.primary.id, s.current.Format(time.RFC3339), err)
	}
	return a, ttl, err
}

// lasts holds signatures against how long caches keep what they cover. A record
// of which persistUntil has passed is still in the copy: its signature has
// expired, so nobody believes it.
func (s *secondary) lasts(a *said, ttl uint32, t time.Time) (uint32, error) {
	if !a.promise.IsZero() {
		if !t.Before(a.promise) {
			a.Outcome = answer.Failed
		}
		return uint32(max(0, min(int64(ttl), int64(a.promise.Sub(t)/time.Second)))), nil // RFC 4035 section 5.3.3
	}
	sets, _ := validator.Split(slices.Concat(a.Answer, a.Authority))
	for _, set := range sets {
		for _, sig := range set.Signatures {
			expiration := time.Unix(int64(sig.Expiration), 0)
			if left := expiration.Sub(t); left < time.Duration(sig.OrigTtl)*time.Second {
				return 0, fmt.Errorf("%s: the signature expires in %v, and its TTL is %d s", set.Records[0].Header(), left, sig.OrigTtl)
			}
		}
	}
	return ttl, nil
}

// newSecondaries are as many as the plan has, each with a primary of its own.
func (w *world) newSecondaries() {
	for i := range w.secondaries {
		s := &secondary{id: i, primary: w.nodes[i], heeds: i%2 == 1, next: w.start.Add(time.Duration(i) * time.Minute)}
		w.transferred = append(w.transferred, s)
		w.servers = append(w.servers, s)
	}
}

// poll has secondaries ask their primaries, up to t, while everything else goes on.
func (w *world) poll(t time.Time) error {
	for len(w.transferred) > 0 {
		s := slices.MinFunc(w.transferred, func(a, b *secondary) int { return a.next.Compare(b.next) })
		if s.next.After(t) {
			return nil
		}
		at := s.next
		if err := w.operate(at); err != nil {
			return err
		}
		if err := s.poll(w, at); err != nil {
			return err
		}
	}
	return nil
}
