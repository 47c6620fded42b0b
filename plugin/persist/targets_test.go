package persist

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// aliased has 200 octets, too many to stand in front of another name.
var aliased = strings.Repeat("abcdefgh.", 21) + "example.com"

// everywhere grants names of several teams, one of them a long one.
func everywhere() policytest.Documents {
	return policytest.Standard().Account(fmt.Sprintf(`"domains": {"example.com": {"forms": ["uri", "hash"]}, %q: {}}, "thumbprints": [%q]`, aliased, policytest.Thumbprint)).
		With(policytest.Documents{
			"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"],
				"account_hash_prefix": "https://ca.example/account-hash/", "forms": ["uri", "hash"]}`,
			"teams/ops":         `{"domains": ["example.org", "2.0.192.in-addr.arpa"], "issuers": ["ca"]}`,
			"accounts/ops/ca/a": `{"account_uri": "https://ca.example/acct/7", "forms": ["uri"], "domains": {"www.example.org": {}, "1.2.0.192.in-addr.arpa": {}}}`,
		})
}

// targets serves persist.example.net from the site, with more properties.
func (s site) targets(more ...string) string {
	return fmt.Sprintf("persist persist.example.net {\npolicies %s\nkeys dir %s\nns ns1.example.net\ntargets\n%s\n}", s.policies(), s.keys(), strings.Join(more, "\n"))
}

// values are those of the TXT records in the answer.
func values(r *dns.Msg) []string {
	var all []string
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all
}

// The hash binds the name that is validated, as draft-ietf-acme-dns-persist-02
// section 10.2 has it for example.com, wherever the record stands.
func TestTargetsHaveTheRecordsOfEveryName(t *testing.T) {
	for _, denial := range []string{"compact", "nsec"} {
		server := start(t, block(newSite(t, everywhere()).targets("denial "+denial)))
		const hashed = "https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"
		got := values(server.ask(t, question("example.com.persist.example.net.", dns.TypeTXT)))
		if len(got) != 2 || !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, hashed) }) {
			t.Errorf("%s: expected a record with the URI and one with %s, got %q", denial, hashed, got)
		}
		for front, want := range map[string]int{
			"www.example.org": 1, "1.2.0.192.in-addr.arpa": 1, record.FQDN(aliased).Alias(): 2,
			"example.org": 0, "_validation-persist.example.com": 0, "_validation-persist": 0,
		} {
			if got := values(server.ask(t, question(front+".persist.example.net.", dns.TypeTXT))); len(got) != want {
				t.Errorf("%s: expected %d records at the target %s, got %q", denial, want, front, got)
			}
		}
		if r := server.ask(t, question("_validation-persist.example.com.", dns.TypeTXT)); r.Rcode != dns.RcodeRefused {
			t.Errorf("%s: expected nothing outside the zone to be answered, got\n%v", denial, r)
		}
	}
}

func TestATransferHasTheTargetOfEveryName(t *testing.T) {
	server := start(t, block("transfer {\nto *\n}", newSite(t, everywhere()).targets("denial nsec")))
	pieces, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr("persist.example.net."), server.tcp)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for piece := range pieces {
		if piece.Error != nil {
			t.Fatal(piece.Error)
		}
		for _, rr := range piece.RR {
			if rr.Header().Rrtype == dns.TypeTXT {
				got = append(got, strings.TrimSuffix(rr.Header().Name, ".persist.example.net."))
			}
		}
	}
	slices.Sort(got)
	want := []string{"1.2.0.192.in-addr.arpa", "example.com", "www.example.org", record.FQDN(aliased).Alias()}
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("Expected the targets %q, got %q", want, got)
	}
}

func TestTheAuditLogTellsOfTargetsInTheirZone(t *testing.T) {
	site := newSite(t, everywhere())
	path := filepath.Join(site.dir, "audit.log")
	start(t, block(site.targets("audit "+path)))
	served := told(audited(t, path), audit.Serving)
	names := 0
	for _, l := range served {
		names += len(l.Names)
		if l.Zone != "persist.example.net." {
			t.Errorf("Expected the zone of targets, got %+v", l)
		}
	}
	if names != 4 {
		t.Errorf("Expected all four names to be told of, got %+v", served)
	}
}

func TestAGrantThatIsGoneLeavesAZoneOfTargets(t *testing.T) {
	setClock(t, noon)
	s := newSite(t, everywhere())
	server := start(t, block(s.targets()))
	target := question("www.example.org.persist.example.net.", dns.TypeTXT)
	if text(server.ask(t, target)) == "" {
		t.Fatal("Expected a record")
	}
	gone := weak.Make(backends.all()[0].last().Lookup("www.example.org")[0])
	everywhere().With(policytest.Documents{"accounts/ops/ca/a": `{"account_uri": "https://ca.example/acct/7", "domains": {}}`}).Write(t, s.policies())
	rescan(t)
	runtime.GC()
	if gone.Value() != nil || text(server.ask(t, target)) != "" {
		t.Error("Expected nothing to be left of a grant that is gone")
	}
}

func TestAStoreWithoutGrantsIsWarnedOf(t *testing.T) {
	logged := listen(t)
	start(t, block(newSite(t, policytest.Standard().Account(`"domains": {}`)).targets()))
	logged.expect(t, "no document grants any name, so zone persist.example.net. has no records")
}
