package persist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/hashicorp/vault/api"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const week = 7 * 24 * time.Hour

// validated has miekg/dns validate what a server answers, from the DS record
// down, by the clock at.
func validated(t *testing.T, s *server, ds *dns.DS, at time.Time) {
	t.Helper()
	keys := s.ask(t, question("example.com.", dns.TypeDNSKEY)).Answer
	trusted := map[uint16]*dns.DNSKEY{}
	all := map[uint16]*dns.DNSKEY{}
	for _, rr := range keys {
		if key, ok := rr.(*dns.DNSKEY); ok {
			all[key.KeyTag()] = key
			if key.ToDS(dns.SHA256).Digest == ds.Digest {
				trusted[key.KeyTag()] = key
			}
		}
	}
	validate(t, keys, trusted, at)
	validate(t, s.ask(t, question("example.com.", dns.TypeCDS)).Answer, trusted, at)
	validate(t, s.ask(t, question("example.com.", dns.TypeCDNSKEY)).Answer, trusted, at)
	validate(t, s.ask(t, question("example.com.", dns.TypeSOA)).Answer, all, at)
	validate(t, s.ask(t, question(owner, dns.TypeTXT)).Answer, all, at)
}

// validate verifies an RRset by the keys.
func validate(t *testing.T, answer []dns.RR, keys map[uint16]*dns.DNSKEY, at time.Time) {
	t.Helper()
	var rrset []dns.RR
	var sigs []*dns.RRSIG
	for _, rr := range answer {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs = append(sigs, sig)
		} else {
			rrset = append(rrset, rr)
		}
	}
	for _, sig := range sigs {
		if key := keys[sig.KeyTag]; key != nil && sig.ValidityPeriod(at) && sig.Verify(key, rrset) == nil {
			return
		}
	}
	t.Fatalf("At %v nothing validates: %v", at, answer)
}

// signAhead signs bundles for 8 weeks, as persistctl keys sign does, and returns
// the document.
func signAhead(t *testing.T, document, before []byte, at time.Time, private dnssec.SignerOf) []byte {
	t.Helper()
	keys, err := dnssec.ParseKeys(document)
	if err != nil {
		t.Fatal(err)
	}
	b := dnssec.NewBundles(keys)
	if before != nil {
		if b, err = dnssec.ParseBundles(before); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Sign(keys, "example.com.", at, at.Add(8*week), private); err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// awayKeys makes a key document whose KSK is kept away, and what signs for it.
func awayKeys(t *testing.T) (document []byte, private dnssec.SignerOf) {
	t.Helper()
	raw, err := dnssec.GenerateKSKs("example", 13, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ksks, err := dnssec.ParseKSKs(raw, "example", 13)
	if err != nil {
		t.Fatal(err)
	}
	document, err = dnssec.GenerateAwayKeys("example", noon, rand.Reader, ksks.Newest())
	if err != nil {
		t.Fatal(err)
	}
	return document, ksks.Private
}

// firstDS is the DS record of the keys when they are new.
func firstDS(t *testing.T, document []byte, at time.Time) *dns.DS {
	t.Helper()
	keys, err := dnssec.ParseKeys(document)
	if err != nil {
		t.Fatal(err)
	}
	return keys.DS("example.com.", at)[0]
}

func write(t *testing.T, dir, name string, raw []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), raw, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestBundlesAreServedUntilTheyEndAndNothingUnsignedAfter(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	document, private := awayKeys(t)
	bundles := signAhead(t, document, nil, noon, private)
	write(t, site.keys(), dnssec.KeyFile, document)
	write(t, site.keys(), dnssec.BundleFile, bundles)
	s := start(t, block(site.stanza()))
	ds := firstDS(t, document, noon)
	for at := noon; at.Before(noon.Add(8 * week)); at = at.Add(7 * time.Hour) {
		c.set(at)
		rescan(t)
		validated(t, s, ds, at)
	}
	end := time.Unix(int64(testutil.ToFloat64(bundlesEnd.WithLabelValues(site.keys(), "example.com."))), 0)
	if end.Before(noon.Add(8*week)) || end.After(noon.Add(9*week)) {
		t.Errorf("The gauge says that bundles end at %v", end)
	}
	c.set(end.Add(-time.Second))
	rescan(t)
	validated(t, s, ds, c.now())
	c.set(end)
	rescan(t)
	for _, qtype := range []uint16{dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY} {
		if r := s.ask(t, question("example.com.", qtype)); r.Rcode != dns.RcodeServerFailure || len(r.Answer) > 0 {
			t.Errorf("Without a bundle: %v", r)
		}
	}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeNSEC} {
		if r := s.ask(t, question("example.com.", qtype)); r.Rcode != dns.RcodeSuccess {
			t.Errorf("Without a bundle, what the ZSK signs: %v", r)
		}
	}
	write(t, site.keys(), dnssec.BundleFile, signAhead(t, document, bundles, end, private))
	reloadKeys(t.Context(), t)
	validated(t, s, ds, end)
}

// A server that starts without bundles must not keep the other zones of the
// process from being served.
func TestAServerStartsWithoutBundlesAndServesWhenTheyCome(t *testing.T) {
	setClock(t, noon)
	impatient(t)
	site := newSite(t, documents())
	document, private := awayKeys(t)
	write(t, site.keys(), dnssec.KeyFile, document)
	s := start(t, block(site.stanza()))
	if r := s.ask(t, question("example.com.", dns.TypeSOA)); r.Rcode != dns.RcodeServerFailure {
		t.Errorf("Without bundles: %v", r)
	}
	write(t, site.keys(), dnssec.BundleFile, signAhead(t, document, nil, noon.Add(-20*week), private))
	reloadKeys(t.Context(), t)
	if r := s.ask(t, question("example.com.", dns.TypeSOA)); r.Rcode != dns.RcodeSuccess {
		t.Errorf("With bundles that have ended, what the ZSK signs: %v", r)
	}
	write(t, site.keys(), dnssec.BundleFile, signAhead(t, document, nil, noon, private))
	reloadKeys(t.Context(), t)
	validated(t, s, firstDS(t, document, noon), noon)
}

// What is broken, older or gone changes nothing while bundles in use still hold.
func TestBundlesInUseStayInUse(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	document, private := awayKeys(t)
	good := signAhead(t, document, nil, noon, private)
	write(t, site.keys(), dnssec.KeyFile, document)
	write(t, site.keys(), dnssec.BundleFile, good)
	s := start(t, block(site.stanza()))
	ds := firstDS(t, document, noon)
	past := signAhead(t, document, nil, noon.Add(-20*week), private)
	otherDocument, otherPrivate := awayKeys(t)
	for name, raw := range map[string][]byte{
		"no JSON":      []byte("{"),
		"empty":        []byte(`{"schema": 1, "name": "example", "zones": {}}`),
		"past":         past,
		"other keys":   signAhead(t, otherDocument, nil, noon, otherPrivate),
		"changed":      []byte(strings.ReplaceAll(string(good), " RRSIG DNSKEY 13 2 ", " RRSIG DNSKEY 13 3 ")),
		"other server": []byte(strings.Replace(string(good), `"example"`, `"other"`, 1)),
	} {
		errorsBefore := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(site.keys(), "error"))
		write(t, site.keys(), dnssec.BundleFile, raw)
		reloadKeys(t.Context(), t)
		validated(t, s, ds, c.now())
		if got := testutil.ToFloat64(keyLoadsTotal.WithLabelValues(site.keys(), "error")); got <= errorsBefore {
			t.Errorf("%s: the load is not counted as an error", name)
		}
	}
	if err := os.Remove(filepath.Join(site.keys(), dnssec.BundleFile)); err != nil {
		t.Fatal(err)
	}
	c.set(noon.Add(2 * week))
	rescan(t)
	reloadKeys(t.Context(), t)
	validated(t, s, ds, c.now())
}

// A key document that was changed before the bundles were signed again waits for
// them: its DNSKEY RRset is another one in an hour.
func TestAChangedKeyDocumentWaitsForItsBundles(t *testing.T) {
	c := setClock(t, noon)
	site := newSite(t, documents())
	document, private := awayKeys(t)
	bundles := signAhead(t, document, nil, noon, private)
	write(t, site.keys(), dnssec.KeyFile, document)
	write(t, site.keys(), dnssec.BundleFile, bundles)
	s := start(t, block(site.stanza()))
	ds := firstDS(t, document, noon)
	c.set(noon.Add(2 * week))
	rescan(t)
	next, takesOver, err := dnssec.ReseedNow(document, c.now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write(t, site.keys(), dnssec.KeyFile, next)
	reloadKeys(t.Context(), t)
	c.set(c.now().Add(2 * time.Hour))
	rescan(t)
	validated(t, s, ds, c.now())
	write(t, site.keys(), dnssec.BundleFile, signAhead(t, next, bundles, c.now(), private))
	reloadKeys(t.Context(), t)
	published := len(s.ask(t, question("example.com.", dns.TypeDNSKEY)).Answer)
	for at := c.now(); at.Before(takesOver.Add(2 * week)); at = at.Add(7 * time.Hour) {
		c.set(at)
		rescan(t)
		validated(t, s, ds, at)
	}
	if published != 4 { // KSK, two ZSKs and one signature
		t.Errorf("The new seed's key is not published: %d records", published)
	}
}

func TestBundlesThatRunLowAreSaidOnceADay(t *testing.T) {
	r := &bundleReach{}
	end := noon.Add(8 * week)
	var said []saying
	for at := noon; at.Before(end.Add(2 * 24 * time.Hour)); at = at.Add(time.Hour) {
		r.say("test", "example.com.", end, at)
		if now := r.said["example.com."]; len(said) == 0 || said[len(said)-1] != now {
			said = append(said, now)
		}
	}
	r.forget("test")
	counts := map[string]int{}
	for _, one := range said {
		counts[one.what]++
	}
	if counts[""] != 1 || counts["low"] != 14 || counts["out"] != 2 {
		t.Errorf("Expected it to be said once that bundles reach far, 14 times that they run low, twice that they are out, got %v", counts)
	}
}

// clockFrontend is a Vault whose clock goes with that of the test.
func clockFrontend(t *testing.T, s *vaultSite) string {
	t.Helper()
	target, err := url.Parse(s.address)
	s.must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", s.now().Format(http.TimeFormat))
		return nil
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front.URL
}

// transitKeys makes a key document whose KSK is in Transit.
func (s *vaultSite) transitKeys(v *store.Vault) (document []byte, key *store.TransitKey) {
	s.t.Helper()
	ctx := s.t.Context()
	s.must(s.Client.Sys().MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}))
	s.must(v.MakeTransitKey(ctx, "transit/ksk", 13))
	for version := 1; ; version++ {
		key, err := v.TransitKey(ctx, "transit/ksk", 13)
		s.must(err)
		point, err := key.Public(version).(*ecdsa.PublicKey).Bytes()
		s.must(err)
		if dnssec.FitsKSK(13, point[1:]) {
			public := base64.StdEncoding.EncodeToString(point[1:])
			document, err = dnssec.GenerateAwayKeys("example", s.now(), rand.Reader, dnssec.Away{PublicKey: public, Algorithm: 13, Transit: "transit/ksk", Version: version})
			s.must(err)
			return document, key
		}
		s.must(v.RotateTransitKey(ctx, "transit/ksk"))
	}
}

// serverToken is one that reads documents, keys and bundles and nothing else.
func (s *vaultSite) serverToken() string {
	s.t.Helper()
	s.must(s.Policy(s.t.Context(), "server", `
path "persist/data/*"                    { capabilities = ["read"] }
path "persist/metadata/*"                { capabilities = ["list"] }
path "persist-keys/data/example"         { capabilities = ["read"] }
path "persist-keys/data/example-bundles" { capabilities = ["read"] }`))
	token, err := s.Token(s.t.Context(), time.Hour, "server")
	s.must(err)
	return token
}

func TestAServerServesForEightWeeksWithAKeyInTransitThatItCannotUse(t *testing.T) {
	s := newVaultSite(t, hourly())
	ctx := t.Context()
	begin := s.now()
	s.must(s.Mount(ctx, "persist-keys"))
	t.Setenv("VAULT_TOKEN", s.RootToken)
	admin, err := store.NewVault(store.VaultConfig{Address: s.address})
	s.must(err)
	document, key := s.transitKeys(admin)
	versions := key.Versions()
	signer, err := key.Signer(ctx, versions[len(versions)-1])
	s.must(err)
	private := func(dnssec.Away) (crypto.Signer, error) { return signer, nil }
	s.must(admin.WriteSecret(ctx, "persist-keys", "example", document, 0))
	s.must(admin.WriteSecret(ctx, "persist-keys", "example"+dnssec.BundleSuffix, signAhead(t, document, nil, begin, private), 0))

	token := s.serverToken()
	s.must(os.WriteFile(s.token, []byte(token), 0o600))
	s.address = clockFrontend(t, s)
	server := start(t, s.corefile("keys vault persist-keys/example"))
	ds := firstDS(t, document, begin)
	for at := begin; at.Before(begin.Add(8 * week)); at = at.Add(13 * time.Hour) {
		s.set(at)
		s.must(s.scan())
		validated(t, server, ds, s.now())
	}

	t.Setenv("VAULT_TOKEN", token)
	thief, err := store.NewVault(store.VaultConfig{Address: s.address})
	s.must(err)
	if _, err := thief.TransitKey(ctx, "transit/ksk", 13); !errors.Is(err, store.ErrDenied) {
		t.Errorf("The server's token may read the key: %v", err)
	}
	for path, body := range map[string]map[string]any{
		"transit/sign/ksk":                  {"input": "AAAA"},
		"persist-keys/data/example-bundles": {"data": map[string]any{}},
	} {
		client, err := s.Client.Clone()
		s.must(err)
		client.SetToken(token)
		if _, err := client.Logical().WriteWithContext(ctx, path, body); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("The server's token may write %s: %v", path, err)
		}
	}
}
