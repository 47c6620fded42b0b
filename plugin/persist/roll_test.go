package persist

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// dsTTL is that of the parent's DS RRset, in seconds.
const dsTTL = 4 * 3600

// lateness is how long after a change of the key document the server reads it.
const lateness = 50 * time.Minute

// watched is a signed zone, example.com, below a signed parent, com, and an
// Unbound that trusts the parent's key alone (so nothing of RFC 5011). The
// server and Unbound have one clock, which stands still until it is set.
type watched struct {
	t        *testing.T
	clock    *manualClock
	site     site
	server   *server
	nsd      *parts.NSD
	unbound  *parts.Unbound
	dir      string // of the parent's key and of Unbound's time
	key      string // the parent's key, as ldns names its files
	serial   int
	unread   time.Time // when the server reads the key document again; zero: nothing new
	asked    int
	signedBy map[uint16]bool // tags of keys whose signatures were seen
}

// watch starts everything, with keys of which a ZSK is to be replaced turn after
// the instant at.
func watch(t *testing.T, algorithm uint8, at time.Time, turn time.Duration) *watched {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	w := &watched{t: t, clock: setClock(t, at), site: newSite(t, documents()), dir: t.TempDir(), signedBy: map[uint16]bool{}}
	const lifetime = 30 * 24 * time.Hour
	if err := dnssec.InitDir(w.site.keys(), "example", algorithm, at.Add(turn-lifetime), rand.Reader); err != nil {
		t.Fatal(err)
	}
	port, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	w.server = start(t, fmt.Sprintf(".:%d {\nbind 127.0.0.1\n%s\n}\n", port, w.site.stanza()))
	w.key = strings.TrimSpace(w.run("ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", "com"))
	w.nsd = parts.NewNSD(t, parts.NSDOptions{Zones: map[string]string{"com.": w.parentZone()}})
	w.startUnbound()
	return w
}

// startUnbound starts it under libfaketime, which reads the time from a file.
func (w *watched) startUnbound() {
	w.t.Helper()
	library, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if err != nil || len(library) == 0 {
		w.t.Fatal("libfaketimeMT.so.1 is missing: install faketime")
	}
	anchor, err := os.ReadFile(filepath.Join(w.dir, w.key+".key"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.setTime(w.clock.now())
	w.unbound = parts.NewUnbound(w.t, parts.UnboundOptions{
		Zone: "example.com", Server: w.server.udp,
		Anchor: strings.TrimSpace(strings.Split(string(anchor), ";")[0]),
		Lines: []string{
			"val-sig-skew-min: 0", "val-sig-skew-max: 0", // our own times must be right
			"stub-zone:", "name: com", "stub-addr: " + strings.Replace(w.nsd.Address, ":", "@", 1),
		},
		Env: []string{
			"LD_PRELOAD=" + library[0], "FAKETIME_TIMESTAMP_FILE=" + w.timeFile(), "FAKETIME_NO_CACHE=1",
			"DONT_FAKE_MONOTONIC=1", "TZ=UTC",
		},
	})
}

func (w *watched) timeFile() string { return filepath.Join(w.dir, "now") }

// setTime has everybody's clock stand at an instant. Unbound reads its own once
// for all queries that it finds waiting, and drops one whose answer it thinks
// took an hour. A question over TCP, which it knows the answer to, makes it read.
func (w *watched) setTime(at time.Time) {
	w.t.Helper()
	w.clock.set(at)
	next := w.timeFile() + ".next"
	err := os.WriteFile(next, []byte(at.UTC().Format("2006-01-02 15:04:05")), 0o600)
	if err := errors.Join(err, os.Rename(next, w.timeFile())); err != nil {
		w.t.Fatal(err)
	}
	if w.unbound != nil {
		exchange(w.t, "tcp", w.unbound.Address, question("localhost.", dns.TypeA))
	}
}

// run runs a command in the directory of the parent's key.
func (w *watched) run(command string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir = w.dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%v: %v", cmd.Args, err)
	}
	return string(out)
}

// parentZone returns the parent's zone, signed, with the DS that CDS names.
func (w *watched) parentZone() string {
	w.t.Helper()
	ds := w.keys().EntryPoint("example.com.", w.clock.now()).ToDS(dns.SHA256)
	ds.Hdr.Ttl = dsTTL
	return w.parentZoneWith(ds)
}

func (w *watched) parentZoneWith(ds *dns.DS) string {
	w.t.Helper()
	w.serial++
	zone := fmt.Sprintf("com. 3600 IN SOA ns.example.net. hostmaster.example.net. %d 7200 1800 86400 60\n"+
		"com. 3600 IN NS ns.example.net.\nexample.com. 3600 IN NS ns1.example.net.\n%s\n", w.serial, ds)
	if err := os.WriteFile(filepath.Join(w.dir, "zone"), []byte(zone), 0o600); err != nil {
		w.t.Fatal(err)
	}
	day := func(days int) string { return w.clock.now().AddDate(0, 0, days).Format("20060102") }
	w.run("ldns-signzone", "-o", "com", "-i", day(-2), "-e", day(60), "-f", "signed", "zone", w.key)
	signed, err := os.ReadFile(filepath.Join(w.dir, "signed"))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(signed)
}

// follow has the parent take the DS that CDS names.
func (w *watched) follow() {
	w.t.Helper()
	if err := w.nsd.Replace(w.t.Context(), "com.", w.parentZone()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) keys() *dnssec.KeySet {
	w.t.Helper()
	raw, err := dnssec.LoadDir(w.site.keys())
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := dnssec.ParseKeys(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

// change rewrites the key document, which the server reads only later.
func (w *watched) change(change func(raw []byte) ([]byte, error)) dnssec.Step {
	w.t.Helper()
	before, err := dnssec.LoadDir(w.site.keys())
	if err != nil {
		w.t.Fatal(err)
	}
	after, err := change(before)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := dnssec.ReplaceDir(w.site.keys(), before, after); err != nil {
		w.t.Fatal(err)
	}
	w.unread = w.clock.now().Add(lateness)
	return w.keys().Roll(w.clock.now())
}

// walk moves the clock on to an instant, by an hour at a time and by minutes
// around each of the edges, and has Unbound asked at every step.
func (w *watched) walk(until time.Time, edges ...time.Time) {
	w.t.Helper()
	var steps []time.Time
	for at := w.clock.now(); at.Before(until); at = at.Add(time.Hour) {
		steps = append(steps, at)
	}
	for _, edge := range edges {
		for _, minutes := range []int{-30, -10, -2, 0, 1, 3, 10, 30} {
			steps = append(steps, edge.Add(time.Duration(minutes)*time.Minute))
		}
	}
	slices.SortFunc(steps, time.Time.Compare)
	for _, at := range append(steps, until) {
		if at.After(w.clock.now()) && !at.After(until) {
			w.step(at)
		}
	}
}

// step is one step of the clock.
func (w *watched) step(at time.Time) {
	w.t.Helper()
	w.setTime(at)
	rescan(w.t)
	if !w.unread.IsZero() && !at.Before(w.unread) {
		w.unread = time.Time{}
		for _, k := range keyrings.all() {
			k.refresh(w.t.Context())
			if k.failed {
				w.t.Fatalf("At %v the server does not take the key document", at)
			}
		}
	}
	w.ask()
}

// ask asks Unbound for what it has cached and for what it cannot have cached.
func (w *watched) ask() {
	w.t.Helper()
	w.asked++
	for _, q := range []dns.Question{
		{Name: "_validation-persist.example.com.", Qtype: dns.TypeTXT},
		{Name: fmt.Sprintf("n%d.example.com.", w.asked), Qtype: dns.TypeTXT},
		{Name: "example.com.", Qtype: dns.TypeA},
		{Name: "example.com.", Qtype: dns.TypeDNSKEY},
		{Name: "example.com.", Qtype: dns.TypeSOA},
		{Name: "example.com.", Qtype: dns.TypeCDS},
	} {
		r := exchange(w.t, "udp", w.unbound.Address, question(q.Name, q.Qtype))
		if r.Rcode == dns.RcodeServerFailure || !r.AuthenticatedData {
			w.t.Fatalf("At %v Unbound does not validate:\n%v\n%s", w.clock.now(), r, strings.Join(w.unbound.Failures(), "\n"))
		}
		for _, rr := range slices.Concat(r.Answer, r.Ns) {
			if sig, ok := rr.(*dns.RRSIG); ok {
				w.signedBy[sig.KeyTag] = true
			}
		}
	}
}

// keyTags are the tags of a role's keys that Unbound sees, ZSKs or KSKs.
func (w *watched) keyTags(flags uint16) []uint16 {
	w.t.Helper()
	var tags []uint16
	for _, rr := range exchange(w.t, "udp", w.unbound.Address, question("example.com.", dns.TypeDNSKEY)).Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags == flags {
			tags = append(tags, key.KeyTag())
		}
	}
	return tags
}

// end stops Unbound, which must not have complained.
func (w *watched) end() {
	w.t.Helper()
	if err := w.unbound.Stop(); err != nil {
		w.t.Error(err)
	}
	if failures := w.unbound.Failures(); len(failures) > 0 {
		w.t.Errorf("Expected no failures, got:\n%s", strings.Join(failures, "\n"))
	}
	w.t.Logf("Unbound was asked at %d instants", w.asked)
}

// eachAlgorithm runs a test for the two that there are.
func eachAlgorithm(t *testing.T, test func(t *testing.T, algorithm uint8)) {
	t.Helper()
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		t.Run(dns.AlgorithmToString[algorithm], func(t *testing.T) { test(t, algorithm) })
	}
}

func TestUnboundValidatesThroughARollOfTheKSK(t *testing.T) { eachAlgorithm(t, watchKSK) }

func watchKSK(t *testing.T, algorithm uint8) {
	t.Helper()
	w := watch(t, algorithm, noon, 20*24*time.Hour)
	w.walk(noon.Add(2 * time.Hour))

	ttl := dsTTL * time.Second
	begun := w.change(func(raw []byte) ([]byte, error) {
		return dnssec.BeginRoll(raw, []string{"example.com."}, ttl, w.clock.now(), rand.Reader)
	})
	w.walk(begun.Publish.Add(2*time.Hour), begun.Publish.Add(-10*time.Minute), begun.Publish, begun.Publish.Add(time.Hour))
	offered := w.change(func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, w.clock.now()) })
	w.walk(offered.Submit.Add(time.Hour), w.unread, offered.Submit)
	w.follow()
	w.walk(w.clock.now().Add(time.Hour), w.clock.now())
	ended := w.change(func(raw []byte) ([]byte, error) { return dnssec.EndRoll(raw, ttl, w.clock.now()) })
	swapped := w.clock.now().Add(-time.Hour)
	w.walk(ended.Remove.Add(2*time.Hour), swapped.Add(ttl), ended.Remove, ended.Remove.Add(time.Hour))
	w.change(func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, w.clock.now()) })
	w.walk(ended.Remove.Add(2*24*time.Hour), w.unread)

	if !w.signedBy[begun.Old] || !w.signedBy[begun.New] {
		t.Errorf("Expected signatures of both keys, %d and %d, got those of %v", begun.Old, begun.New, w.signedBy)
	}
	if got := w.keyTags(257); !slices.Equal(got, []uint16{begun.New}) {
		t.Errorf("Expected the key %d alone at the end, got %v", begun.New, got)
	}
	w.end()
}

// A server that cannot read from before the old key got its end until after that
// was dropped misses nothing that its answers need, and takes the new key alone.
func TestUnboundValidatesWhileAServerMissesTheEndOfARoll(t *testing.T) {
	w := watch(t, dns.ECDSAP256SHA256, noon, 20*24*time.Hour)
	w.ask()
	ttl := dsTTL * time.Second
	begun := w.change(func(raw []byte) ([]byte, error) {
		return dnssec.BeginRoll(raw, []string{"example.com."}, ttl, w.clock.now(), rand.Reader)
	})
	w.walk(begun.Publish.Add(time.Hour))
	offered := w.change(func(raw []byte) ([]byte, error) { return dnssec.OfferRoll(raw, w.clock.now()) })
	w.walk(offered.Submit.Add(time.Hour))
	w.follow()
	w.walk(w.clock.now().Add(time.Hour))
	ended := w.change(func(raw []byte) ([]byte, error) { return dnssec.EndRoll(raw, ttl, w.clock.now()) })
	w.unread = time.Time{} // cut off
	w.walk(ended.Remove.Add(10*time.Hour), ended.Remove)
	if got := w.keyTags(257); len(got) != 2 {
		t.Fatalf("Expected the server to have missed the end, got the keys %v", got)
	}
	w.change(func(raw []byte) ([]byte, error) { return dnssec.FinishRoll(raw, w.clock.now()) })
	w.walk(w.clock.now().Add(4*time.Hour), w.unread)
	if got := w.keyTags(257); !slices.Equal(got, []uint16{begun.New}) {
		t.Errorf("Expected the key %d alone at the end, got %v", begun.New, got)
	}
	w.end()
}

func TestUnboundValidatesThroughARollOfAZSKAndOfItsSeed(t *testing.T) { eachAlgorithm(t, watchZSK) }

func watchZSK(t *testing.T, algorithm uint8) {
	t.Helper()
	const turn = 40 * time.Hour // to the next epoch
	w := watch(t, algorithm, noon, turn)
	w.ask()
	first := w.keyTags(256)
	epoch := noon.Add(turn)
	w.walk(epoch.Add(100*time.Hour), epoch.Add(-26*time.Hour), epoch, epoch.Add(36*time.Hour), epoch.Add(62*time.Hour))
	second := w.keyTags(256)

	var takeover time.Time
	w.change(func(raw []byte) (after []byte, err error) {
		after, takeover, err = dnssec.ReseedNow(raw, w.clock.now(), rand.Reader)
		return after, err
	})
	w.walk(takeover.Add(66*time.Hour), takeover.Add(-26*time.Hour), takeover, takeover.Add(36*time.Hour), takeover.Add(62*time.Hour))
	third := w.keyTags(256)
	for _, tags := range [][]uint16{first, second, third} {
		if len(tags) != 1 || !w.signedBy[tags[0]] {
			t.Errorf("Expected one ZSK after the other, each with signatures, got %v, %v and %v", first, second, third)
		}
	}
	if slices.Equal(first, second) || slices.Equal(second, third) {
		t.Errorf("Expected three ZSKs, got %v, %v and %v", first, second, third)
	}
	w.end()
}

// Unbound would have noticed: here the parent points to a key that is not there.
func TestUnboundComplainsOfAParentThatChangesTooEarly(t *testing.T) {
	w := watch(t, dns.ECDSAP256SHA256, noon, 20*24*time.Hour)
	w.ask()
	ds := w.keys().EntryPoint("example.com.", noon).ToDS(dns.SHA256)
	ds.Hdr.Ttl, ds.Digest = dsTTL, strings.Repeat("AB", 32)
	if err := w.nsd.Replace(t.Context(), "com.", w.parentZoneWith(ds)); err != nil {
		t.Fatal(err)
	}
	w.step(noon.Add(dsTTL*time.Second - time.Minute)) // the DS of before is cached
	w.setTime(noon.Add(dsTTL*time.Second + 2*time.Hour))
	rescan(t)
	r := exchange(t, "udp", w.unbound.Address, question("new.example.com.", dns.TypeTXT))
	if r.Rcode != dns.RcodeServerFailure {
		t.Errorf("Expected SERVFAIL, got\n%v", r)
	}
	if err := w.unbound.Stop(); err != nil {
		t.Error(err)
	}
	if len(w.unbound.Failures()) == 0 {
		t.Error("Expected Unbound to say why")
	}
}
