package years

import (
	"bytes"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// safe is the KSK document, which no server has.
type safe []byte

// keys are the key signing keys in the safe.
func (w *world) safeKeys() (*dnssec.KSKs, error) {
	return dnssec.ParseKSKs(w.safe, "years", w.algorithm)
}

// nextAway makes the next key in the safe, or takes the one that a run has made
// there which was cut short.
func (w *world) nextAway() (dnssec.Away, error) {
	inForce, err := dnssec.ParseKeys(w.stored())
	if err != nil {
		return dnssec.Away{}, err
	}
	have, err := w.safeKeys()
	if err != nil {
		return dnssec.Away{}, err
	}
	if newest := have.Newest(); !slices.ContainsFunc(inForce.Away(), func(a dnssec.Away) bool { return a.Tag == newest.Tag }) {
		return newest, nil
	}
	if w.safe, err = dnssec.AddKSK(w.safe, inForce, w.seeds); err != nil {
		return dnssec.Away{}, err
	}
	have, err = w.safeKeys()
	if err != nil {
		return dnssec.Away{}, err
	}
	return have.Newest(), nil
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

// signFunc is how bundles are signed.
type signFunc func(b *dnssec.Bundles, k *dnssec.KeySet, origin string, from, until time.Time, private dnssec.SignerOf) (int, error)

// sign does what persistctl keys sign does.
func (w *world) sign(t time.Time) error { return w.signFor(w.stored(), t, (*dnssec.Bundles).Sign) }

// signFor signs what is missing for a key document, and stores the bundles if
// there is anything new.
func (w *world) signFor(document []byte, t time.Time, how signFunc) error {
	keys, err := dnssec.ParseKeys(document)
	if err != nil {
		return err
	}
	private, err := w.safeKeys()
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
	made, err := how(b, keys, origin, t, t.Add(time.Duration(w.weeks)*7*day), private.Private)
	if err != nil {
		return err
	}
	raw, err := b.Marshal()
	if fits := have.since.After(w.editions[len(w.editions)-1].since); err == nil && (!fits || !bytes.Equal(raw, have.raw)) {
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
	raw, err := dnssec.GenerateKSKs("years", w.algorithm, w.seeds)
	if err != nil {
		return d, err
	}
	w.safe = raw
	keys, err := w.safeKeys()
	if err != nil {
		return d, err
	}
	d.KSKs[0].Seed, d.KSKs[0].PublicKey = "", keys.Newest().PublicKey
	return d, nil
}

// keptAway is planned for a key that no server has.
var keptAway = method{introduce, retire, finish, replaceBeside}

// between is how long a run takes from one of its writes to the next.
const between = 20 * time.Second

// replaceBeside has bundles for what is to come beside those for what is, then the
// key document, then the bundles for that alone. A run may be cut short after each
// of its writes, and begins anew where the document has changed meanwhile.
func replaceBeside(w *world, r *roll, t time.Time, change change, then func(dnssec.Step)) error {
	if w.idles(t) {
		r.at = t.Add(time.Hour)
		return nil
	}
	before, again := w.stored(), r.next
	raw, err := change(before)
	if err != nil {
		return err
	}
	if err := w.signFor(raw, t, (*dnssec.Bundles).SignBeside); err != nil {
		return err
	}
	if w.random.IntN(4) == 0 {
		w.report.interrupted++
		r.at = t.Add(hours(w.random, 1, 50))
		return nil
	}
	r.at = t.Add(between)
	r.next = func(w *world, r *roll, at time.Time) error {
		if r.next = again; at.After(t.Add(between)) || !bytes.Equal(before, w.stored()) {
			return nil
		}
		step, err := w.write(raw, nil, at)
		if err != nil {
			return err
		}
		w.editions[len(w.editions)-1].alone = false
		then(step)
		w.sortBundles(at)
		return nil
	}
	return nil
}

// sortBundles has the run that has written a key document leave bundles for that
// alone, or be cut short, which is mended by the next run of the job.
func (w *world) sortBundles(t time.Time) {
	if w.random.IntN(4) == 0 {
		w.report.interrupted++
		return
	}
	w.rolls = append(w.rolls, &roll{at: t.Add(between), next: once})
}

// missBundles has one server read the key document of t, and not the bundles for
// it before it would need them.
func (w *world) missBundles(t time.Time) {
	w.outages = append(w.outages, outage{t.Add(70 * time.Second), t.Add(3 * time.Hour), 3})
	w.job.at = later(w.job.at, t.Add(3*time.Minute))
}

// soon has the job run within the hour after a change of the key document.
func (w *world) soon(t time.Time) {
	if w.job != nil {
		w.job.at = t.Add(5*time.Second + time.Duration(w.random.Int64N(int64(50*time.Minute))))
	}
}
