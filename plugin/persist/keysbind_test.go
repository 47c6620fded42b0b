package persist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// keygen has dnssec-keygen make a key pair of example.com.
func (s site) keygen(t *testing.T, args ...string) string {
	t.Helper()
	if err := os.MkdirAll(s.keys(), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dnssec-keygen", append(append([]string{"-q", "-K", s.keys()}, args...), "example.com")...).Output()
	if err != nil {
		t.Fatalf("dnssec-keygen of bind9-utils: %v", err)
	}
	return filepath.Join(s.keys(), strings.TrimSpace(string(out)))
}

// bindStanza serves example.com with key pairs of BIND.
func (s site) bindStanza(files ...string) string {
	return strings.Replace(s.stanza(), "keys dir "+s.keys(), "keys bind "+strings.Join(files, " "), 1)
}

// bindStamp is an instant as BIND's programs take it.
func bindStamp(at time.Time) string { return at.UTC().Format("20060102150405") }

func dsOf(t *testing.T, key string) *dns.DS {
	t.Helper()
	out, err := exec.Command("dnssec-dsfromkey", "-2", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	rr, err := dns.NewRR(string(out))
	if err != nil {
		t.Fatal(err)
	}
	ds := rr.(*dns.DS)
	ds.Digest = strings.ToLower(ds.Digest)
	return ds
}

func TestDelvValidatesAZoneWithKeysOfBIND(t *testing.T) {
	site := newSite(t, documents())
	past := bindStamp(time.Now().Add(-time.Hour))
	for _, algorithm := range []string{"13", "15"} {
		ksk := site.keygen(t, "-a", algorithm, "-f", "KSK", "-P", past, "-A", past)
		zsk := site.keygen(t, "-a", algorithm, "-P", past, "-A", past)
		for name, files := range map[string][]string{"two": {ksk + ".private", zsk + ".private"}, "one": {ksk}} {
			s := start(t, block(site.bindStanza(files...)))
			ds := dsOf(t, ksk)
			anchor := filepath.Join(t.TempDir(), "anchor")
			text := fmt.Sprintf("trust-anchors { example.com. static-ds %d %d %d %q; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
			if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			host, port, _ := strings.Cut(s.udp, ":")
			for _, q := range []struct{ name, want string }{{owner, "; fully validated"}, {"x.example.com.", "; negative response, fully validated"}} {
				out, err := exec.Command("delv", "@"+host, "-p", port, "-a", anchor, "+root=example.com", q.name, "TXT").CombinedOutput()
				if err != nil || !strings.Contains(string(out), q.want) {
					t.Errorf("Algorithm %s with %s, %s: %v\n%s", algorithm, name, q.name, err, out)
				}
			}
		}
	}
}

// What dnssec-settime changes is read with the next refresh, and what would
// break the zone is not taken over.
func TestTimesOfBINDAreReadAgain(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	ksk := site.keygen(t, "-a", "13", "-f", "KSK", "-P", bindStamp(noon), "-A", bindStamp(noon), "-P", "sync", bindStamp(noon))
	old := site.keygen(t, "-a", "13", "-P", bindStamp(noon), "-A", bindStamp(noon))
	next := site.keygen(t, "-a", "13", "-P", bindStamp(noon), "-A", bindStamp(noon.Add(20*week)))
	s := start(t, block(site.bindStanza(ksk, old, next)))
	ds := dsOf(t, ksk)
	settime := func(key string, args ...string) {
		t.Helper()
		if out, err := exec.Command("dnssec-settime", append(args, key)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		reloadKeys(t.Context(), t)
	}
	roll := noon.Add(week)
	settime(next, "-A", bindStamp(roll))
	settime(old, "-I", bindStamp(roll), "-D", bindStamp(roll.Add(week)))
	tags := map[string]bool{}
	for at := noon; at.Before(noon.Add(4 * week)); at = at.Add(5 * time.Hour) {
		c.set(at)
		rescan(t)
		validated(t, s, ds, at)
		for _, rr := range s.ask(t, question(owner, dns.TypeTXT)).Answer {
			if sig, ok := rr.(*dns.RRSIG); ok {
				tags[fmt.Sprintf("%05d", sig.KeyTag)] = true
			}
		}
	}
	for _, key := range []string{old, next} {
		if tag := key[len(key)-5:]; !tags[tag] || len(tags) != 2 {
			t.Errorf("The key %s has not signed, but %v", tag, tags)
		}
	}

	location := strings.Join([]string{ksk, old, next}, " ")
	failures := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(location, "error"))
	settime(next, "-I", bindStamp(c.now().Add(-time.Hour)), "-D", bindStamp(c.now().Add(-time.Minute)))
	if got := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(location, "error")); got <= failures {
		t.Error("Times by which nothing signs are taken over")
	}
	validated(t, s, ds, c.now())
}

func TestKeysOfBINDThatAreNotThereStopTheStart(t *testing.T) {
	site := newSite(t, documents())
	if err := failToStart(t, block(site.bindStanza("Kexample.com.+013+00001.private"))); !strings.Contains(err, "no such file") {
		t.Errorf("The error is %s", err)
	}
	two := strings.Replace(site.bindStanza("K"), "persist example.com", "persist example.com example.org", 1)
	if err := failToStart(t, block(two)); !strings.Contains(err, "give each zone a stanza of its own") {
		t.Errorf("The error is %s", err)
	}
}
