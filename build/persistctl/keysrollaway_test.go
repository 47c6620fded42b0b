package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/hashicorp/vault/api"
	"github.com/miekg/dns"
)

// away is where a KSK is that servers do not have.
type away struct {
	source *keySource
	seeds  *kskSource
}

// inDirectories are two directories of a machine.
func inDirectories(t *testing.T) away {
	t.Helper()
	dir, ksk := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "ksk")
	persistctl(t, "keys", "init", "--name", "example", "--dir", dir, "--ksk-dir", ksk)
	return away{&keySource{dir: dir, dirFlag: "dir"}, &kskSource{keySource{dir: ksk, dirFlag: "ksk-dir"}}}
}

// inTransitOfVault is a key in Transit.
func inTransitOfVault(t *testing.T) away {
	t.Helper()
	const ksk = "transit/example"
	return inVault(t, &kskSource{}, []string{"--ksk-transit", ksk}, []string{"--transit", ksk})
}

// inDocumentOfVault is a KSK document in Vault.
func inDocumentOfVault(t *testing.T) away {
	t.Helper()
	const ksk = "persist-ksk/example"
	return inVault(t, &kskSource{keySource{vault: ksk, vaultFlag: "ksk-vault"}}, []string{"--ksk-vault", ksk}, []string{"--ksk", ksk})
}

// inVault is a key set that is made in a real Vault, and then used with no more
// than the policy that is printed for the job.
func inVault(t *testing.T, seeds *kskSource, init, policy []string) away {
	t.Helper()
	v := parts.NewVault(t, parts.VaultOptions{})
	for _, mount := range []string{"persist-keys", "persist-ksk"} {
		if err := v.Mount(t.Context(), mount); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Client.Sys().MountWithContext(t.Context(), "transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_ADDR", v.Address)
	t.Setenv("VAULT_TOKEN", v.RootToken)
	const keys = "persist-keys/example"
	persistctl(t, append([]string{"keys", "init", "--name", "example", "--vault", keys}, init...)...)
	as(t, v, "roller", append([]string{"signer", "--roll", "--keys", keys}, policy...)...)
	return away{&keySource{vault: keys, vaultFlag: "vault"}, seeds}
}

// awayWorld is a world in which the KSK is kept away.
type awayWorld struct {
	*rollWorld
	trusted []*dns.DS // that caches may hold
}

func newAwayWorld(t *testing.T, a away) *awayWorld {
	t.Helper()
	begins := time.Now().UTC().Truncate(time.Hour).Add(30 * 24 * time.Hour)
	job := signing{a.source, a.seeds, defaultWeeks, func() time.Time { return begins }}
	if _, err := job.run(t.Context(), []string{owner}); err != nil {
		t.Fatal(err)
	}
	w := &awayWorld{rollWorld: newRollWorldOf(t, a.source, a.seeds, begins)}
	w.follow(0, 1)
	w.trust()
	return w
}

// trust has caches hold the DS that CDS names, too.
func (w *awayWorld) trust() {
	w.trusted = append(w.trusted, w.keys().EntryPoint(owner, w.now).ToDS(dns.SHA256))
}

// pass lets time pass, in which servers serve what is in the store and nobody
// runs anything.
func (w *awayWorld) pass(d time.Duration) {
	w.t.Helper()
	for until := w.now.Add(d); w.now.Before(until); {
		w.now = w.now.Add(min(9*time.Hour, until.Sub(w.now)))
		w.serve()
		w.validate()
	}
}

// validate checks as a validator does that each server's DNSKEY RRset is trusted
// by each DS that a cache may hold (RFC 4035 section 5.2).
func (w *awayWorld) validate() {
	w.t.Helper()
	answers, err := w.rolling().finder.Keys(w.t.Context(), owner)
	if err != nil || len(answers) != 2 {
		w.t.Fatalf("At %v: expected two answers, got %v (%v)", w.now, answers, err)
	}
	for _, a := range answers {
		for _, ds := range w.trusted {
			if !slices.ContainsFunc(a.Keys, func(rr dns.RR) bool { return pointsTo(ds, rr.(*dns.DNSKEY)) && signedBy(a, rr.(*dns.DNSKEY), w.now) }) {
				w.t.Fatalf("At %v: nothing that the DS %d names has signed the keys of %s: %v, %v", w.now, ds.KeyTag, a.Server, a.Keys, a.Signatures)
			}
		}
	}
}

// start is a run up to where it has bundles for the key document that change
// makes, and returns how that would be written.
func (w *awayWorld) start(change func(r *rolling, d *keyDocument) (func([]byte) ([]byte, error), error)) (finish func()) {
	w.t.Helper()
	r := w.rolling()
	d, err := r.source.open(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	edit, err := change(r, d)
	if err != nil {
		w.t.Fatal(err)
	}
	after, err := edit(d.raw)
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(after)
	if err == nil {
		err = r.bundle(w.t.Context(), keys, beside)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := d.replace(w.t.Context(), after); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Every step is begun by a run that ends in its midst, and days pass before the
// next one: at no time does a validator find a chain of trust that is broken, and
// what the first run has made is not made again.
func TestAKSKThatIsKeptAwayIsRolledByTheSameCommand(t *testing.T) {
	for name, where := range map[string]func(*testing.T) away{
		"in a directory": inDirectories,
		"in Transit":     inTransitOfVault,
		"in Vault":       inDocumentOfVault,
	} {
		t.Run(name, func(t *testing.T) { newAwayWorld(t, where(t)).roll() })
	}
}

const gap = 3 * 24 * time.Hour

func (w *awayWorld) roll() {
	t := w.t
	old := w.keys().Away()[0]
	var made dnssec.Away
	w.start(func(r *rolling, d *keyDocument) (func([]byte) ([]byte, error), error) {
		var err error
		made, err = r.nextAway(t.Context(), d.keys, old)
		return func(raw []byte) ([]byte, error) {
			return dnssec.BeginAwayRoll(raw, []string{owner}, time.Hour, w.now, made)
		}, err
	}) // and no key document
	w.pass(gap)
	begun := w.run(w.now, dnssec.Announced)
	if begun.Old != old.Tag || begun.New != w.keys().Away()[1].Tag {
		t.Errorf("Expected the roll-over from %d to %d, got %+v", old.Tag, made.Tag, begun)
	}
	if next := w.keys().Away()[1]; next.PublicKey != made.PublicKey || next.Transit != old.Transit || old.Transit != "" && next.Version <= old.Version {
		t.Errorf("Expected the key %+v that was made first, got %+v", made, next)
	}
	w.pass(gap)

	w.start(func(*rolling, *keyDocument) (func([]byte) ([]byte, error), error) {
		return func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, w.now) }, nil
	})() // and no clearing up
	w.pass(gap)
	w.run(w.now, dnssec.Submitted)
	w.follow(0, 1)
	w.trust()

	w.start(func(*rolling, *keyDocument) (func([]byte) ([]byte, error), error) {
		return func(raw []byte) ([]byte, error) { return dnssec.EndRoll(raw, 2*time.Hour, w.now) }, nil
	}) // and no key document
	w.pass(gap)
	ended := w.run(w.now, dnssec.Retiring)
	w.pass(ended.Remove.Sub(w.now) - time.Second)
	w.trusted = w.trusted[1:]
	w.pass(time.Second)

	w.start(func(*rolling, *keyDocument) (func([]byte) ([]byte, error), error) {
		return func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, w.now) }, nil
	}) // and no key document
	w.pass(gap)
	if s := w.run(w.now, dnssec.Finished); !s.done() {
		t.Errorf("Expected the end, got %+v", s)
	}
	w.pass(gap)
	if all := w.keys().Away(); len(all) != 1 || all[0].PublicKey != made.PublicKey {
		t.Errorf("Expected %+v alone at the end, got %+v", made, all)
	}
	if s := w.run(w.now, dnssec.Settled); !strings.HasPrefix(s.Did, "Nothing is due") {
		t.Errorf("Expected nothing to be due, got %+v", s)
	}
}

// Without the key nothing is written, and the next run with it goes on.
func TestARollWithoutTheKSKChangesNothing(t *testing.T) {
	w := newAwayWorld(t, inDirectories(t))
	before, err := w.source.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := w.rolling()
	r.seeds = &kskSource{keySource{dirFlag: "ksk-dir", vaultFlag: "ksk-vault"}}
	if _, err := r.run(t.Context()); err == nil || !strings.Contains(err.Error(), "where shall the next KSK be? write --ksk-dir DIR") {
		t.Errorf("Expected to be asked where the KSK is, got %v", err)
	}
	after, err := w.source.open(t.Context())
	if err != nil || !slices.Equal(before.raw, after.raw) {
		t.Errorf("The key document has changed (%v)", err)
	}
	w.run(w.now, dnssec.Announced)
}
