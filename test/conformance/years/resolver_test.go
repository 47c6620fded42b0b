package years

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// resolver is a validating resolver with a cache. What it has, it uses until
// the TTL is over, or until it has forgotten it.
type resolver struct {
	slow  time.Duration // its clock from the right time, negative
	ds    kept[*dns.DS]
	cache map[question]kept[said]
}

// question is what is asked.
type question struct {
	name   string
	rrtype uint16
}

func (q question) String() string { return q.name + " " + dns.Type(q.rrtype).String() }

// kept is something with an end.
type kept[T any] struct {
	what T
	ends time.Time
}

func (k kept[T]) fresh(t time.Time) bool { return t.Before(k.ends) }

// said is an answer, and what is promised in it.
type said struct {
	answer.Response
	by      string // the server
	at      time.Time
	promise time.Time // the earliest persistUntil, zero: none
}

// parent returns the DS record in the cache, or of a random server of the
// parent.
func (r *resolver) parent(w *world, t time.Time) *dns.DS {
	if !r.ds.fresh(t) {
		r.ds = kept[*dns.DS]{w.dsAt(w.random.IntN(parentServers), t), t.Add(dsTTL)}
	}
	return r.ds.what
}

// lookup returns the answer in the cache, or asks random servers until one has
// an answer. It returns false where none has, and none is due.
func (r *resolver) lookup(w *world, q question, t time.Time) (said, bool, error) {
	if have := r.cache[q]; have.fresh(t) {
		w.report.cached++
		return have.what, true, nil
	}
	for range 3 {
		s, ttl, err := w.server().ask(w, q, t)
		if err != nil {
			return s, false, err
		}
		if !slices.Contains(unanswered, s.Outcome) {
			if len(r.cache) > 500 {
				clear(r.cache)
			}
			r.cache[q] = kept[said]{s, t.Add(time.Duration(ttl) * time.Second)}
			return s, true, nil
		}
	}
	return said{}, false, nil
}

// unanswered is after what a resolver asks another server.
var unanswered = []answer.Outcome{answer.Stale, answer.NotReady, answer.Failed}

// server is one that a resolver may ask.
type server interface {
	// ask puts a question to the server at an instant and holds its answer
	// against the model. It returns for how many seconds a cache may keep it.
	ask(w *world, q question, t time.Time) (said, uint32, error)
}

// server is any, and often the one that the event is about.
func (w *world) server() server {
	if w.of != nil && w.random.IntN(2) == 0 {
		return w.of
	}
	return w.servers[w.random.IntN(len(w.servers))]
}

// resolve answers q from what the resolver has or gets, and validates all of
// it, from the parent's DS record on, by the resolver's clock.
func (r *resolver) resolve(w *world, q question, t time.Time) error {
	s, ok, err := r.lookup(w, q, t)
	if err != nil || !ok {
		return err
	}
	keySet, ok, err := r.lookup(w, question{origin, dns.TypeDNSKEY}, t)
	if err != nil || !ok {
		return err
	}
	if err := r.validate(w, q, s, keySet, t); err != nil {
		return fmt.Errorf("%s: bogus for a resolver %v slow, by %s at %s and keys by %s at %s: %w",
			q, -r.slow, s.by, s.at.Format(time.RFC3339), keySet.by, keySet.at.Format(time.RFC3339), err)
	}
	if !s.promise.IsZero() && !t.Before(s.promise) {
		return fmt.Errorf("%s: a cached record is past its persistUntil %s", q, s.promise)
	}
	return nil
}

func (r *resolver) validate(w *world, q question, s, keySet said, t time.Time) error {
	sets, _ := validator.Split(keySet.Answer)
	if len(sets) != 1 {
		return fmt.Errorf("there are %d RRsets for DNSKEY", len(sets))
	}
	clock := t.Add(r.slow)
	keys, _, err := w.validator.Keys(sets[0], origin, []*dns.DS{r.parent(w, t)}, clock)
	if err != nil {
		return fmt.Errorf("DNSKEY: %w", err)
	}
	verdict, err := w.validator.Answer(validator.Answer{
		Name: q.name, Type: q.rrtype, Rcode: s.Rcode, Answer: s.Answer, Authority: s.Authority,
	}, origin, keys, clock)
	if err != nil {
		return err
	}
	w.report.validated++
	if want := kindOf(s.Outcome); verdict.Kind != want {
		return fmt.Errorf("the proof is of %d, and the answer %s", verdict.Kind, s.Outcome)
	}
	return nil
}

func kindOf(o answer.Outcome) validator.Kind {
	switch o {
	case answer.NoData:
		return validator.NoData
	case answer.NXDomain:
		return validator.NoName
	}
	return validator.Positive
}
