package persist

import (
	"bytes"
	"fmt"
	"io"
	golog "log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin/test"

	"github.com/google/go-cmp/cmp"
)

// parseStanza parses a stanza in a server block for example.org and example.com.
func parseStanza(stanza string) (*config, error) {
	return parseIn(stanza, "dns://example.org.:53", "tls://example.com.:853")
}

// parseIn parses a stanza in a server block.
func parseIn(stanza string, keys ...string) (*config, error) {
	c := caddy.NewTestController("dns", stanza)
	c.ServerBlockKeys = keys
	return parse(c)
}

func TestStanzaIsParsed(t *testing.T) {
	dir, err := test.WritePEMFiles(t)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, ca := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	c, err := parseStanza(`persist example.com {
		vault https://vault.example.net:8200
		auth approle /etc/role /etc/secret mount login
		mount /policies/
		namespace ns1
		tls ` + cert + ` ` + key + ` ` + ca + `
		refresh 2m 10
		max_stale 24h
		grace 1d
		ns ns1.example.net ns2.example.net
		ttl 120
		keys vault persist-keys/example
		denial compact 500
		report Agent.Example.NET
		store prod.1 3
		stop team:web domain:Example.Org
		freeze 2026-12-01T00:00:00Z
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &store.VaultConfig{
		Address: "https://vault.example.net:8200", Auth: "approle", AuthMount: "login",
		RoleIDFile: "/etc/role", SecretIDFile: "/etc/secret",
		Mount: "policies", Namespace: "ns1", ClientCert: cert, ClientKey: key, CACert: ca,
	}
	if diff := cmp.Diff(want, c.vault); diff != "" {
		t.Errorf("Vault differs (-want +got):\n%s", diff)
	}
	got := fmt.Sprintln(c.zones[0].Origin, c.refresh, c.index, c.maxStale, c.grace, c.ns, c.ttl, c.keys, c.denial, c.budget, c.report, c.pin, c.brakes.Stops, c.brakes.Freeze)
	if want := "example.com. 2m0s 10s 24h0m0s 24h0m0s [ns1.example.net ns2.example.net] 120 {vault persist-keys/example []} compact 500 agent.example.net. {prod.1 3} [team:web domain:example.org] 2026-12-01 00:00:00 +0000 UTC\n"; got != want {
		t.Errorf("Expected\n%s, got\n%s", want, got)
	}

	if c, err = parseStanza("persist {\npolicies " + dir + "\ncuts\nkeys dir " + dir + "\nreport report.example.org\nns ns1.example.org\n}"); err != nil || !c.zones[0].Cuts {
		t.Errorf("Expected cuts of example.org, served and reported to by names between them, got %v", err)
	}

	c, err = parseStanza("persist {\npolicies " + dir + "\nkeys none\nns ns1.example.net\n}")
	if err != nil {
		t.Fatal(err)
	}
	got = fmt.Sprintln(c.zones[0].Origin, c.refresh, c.index, c.maxStale, c.grace, c.ttl, c.denial, c.signed(), c.overlay)
	if want := "example.org. 1m0s 5s 72h0m0s 1h0m0s 300 compact false false\n"; got != want {
		t.Errorf("Expected the defaults\n%s, got\n%s", want, got)
	}
}

func TestFileNamesAreRelativeToTheRoot(t *testing.T) {
	s := newSite(t, documents())
	server := start(t, block("root "+s.dir, "persist example.com {\npolicies policies\nkeys dir keys\nns ns1.example.net\n}"))
	if _, err := os.Stat(filepath.Join(s.keys(), "keys.json")); err != nil {
		t.Errorf("Expected keys under the root: %v", err)
	}
	if got := text(server.ask(t, question("_validation-persist.example.com.", 16))); got == "" {
		t.Error("Expected the documents under the root to be served")
	}
}

// Every refusal names the offending token and says what to write.
func TestBadStanzasAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const own = "keys none\nns ns1.example.net\n"
	policies := "policies " + dir + "\n"
	for _, c := range []struct{ name, stanza, fragment string }{
		{"no store", own, "write vault ADDRESS or policies DIR"},
		{"both stores", own + policies + "vault\n", "vault and policies exclude each other"},
		{"no keys", policies + "ns ns1.example.net", "what signs the zone?"},
		{"no ns", policies + "keys none", "write ns NAME"},
		{"unknown property", own + policies + "polices x", `unknown property "polices": the properties are audit, auth, cuts, denial`},
		{"repeated property", own + policies + "ttl 5\nttl 6", "ttl stands twice"},
		{"no directory", own + "policies " + dir + "/none", "cannot be read"},
		{"file for a directory", own + "policies " + file, "cannot be read"},
		{"too few arguments", own + "policies", "write policies DIR"},
		{"too many arguments", own + policies + "ttl 5 6", "ttl has 2 arguments: write ttl SECONDS"},
		{"bad refresh", own + policies + "refresh often", `"often" is not a duration`},
		{"token in the Corefile", own + "vault https://v.example\nauth token hvs.CAES", "token does not take 1 arguments"},
		{"refresh too slow", own + policies + "refresh 10m\ngrace 10m", "is not below max_stale 72h0m0s and grace 10m0s"},
		{"freeze long ago", own + policies + "freeze 0001-01-01T00:00:00Z", "outside the years 2000 to 2199"},
		{"refresh out of range", own + policies + "refresh 25h", "write 1s to 24h0m0s"},
		{"bad index", own + policies + "refresh 60s 0s", "out of range"},
		{"index beyond refresh", own + policies + "refresh 60s 90s", "INDEX 90s is longer than DURATION 60s"},
		{"bad max_stale", own + policies + "max_stale 1s", "write 1m0s to 720h0m0s"},
		{"bad grace", own + policies + "grace 1y", `"1y" is not a duration: write it like 90s, 72h or 365d`},
		{"bad ttl", own + policies + "ttl 5m", `"5m" is not a number of seconds`},
		{"ttl out of range", own + policies + "ttl 86400", "1 to 3000 seconds"},
		{"bad ns", policies + "keys none\nns a..b", "is not the name of a server"},
		{"ns that is an address", policies + "keys none\nns 192.0.2.1", "it is an address: write a name"},
		{"ns with commas", policies + "keys none\nns ns1.example.net,ns2.example.net", "separate names by spaces"},
		{"ns inside", policies + "keys none\nns ns.example.org", "lies inside zone"},
		{"bad auth", own + "vault https://v.example\nauth ldap", "unknown method: write auth agent |"},
		{"auth without file", own + "vault https://v.example\nauth token_file", "token_file does not take 0 arguments"},
		{"auth without vault", own + policies + "auth token", "auth speaks about Vault"},
		{"mount without vault", own + policies + "mount x", "mount speaks about Vault"},
		{"empty mount", own + "vault https://v.example\nmount /", "names no mount"},
		{"plain http", own + "vault http://vault.example.net:8200", "http"},
		{"keys in Vault without Vault", policies + "ns ns1.example.net\nkeys vault a/b", "keys vault needs a vault property"},
		{"keys without path", "vault https://v.example\nns ns1.example.net\nkeys vault a", "is not MOUNT/PATH"},
		{"unknown keys", policies + "ns ns1.example.net\nkeys hsm x", `unknown source "hsm"`},
		{"keys of BIND without files", policies + "ns ns1.example.net\nkeys bind", "bind takes the files of BIND key pairs"},
		{"one pair of BIND twice", policies + "ns ns1.example.net\nkeys bind K1.key K2 K1.private", "the pair K1 is named twice: name it once"},
		{"pattern for pairs of BIND", policies + "ns ns1.example.net\nkeys bind bk/*.key", "write each by its .key or .private file, no pattern"},
		{"directory for pairs of BIND", policies + "ns ns1.example.net\nkeys bind " + dir, "and no directory"},
		{"file for the directory of keys", policies + "ns ns1.example.net\nkeys dir " + file, "write the directory that it lies in, keys dir " + dir},
		{"key document for its directory", policies + "ns ns1.example.net\nkeys dir keys/keys.json", "write the directory that it lies in, keys dir keys"},
		{"keys of BIND in an overlay", policies + "fallthrough\nkeys bind K", "remove keys, or remove fallthrough"},
		{"keys none with a path", policies + "ns ns1.example.net\nkeys none x", "none takes no argument"},
		{"unknown denial", own + policies + "denial nsec3", "write denial compact [BUDGET] | nsec"},
		{"denial nsec unsigned", own + policies + "denial nsec", "denial nsec needs signatures"},
		{"denial nsec with budget", own + policies + "denial nsec 5", "write denial compact"},
		{"denial nsec in an overlay", policies + "denial nsec\nfallthrough", "remove denial nsec"},
		{"bad budget", own + policies + "denial compact 0", "write 1 to 2147483647, as in denial compact 5000"},
		{"budget with unit", own + policies + "denial compact 100/s", `"100/s" is not a number of signatures per second`},
		{"report to the root", own + policies + "report .", `"." is not a domain that receives reports`},
		{"report to no name", own + policies + "report a..b", `"a..b" is not a domain`},
		{"report to an address", own + policies + "report 192.0.2.1", "it is an address: write a name"},
		{"report to a URL", own + policies + "report https://x.example/", "it contains ':'"},
		{"report to the zone", own + policies + "report Example.ORG", "report example.org. lies in zone example.org."},
		{"report below the zone", own + policies + "report a.example.org", "name a domain outside"},
		{"report in an overlay", policies + "fallthrough\nreport r.example.net", "remove report"},
		{"store without id", own + policies + "store", "store has 0 arguments: write store ID [GENERATION]"},
		{"bad store", own + policies + "store https://vault.example.net", `"https://vault.example.net" is no store_id: write 1 to 64 of`},
		{"bad generation", own + policies + "store prod x", "write a whole number that is not negative"},
		{"stop of a wildcard", own + policies + "stop domain:*.example.com", "would stop example.com itself as well"},
		{"bad stop", own + policies + "stop tea:web", "write all, issuer:ISSUER"},
		{"bad freeze", own + policies + "freeze tomorrow", "RFC 3339"},
		{"overlay with keys", policies + "fallthrough\nkeys dir " + dir, "remove keys"},
		{"overlay with ns", policies + "fallthrough\nns ns1.example.net", "remove ns"},
		{"cuts with keys of BIND", policies + "cuts\nns ns1.example.net\nkeys bind K", "write keys dir DIR or keys vault MOUNT/PATH"},
		{"cuts in an overlay", policies + "cuts\nfallthrough", "remove fallthrough, as what lies in no cut goes to the next plugin anyway"},
		{"cuts with an argument", own + policies + "cuts example.com", "cuts has 1 arguments: write cuts"},
		{"report to a cut", own + policies + "cuts\nreport x._validation-persist.a.example.org", "name a domain outside"},
		{"overlay that hides names", policies + "fallthrough example.net", "fallthrough does not cover example.org."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseStanza("persist {\n" + c.stanza + "\n}")
			if err == nil || !strings.Contains(err.Error(), c.fragment) {
				t.Errorf("Expected an error with %q, got %v", c.fragment, err)
			}
			if err != nil && strings.Contains(err.Error(), "hvs.") {
				t.Errorf("The error shows a token: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "Testfile:") {
				t.Errorf("Expected the error to name the place, got %v", err)
			}
		})
	}
	for _, c := range []struct{ stanza, fragment string }{
		{"persist a..b {\n" + own + policies + "}", `zone "a..b" is not a domain name: write one like example.com`},
		{"persist . {\n" + own + policies + "}", `zone "." is too wide`},
		{"persist example.com a.example.com {\n" + own + policies + "}", "overlap: keep the outer one"},
		{"persist example.org {\n" + own + policies + "targets\nfallthrough\n}", "remove one of them"},
		{"persist example.org example.com {\n" + own + policies + "targets\n}", "targets of every name stand in one zone, and the stanza has 2"},
		{"persist _validation-persist.example.com {\n" + own + policies + "targets\n}", "remove targets to serve this one"},
		{"persist example.org {\n" + own + policies + "targets x\n}", "targets has 1 arguments: write targets"},
		{"persist {\n" + own + policies + "}\npersist example.com {\n" + own + policies + "}", "Testfile:6 - Error during parsing: persist stands in this server block already, in line 1, and may only once"},
		{"persist example.org {\n" + own + policies + "targets\ncuts\n}", "in a stanza in a server block of its own"},
	} {
		if _, err := parseStanza(c.stanza); err == nil || !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.stanza, c.fragment, err)
		}
	}
}

func TestErrorsNameTheLineThatIsWrong(t *testing.T) {
	policies := "policies " + t.TempDir()
	for _, c := range []struct {
		fragment string
		lines    []string // of the stanza, the wrong one marked with an asterisk
	}{
		{"ttl 5000", []string{policies, "keys none", "*ttl 5000", "ns ns1.example.net"}},
		{"lies inside zone", []string{policies, "*ns ns.example.org", "keys none"}},
		{"is not below", []string{policies, "*refresh 3h", "ns ns1.example.net", "keys none"}},
		{"needs signatures", []string{"*denial nsec", policies, "ns ns1.example.net", "keys none"}},
		{"remove keys", []string{policies, "*fallthrough", "keys dir k"}},
		{"mount speaks about Vault", []string{policies, "*mount x", "ns ns1.example.net", "keys none"}},
		{"exclude each other", []string{policies, "*vault https://vault.example.net", "ns ns1.example.net", "keys none"}},
		{"https", []string{"keys none", "ns ns1.example.net", "*vault http://vault.example.net"}},
		{"put each property on its own line", []string{"*keys none }", policies}},
		{"put each property on its own line", []string{policies, "*ns ns1.example.net }"}},
	} {
		stanza, line := "persist {", 1
		for i, l := range c.lines {
			if strings.HasPrefix(l, "*") {
				line = i + 2
			}
			stanza += "\n" + strings.TrimPrefix(l, "*")
		}
		_, err := parseStanza(stanza + "\n}")
		if err == nil || !strings.Contains(err.Error(), c.fragment) || !strings.HasPrefix(err.Error(), fmt.Sprintf("Testfile:%d - ", line)) {
			t.Errorf("Expected %q in line %d, got %v", c.fragment, line, err)
		}
	}
	if _, err := parseStanza("\n\npersist {\n" + policies + "\nns ns1.example.net\n}"); err == nil || !strings.HasPrefix(err.Error(), "Testfile:3 - ") {
		t.Errorf("Expected what lacks to be told of the stanza's line, got %v", err)
	}
	if _, err := parseStanza("persist { policies policies }"); err == nil || !strings.Contains(err.Error(), "own line") {
		t.Errorf("Expected a stanza on one line to be explained, got %v", err)
	}
}

// CoreDNS gives queries to the server block whose zone is the longest.
func TestZonesLieInTheirServerBlock(t *testing.T) {
	s := newSite(t, documents())
	stanza := func(zones string) string { return strings.Replace(s.stanza(), "example.com", zones, 1) }
	for _, c := range []struct {
		zones    string
		keys     []string
		fragment string
	}{
		{"_validation-persist.example.com", []string{"dns://.:53"}, ""},
		{"_validation-persist.example.com", []string{"dns://example.com.:53"}, ""},
		{"example.com", []string{"dns://example.org.:53", "tls://example.com.:853"}, ""},
		{"", []string{"dns://example.org.:53", "dns://example.com.:53"}, ""},
		{"0.192.in-addr.arpa", []string{"dns://192.in-addr.arpa.:53"}, ""},
		{"_validation-persist.example.com", []string{"dns://example.org.:53"}, "begin a server block with _validation-persist.example.com."},
		{"example.org example.com", []string{"dns://example.org.:53"}, "zone example.com. lies outside this server block, which is that of example.org."},
		{"example.com", []string{"dns://a.example.com.:53"}, "zone example.com. lies outside"},
	} {
		_, err := parseIn(stanza(c.zones), c.keys...)
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%q in the server block of %q: expected %q, got %v", c.zones, c.keys, c.fragment, err)
		}
	}
	if got := failToStart(t, strings.Replace(block(s.stanza()), ".:0", "example.org:0", 1)); !strings.Contains(got, "begin a server block with example.com.") {
		t.Errorf("Expected a real server to refuse it, got %s", got)
	}
}

func TestTwoSignersNeverShareAZone(t *testing.T) {
	s := newSite(t, documents())
	if got := failToStart(t, block(s.stanza(), "dnssec example.com")); !strings.Contains(got, "the dnssec plugin stands in the same server block") {
		t.Errorf("Expected dnssec to be refused, got %s", got)
	}
}

func TestOverlayNeedsAnUnsignedZoneBelow(t *testing.T) {
	s := newSite(t, documents())
	overlay := "persist example.com {\npolicies " + s.policies() + "\nfallthrough\n}"
	if got := failToStart(t, block(overlay)); !strings.Contains(got, "no plugin after persist serves it") {
		t.Errorf("Expected an overlay over nothing to be refused, got %s", got)
	}
	zone := filepath.Join(s.dir, "zone")
	key := "example.com. DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n"
	if err := os.WriteFile(zone, []byte("example.com. 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5\n"+key), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := failToStart(t, block(overlay, "file "+zone+" example.com")); !strings.Contains(got, "serves a DNSKEY for example.com.") {
		t.Errorf("Expected an overlay over a signed zone to be refused, got %s", got)
	}
}

func TestZoneThatAnotherPluginHasTheDataOfIsNotHidden(t *testing.T) {
	s := newSite(t, documents())
	data := filepath.Join(s.dir, "zone")
	if err := os.WriteFile(data, []byte("@ 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5\nwww 60 A 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := failToStart(t, block(s.stanza(), "file "+data+" example.com")); !strings.Contains(got, "would never be asked: write fallthrough") {
		t.Errorf("Expected a zone that hides a file's to be refused, got %s", got)
	}
	start(t, block(strings.Replace(s.stanza(), "persist example.com", "persist _validation-persist.example.com", 1), "file "+data+" example.com"))
}

func TestTransfersThatWouldNotWorkAreWarnedOf(t *testing.T) {
	s := newSite(t, documents())
	data := filepath.Join(s.dir, "zone")
	if err := os.WriteFile(data, []byte("@ 60 SOA ns1.example.net. host.example.net. 1 2 3 4 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const xfr = "transfer {\nto 192.0.2.53\n}"
	overlay := "persist example.com {\npolicies " + s.policies() + "\nfallthrough\n}\nfile " + data + " example.com"
	for corefile, want := range map[string]string{
		block(xfr, s.stanza()):                "transfers of zones without denial nsec are refused: write denial nsec",
		block(xfr, overlay):                   "transfers lack the names that an overlay adds",
		block(xfr, s.stanza("denial nsec")):   "",
		block(s.stanza("denial compact 100")): "",
	} {
		var out bytes.Buffer
		golog.SetOutput(&out)
		start(t, corefile)
		golog.SetOutput(io.Discard)
		if got := strings.Contains(out.String(), "the transfer plugin stands"); got != (want != "") || !strings.Contains(out.String(), want) {
			t.Errorf("Expected a warning with %q, got %s", want, out.String())
		}
	}
}

func TestStopsInForceAreLogged(t *testing.T) {
	setClock(t, noon)
	var out bytes.Buffer
	golog.SetOutput(&out)
	start(t, block(newSite(t, documents()).stanza("stop team:web team:wbe domain:wwww.example.com")))
	golog.SetOutput(io.Discard)
	for _, want := range []string{
		"stops in force: [domain:wwww.example.com team:wbe team:web]", "stop team:wbe stops nothing that is granted",
		"stop domain:wwww.example.com withdraws nothing, and takes the wildcard of [example.com]",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Expected %q to be logged, got %s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "stop team:web stops nothing") {
		t.Errorf("Expected no doubt of a stop that stops something, got %s", out.String())
	}
}

func TestKeyDirectoryThatCannotBeUsedIsRefused(t *testing.T) {
	s := newSite(t, documents())
	if err := os.MkdirAll(s.keys(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.keys(), "keys.json"), []byte(`{"schema": 9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := failToStart(t, block(s.stanza())); !strings.Contains(got, "schema") || !strings.Contains(got, "Corefile:5: keys: ") {
		t.Errorf("Expected an error about the key document and the line that names it, got %s", got)
	}
}

// FuzzCorefile parses stanzas: whatever stands there, it is refused or makes a
// configuration that is whole.
func FuzzCorefile(f *testing.F) {
	f.Add("policies testdata\nkeys none\nns ns1.example.net")
	f.Add("vault https://v.example\nauth approle a b mount c\nkeys vault a/b\nns ns1.example.net\nrefresh 60s 5s")
	f.Add("policies .\nfallthrough\nstop all domain:x uri:https://x/y\nfreeze 2026-12-01T00:00:00Z")
	f.Add("denial compact 5\nttl 5 6\n{\n}")
	f.Fuzz(func(t *testing.T, body string) {
		c, err := parseStanza("persist example.com {\n" + body + "\n}")
		if err != nil {
			return
		}
		if (c.vault == nil) == (c.policies == "") || len(c.zones) == 0 || c.refresh <= 0 || c.index <= 0 {
			t.Errorf("Accepted an incomplete stanza: %+v", c)
		}
	})
}
