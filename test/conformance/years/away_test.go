package years

import (
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// safe holds the key signing keys that no server has.
type safe []*dnssec.KSKs

// add puts a new key into the safe, and returns what a key document says of it.
func (s *safe) add(algorithm uint8, random io.Reader) (dnssec.Away, error) {
	raw, err := dnssec.GenerateKSKs("years", algorithm, random)
	if err != nil {
		return dnssec.Away{}, err
	}
	key, err := dnssec.ParseKSKs(raw, "years", algorithm)
	if err != nil {
		return dnssec.Away{}, err
	}
	*s = append(*s, key)
	return key.Newest(), nil
}

// private is a dnssec.SignerOf.
func (s *safe) private(a dnssec.Away) (crypto.Signer, error) {
	for _, key := range *s {
		if signer, err := key.Private(a); err == nil {
			return signer, nil
		}
	}
	return nil, fmt.Errorf("the safe has no key %d", a.Tag)
}

// signed is a document of bundles from an instant on, as the store has it.
type signed struct {
	since time.Time
	raw   []byte
}

// bundlesAt is the number of the document of bundles that is in the store at t.
func (w *world) bundlesAt(t time.Time) int {
	i := len(w.bundles) - 1
	for i > 0 && t.Before(w.bundles[i].since) {
		i--
	}
	return i
}

// job is the operator's that signs bundles: once in a while, and soon after each
// change of the key document.
func job(w *world, r *roll, t time.Time) error {
	if r.at = t.Add(hours(w.random, 20, 60)); w.idles(t) {
		return nil
	}
	return w.sign(t)
}

// idles reports whether the job fails at t.
func (w *world) idles(t time.Time) bool {
	for _, o := range w.failures {
		if o.hits(0, t) {
			return true
		}
	}
	return false
}

// sign signs what is missing, and stores the bundles if there is anything new.
func (w *world) sign(t time.Time) error {
	keys, err := dnssec.ParseKeys(w.stored())
	if err != nil {
		return err
	}
	b, have := dnssec.NewBundles(keys), signed{}
	if n := len(w.bundles); n > 0 {
		have = w.bundles[n-1]
		if b, err = dnssec.ParseBundles(have.raw); err != nil {
			return err
		}
	}
	b.Prune(t)
	made, err := b.Sign(keys, origin, t, t.Add(time.Duration(w.weeks)*7*day), w.safe.private)
	if err != nil {
		return err
	}
	raw, err := b.Marshal()
	if fits := have.since.After(w.editions[len(w.editions)-1].since); err == nil && !(fits && bytes.Equal(raw, have.raw)) {
		w.bundles = append(w.bundles, signed{t, raw})
		w.report.bundles += made
	}
	return err
}

// newJob has bundles signed from the start on, by a job that fails for weeks now
// and then, and just after a bundle has ended.
func (w *world) newJob(keys *dnssec.KeySet) {
	w.job = &roll{at: w.start.Add(day), next: job}
	w.rolls = append(w.rolls, w.job)
	most := time.Duration(w.weeks-1) * 7 * day
	for at := w.start.Add(25 * day); at.Before(w.end); at = at.Add(most + hours(w.random, 24*20, 24*60)) {
		w.failures = append(w.failures, outage{at, at.Add(most/2 + time.Duration(w.random.Int64N(int64(most/2)))), 0})
	}
	for at := w.start; at.Before(w.end); {
		_, at = keys.Window(origin, dns.TypeDNSKEY, at)
		w.rolls = append(w.rolls, &roll{at: at.Add(time.Second), next: once})
		w.oldest(at)
	}
	for at := w.start.Add(w.lifetime); at.Before(w.end); at = at.Add(w.lifetime) {
		w.restarts(at.Add(-w.ttl-lag-margin), time.Hour, 60)
	}
}

// restarts has servers read bundles anew before one of them ends at an instant.
func (w *world) restarts(at time.Time, before time.Duration, n int) {
	for range n {
		e := w.event(at, before, 0)
		e.q, e.restart, e.lose = question{origin, dns.TypeDNSKEY}, true, everything
		w.put(e)
	}
}

// once is a run of the job that is not followed by another.
func once(w *world, r *roll, t time.Time) error {
	if r.next = nil; w.idles(t) {
		return nil
	}
	return w.sign(t)
}

// awayDocument is a first key document with a key that is in the safe.
func (w *world) awayDocument(d keyDocument) (keyDocument, error) {
	away, err := w.safe.add(w.algorithm, w.seeds)
	d.KSKs[0].Seed, d.KSKs[0].PublicKey = "", away.PublicKey
	return d, err
}

// edit changes the list of key signing keys in the key document by hand.
func (w *world) edit(t time.Time, change func(ksks []any) []any) (dnssec.Step, error) {
	var d map[string]any
	if err := json.Unmarshal(w.stored(), &d); err != nil {
		return dnssec.Step{}, err
	}
	d["ksks"] = change(d["ksks"].([]any))
	raw, err := json.Marshal(d)
	return w.write(raw, err, t)
}

// byHand is the exchange of a key that no server has, as the operator's guide
// describes it: each change of the document is followed by a run of the job.
var byHand = method{introduce: introduceByHand, retire: retireByHand, finish: finishByHand}

// introduceByHand adds the next key days before it is published.
func introduceByHand(w *world, r *roll, t time.Time) error {
	if w.idles(t) || len(w.editions[len(w.editions)-1].KSKs) > 1 {
		r.at = t.Add(day)
		return nil
	}
	away, err := w.safe.add(w.algorithm, w.seeds)
	if err != nil {
		return err
	}
	publish := t.Add(3 * day).Truncate(time.Second)
	step, err := w.edit(t, func(ksks []any) []any {
		return append(ksks, ksk{
			PublicKey: away.PublicKey, Publish: publish, Active: publish.Add(time.Hour), CDS: publish.Add(w.ttl + lag + margin),
		})
	})
	if err != nil {
		return err
	}
	if w.report.rolls%2 == 1 { // one server reads the document, and not the bundles before it needs them
		w.outages = append(w.outages, outage{t.Add(70 * time.Second), publish.Add(2 * time.Hour), 3})
		w.job.at = later(w.job.at, t.Add(3*time.Minute))
	}
	w.hot(publish, 10*time.Minute, 90*time.Minute, 400)
	w.turnedUp(func() { w.oldest(publish.Add(lag)) })
	r.next, r.at = check, step.Publish.Add(margin)
	return nil
}

// retireByHand ends the old key as soon as no cache can have its DS alone.
func retireByHand(w *world, r *roll, t time.Time) error {
	if !w.seen(t) || w.idles(t) {
		r.at = t.Add(time.Hour)
		return nil
	}
	end := t.Add(dsTTL + margin).Truncate(time.Second)
	_, err := w.edit(t, func(ksks []any) []any {
		old := ksks[0].(map[string]any)
		old["retire"], old["remove"] = end, end.Add(time.Hour)
		return ksks
	})
	w.hot(end, dsTTL, 3*time.Hour, 800)
	r.next, r.at = w.method.finish, end.Add(dsTTL)
	return err
}

// finishByHand drops the old key.
func finishByHand(w *world, r *roll, t time.Time) error {
	unread, err := w.unread(t)
	if r.at = t.Add(time.Hour); err != nil || unread || w.idles(t) {
		return err
	}
	_, err = w.edit(t, func(ksks []any) []any { return ksks[len(ksks)-1:] })
	r.next = nil
	w.report.rolls++
	return err
}

// soon has the job run within the hour after a change of the key document.
func (w *world) soon(t time.Time) {
	if w.job != nil {
		w.job.at = t.Add(5*time.Second + time.Duration(w.random.Int64N(int64(50*time.Minute))))
	}
}
