package years

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// pairs are key pairs that BIND's programs have made, as the stanza names them.
type pairs struct {
	ksks []ksk // by file, with what their lives are
	zsks []ended
}

// ended is a key pair in a file that is deleted at an instant, zero: never.
type ended struct {
	file   string
	remove time.Time
}

// byBIND is the exchange of a key signing key by dnssec-keygen and
// dnssec-settime.
var byBIND = method{introduce: keygenKSK, retire: settimeKSK, finish: dropKSK}

// stamp is an instant as BIND's programs take it.
func stamp(at time.Time) string { return at.UTC().Format("20060102150405") }

func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %q of bind9-utils: %w", name, args, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// keygen makes a pair that is published and active from two instants on. One
// whose key tag others have is made again.
func (w *world) keygen(publish, active time.Time, more ...string) (string, error) {
	for range 10 {
		file, err := run("dnssec-keygen", slices.Concat([]string{
			"-q", "-K", w.keyDir, "-a", "13", "-L", fmt.Sprint(int(w.ttl.Seconds())), "-P", stamp(publish), "-A", stamp(active),
		}, more, []string{origin})...)
		file = filepath.Join(w.keyDir, file)
		if err != nil {
			return "", err
		}
		if _, _, err := w.load(publish, append(w.files(), file)); err == nil || !strings.Contains(err.Error(), "share the key tag") {
			return file, nil
		}
	}
	return "", errors.New("all new keys have the key tag of another one")
}

func (w *world) settime(file string, retire, remove time.Time) error {
	_, err := run("dnssec-settime", "-I", stamp(retire), "-D", stamp(remove), file)
	return err
}

func (w *world) files() []string {
	files := make([]string, 0, len(w.pairs.ksks)+len(w.pairs.zsks))
	for _, k := range w.pairs.ksks {
		files = append(files, k.Seed)
	}
	for _, z := range w.pairs.zsks {
		files = append(files, z.file)
	}
	return files
}

func (w *world) load(at time.Time, files []string) ([]dnssec.BINDKey, *dnssec.KeySet, error) {
	read, err := dnssec.LoadBIND(files)
	if err != nil {
		return nil, nil, err
	}
	keys, err := dnssec.ParseBIND(read, origin, at)
	return read, keys, err
}

// handOut has servers get the files as they are at t, each a while later.
func (w *world) handOut(t time.Time) error {
	read, _, err := w.load(t, w.files())
	w.editions = append(w.editions, edition{since: t, pairs: read, keyDocument: keyDocument{KSKs: slices.Clone(w.pairs.ksks)}})
	return err
}

// gets is when a server got the files that it has at t.
func (w *world) gets(n *node, t time.Time) time.Time {
	if w.keyDir == "" {
		return t
	}
	return t.Add(-lag / 4 * time.Duration(n.id))
}

// firstPairs are those that the zone begins with.
func (w *world) firstPairs() error {
	at := w.start.Add(-day)
	file, err := w.keygen(at, at, "-f", "KSK", "-P", "sync", stamp(at))
	if err != nil {
		return err
	}
	w.pairs.ksks = []ksk{{Seed: file, Publish: at, Active: at, CDS: at}}
	if file, err = w.keygen(at, at); err != nil {
		return err
	}
	w.pairs.zsks = []ended{{file: file}}
	return w.handOut(w.start)
}

// newPairs plans for a new ZSK in each lifetime.
func (w *world) newPairs() {
	w.rolls = slices.DeleteFunc(w.rolls, func(r *roll) bool { return r.reseeds })
	for at := w.start.Add(w.lifetime); at.Before(w.end); at = at.Add(w.lifetime) {
		publish := at.Add(-2 * day)
		w.rolls = append(w.rolls, &roll{at: publish, next: keygenZSK})
		w.around(publish, 0, 30*time.Hour, 400, nil)
		w.around(publish.Add(w.ttl+lag+margin), 2*time.Hour, 3*time.Hour, 150, nil)
		w.around(at.Add(w.data/2), time.Hour, 2*time.Hour, 100, nil)
		w.around(at.Add(3*day), time.Hour, 2*time.Hour, 100, nil)
	}
}

// keygenZSK is the roll of a ZSK as the operator's guide has it: the new pair is
// published two days before it is active, and the old one deleted three days
// after. Every other time the new pair is active at once, as dnssec-keygen has it
// when nobody says otherwise.
func keygenZSK(w *world, r *roll, t time.Time) error {
	w.pairs.zsks = slices.DeleteFunc(w.pairs.zsks, func(z ended) bool { return !z.remove.IsZero() && z.remove.Add(lag).Before(t) })
	active := t.Add(2 * day)
	if w.report.pairs++; w.report.pairs%2 == 1 {
		active = t
	}
	file, err := w.keygen(t, active)
	if err != nil {
		return err
	}
	old := &w.pairs.zsks[len(w.pairs.zsks)-1]
	old.remove = t.Add(5 * day)
	if err := w.settime(old.file, t.Add(2*day), old.remove); err != nil {
		return err
	}
	w.pairs.zsks = append(w.pairs.zsks, ended{file: file})
	r.next = nil
	return w.handOut(t)
}

// keygenKSK adds a key that signs at once, and is offered to the parent when it
// is in every cache.
func keygenKSK(w *world, r *roll, t time.Time) error {
	if len(w.pairs.ksks) > 1 {
		r.at = t.Add(day)
		return nil
	}
	cds := t.Add(w.ttl + lag + margin)
	file, err := w.keygen(t, t, "-f", "KSK", "-P", "sync", stamp(cds))
	if err != nil {
		return err
	}
	w.pairs.ksks = append(w.pairs.ksks, ksk{Seed: file, Publish: t, Active: t, CDS: cds})
	w.turnedUp(func() { w.parental(cds, 300) }) // who have an old DNSKEY RRset
	w.hot(t, 0, lag+2*time.Hour, 400)
	w.hot(cds, 10*time.Minute, 70*time.Minute, 400)
	if r.next, r.at = exchange, cds.Add(r.delay); r.delay < 0 {
		r.next = nil
	}
	return w.handOut(t)
}

// settimeKSK ends the old key as soon as no cache can have its DS alone.
func settimeKSK(w *world, r *roll, t time.Time) error {
	if !w.seen(t) {
		r.at = t.Add(time.Hour)
		return nil
	}
	end := t.Add(dsTTL + margin).Truncate(time.Second)
	if err := w.settime(w.pairs.ksks[0].Seed, end, end.Add(3*day)); err != nil {
		return err
	}
	w.pairs.ksks[0].Retire = end
	w.hot(end, dsTTL, 2*time.Hour, 800)
	r.next, r.at = w.method.finish, end.Add(5*day)
	return w.handOut(t)
}

// dropKSK no longer names the old key.
func dropKSK(w *world, r *roll, t time.Time) error {
	w.pairs.ksks = w.pairs.ksks[1:]
	r.next = nil
	w.report.rolls++
	return w.handOut(t)
}
