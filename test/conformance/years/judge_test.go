package years

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// What every signature promises, by the manual.
const (
	backdate  = time.Hour
	leastLife = 12 * time.Hour
)

// ask puts a question to a server and holds its answer against the model. It
// returns for how many seconds a cache may keep it.
func (n *node) ask(w *world, q question, t time.Time) (said, uint32, error) {
	if err := n.catchUp(w, t); err != nil {
		return said{}, 0, err
	}
	w.report.asked++
	s := said{Response: n.authority.Answer(answer.Query{Name: q.name, Type: q.rrtype, DO: true}, n.clock(t)), by: n.String(), at: t}
	ttl, err := w.judge(n, q, &s, t)
	if err != nil {
		err = fmt.Errorf("%s: %s (clock %s): %w", q, n, n.clock(t).Format(time.RFC3339Nano), err)
	}
	return s, ttl, err
}

func (w *world) judge(n *node, q question, s *said, t time.Time) (uint32, error) {
	e := w.expect(n, q.name, t)
	if want := w.outcomes(n, q, e, t); !slices.Contains(want, s.Outcome) {
		return 0, fmt.Errorf("the answer is %s, and %s is due (%v)", s.Outcome, want, s.Err)
	}
	if s.Outcome == answer.Failed {
		w.report.unsigned++
	}
	if slices.Contains(unanswered, s.Outcome) {
		w.report.silent++
		return 0, nil
	}
	sets, _ := validator.Split(slices.Concat(s.Answer, s.Authority))
	ttl := uint32(dsTTL.Seconds())
	for _, set := range sets {
		ttl = min(ttl, set.Records[0].Header().Ttl)
		if err := w.judgeSet(n, set, t); err != nil {
			return 0, fmt.Errorf("%s: %w", set.Records[0].Header(), err)
		}
	}
	switch s.Outcome {
	case answer.Record:
		return ttl, judgeRecords(s, e, t.Add(time.Duration(ttl)*time.Second))
	case answer.NoData, answer.NXDomain:
		if ttl > 60 {
			return 0, fmt.Errorf("a denial is kept for %d s", ttl)
		}
	}
	return ttl, nil
}

// judgeRecords holds the TXT records against the documents, and against what
// follows from a copy that a cache keeps up to the instant ends.
func judgeRecords(s *said, e expected, ends time.Time) error {
	got, first, _ := records(s.Answer)
	s.promise = first
	switch {
	case !first.IsZero() && first.Before(ends):
		return fmt.Errorf("a copy is kept up to %s, and persistUntil is %s", ends.UTC(), first.UTC())
	case !e.admits(got):
		return fmt.Errorf("the records are %v, and %v are due", got, e.records)
	}
	return nil
}

// expect is what the model says of a granted name at a server.
func (w *world) expect(n *node, owner string, t time.Time) expected {
	return w.papers.expect(owner, n.scanned, n.vouched(), n.goesBy(t))
}

// outcomes are the kinds of answer that may be due. There is one, except while a
// record is about to leave.
func (w *world) outcomes(n *node, q question, e expected, t time.Time) []answer.Outcome {
	apex := []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}
	switch {
	case n.scanned.IsZero(), !n.model.ready:
		return []answer.Outcome{answer.NotReady}
	case q.name == origin && n.unsigned(w):
		return []answer.Outcome{answer.Apex, answer.NoData, answer.Failed}
	case q.name == origin && slices.Contains(apex, q.rrtype):
		return []answer.Outcome{answer.Apex}
	case q.name == origin:
		return []answer.Outcome{answer.NoData}
	case e.granted && e.stale:
		return []answer.Outcome{answer.Stale}
	case e.granted && len(e.records) == 0 && len(e.leaving) > 0 && q.rrtype == dns.TypeTXT:
		return []answer.Outcome{answer.Record, w.without(n, t)}
	case e.granted && len(e.records) == 0 && len(e.leaving) > 0:
		return []answer.Outcome{answer.NoData, w.without(n, t)}
	case e.granted && len(e.records) == 0:
		return []answer.Outcome{w.without(n, t)}
	case e.granted && q.rrtype == dns.TypeTXT:
		return []answer.Outcome{answer.Record}
	case e.granted:
		return []answer.Outcome{answer.NoData}
	}
	return w.above(n, q.name, t)
}

// without is what a server says of a granted name without records. Only in a
// chained zone does it not exist.
func (w *world) without(n *node, t time.Time) answer.Outcome {
	if w.chained {
		return w.absent(n, t)
	}
	return answer.NoData
}

// absent is what a server says of a name that does not exist.
func (w *world) absent(n *node, t time.Time) answer.Outcome {
	if !n.goesBy(t).Before(n.vouched().Add(maxStale)) {
		return answer.Stale
	}
	return answer.NXDomain
}

// above is what a server says of a name that nobody is granted: it exists where
// one below it does.
func (w *world) above(n *node, name string, t time.Time) []answer.Outcome {
	maybe := false
	for _, g := range w.papers.below[name] {
		if !g.listed(n.scanned) {
			continue
		}
		e := w.expect(n, g.owner(), t)
		if !w.chained || e.known() {
			return []answer.Outcome{answer.NoData}
		}
		maybe = maybe || len(e.leaving) > 0
	}
	if maybe {
		return []answer.Outcome{answer.NoData, w.absent(n, t)}
	}
	return []answer.Outcome{w.absent(n, t)}
}

// judgeSet holds an RRset and its signatures against what is promised of them.
func (w *world) judgeSet(n *node, set validator.RRset, t time.Time) error {
	h, now := set.Records[0].Header(), n.goesBy(t)
	validity, due := w.data, 1
	if h.Rrtype == dns.TypeDNSKEY || h.Rrtype == dns.TypeCDS || h.Rrtype == dns.TypeCDNSKEY {
		validity, due = w.dnskey, w.editions[n.edition].signing(now)
	}
	if len(set.Signatures) != due {
		return fmt.Errorf("it has %d signatures, and %d are due", len(set.Signatures), due)
	}
	if len(set.Records) > 5 && h.Rrtype == dns.TypeDNSKEY {
		return fmt.Errorf("there are %d keys", len(set.Records))
	}
	_, first, bounded := records(set.Records)
	bounded = bounded && h.Rrtype == dns.TypeTXT && !w.chained // whose secondaries may be late
	for _, sig := range set.Signatures {
		if err := judgeTimes(sig, now, t, validity, w.tardy(h.Rrtype), bounded, first); err != nil {
			return err
		}
		if err := w.judgePace(sig, validity); err != nil && (w.weeks == 0 || !dnssec.KeySigned(h.Rrtype)) {
			return err
		}
	}
	if nsec, ok := set.Records[0].(*dns.NSEC); ok {
		return w.contradicts(n, nsec, t)
	}
	return nil
}

// tardy is by how much later than in other zones a chained one replaces its
// signatures, but for those of the keys.
func (w *world) tardy(rrtype uint16) time.Duration {
	if w.chained && rrtype != dns.TypeDNSKEY && rrtype != dns.TypeCDS && rrtype != dns.TypeCDNSKEY {
		return 16 * time.Minute
	}
	return 0
}

// judgeTimes looks at one signature by the clock of the server that gave it, and
// by the right one.
func judgeTimes(sig *dns.RRSIG, now, right time.Time, validity, tardy time.Duration, bounded bool, first time.Time) error {
	inception, expiration := time.Unix(int64(sig.Inception), 0), time.Unix(int64(sig.Expiration), 0)
	due := inception.Add(validity)
	if bounded && first.Before(due) {
		due = first
	}
	ttl := time.Duration(sig.Hdr.Ttl) * time.Second
	switch left := expiration.Sub(now); {
	case sig.OrigTtl != sig.Hdr.Ttl:
		return fmt.Errorf("the TTL is %d, the original one %d", sig.Hdr.Ttl, sig.OrigTtl)
	case now.Sub(inception) > backdate+validity/2+tardy:
		return fmt.Errorf("the signature began %v ago, and is served for %v", now.Sub(inception), validity/2)
	case !expiration.Equal(due):
		return fmt.Errorf("the signature expires at %s, and %s is due", expiration.UTC(), due.UTC())
	case left < ttl, expiration.Sub(right) < ttl, !bounded && left < leastLife-tardy:
		return fmt.Errorf("the signature expires in %v, in truth in %v, and its TTL is %v", left, expiration.Sub(right), ttl)
	}
	return nil
}

// judgePace: a new signature is made once in half a validity, at names that are
// asked for again.
func (w *world) judgePace(sig *dns.RRSIG, validity time.Duration) error {
	if sig.TypeCovered == dns.TypeNSEC {
		return nil
	}
	key := fmt.Sprintf("%s %d", sig.Hdr.Name, sig.TypeCovered)
	last, known := w.inceptions[key]
	w.inceptions[key] = sig.Inception
	apart := time.Duration(int64(sig.Inception)-int64(last)) * time.Second
	if known && apart%(validity/2) != 0 {
		return fmt.Errorf("signatures are made %v apart, and %v are due", apart, validity/2)
	}
	return nil
}

// contradicts looks whether a server denies what it has at the same instant.
func (w *world) contradicts(n *node, nsec *dns.NSEC, t time.Time) error {
	for _, owner := range w.names {
		e := w.expect(n, owner, t)
		switch {
		case !e.known():
		case validator.Covers(nsec, owner):
			return fmt.Errorf("it denies %s, which exists", owner)
		case nsec.Hdr.Name == owner && !slices.Contains(nsec.TypeBitMap, dns.TypeTXT):
			return fmt.Errorf("it denies the TXT RRset at %s", owner)
		}
	}
	if strings.HasPrefix(nsec.Hdr.Name, "*.") {
		return fmt.Errorf("at %s it is owned by a wildcard", t)
	}
	return nil
}
