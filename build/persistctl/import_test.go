package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const hashPrefix = "https://ca.example/hash/"

// importWorld are the documents that records are imported beside.
func importWorld() policytest.Documents {
	return policytest.Documents{
		"config":     `{"schema": 1}`,
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "` + hashPrefix + `", "wildcard": true, "allow_none": true}`,
		"issuers/cb": `{"issuer_domain_names": ["cb.example"], "account_uri_prefixes": ["urn:cb:"], "forms": "opaque", "wildcard": true, "allow_none": true}`,
		"teams/web": `{"domains": ["example.com"], "issuers": ["ca", "cb"], "wildcard": true, "accounts": {
			"https://ca.example/acct/1": {"thumbprints": ["` + policytest.Thumbprint + `"]}, "https://ca.example/acct/2": {}, "urn:cb:17": {}, "urn:cb:18": {}}}`,
	}
}

// standingRecords are records as somebody may have written them, by name.
func standingRecords(r *rand.Rand, now time.Time) map[record.FQDN][]record.Record {
	all := map[record.FQDN][]record.Record{}
	for range 1 + r.IntN(12) {
		name := record.FQDN(fmt.Sprintf("n%d.example.com", r.IntN(5)))
		rec := record.Record{Issuer: "ca.example", AccountURI: fmt.Sprintf("https://ca.example/acct/%d", 1+r.IntN(2)), Wildcard: r.IntN(2) == 0}
		switch r.IntN(4) {
		case 0:
			rec.Issuer, rec.AccountURI = "cb.example", fmt.Sprintf("urn:cb:%d", 17+r.IntN(2))
		case 1:
			rec.AccountURI = record.HashAccountURI(hashPrefix, name, policytest.Thumbprint, "https://ca.example/acct/1")
		}
		if r.IntN(2) == 0 {
			rec.Until = now.Add(time.Duration(1+r.IntN(3)) * 24 * time.Hour)
		}
		if !slices.Contains(all[name], rec) {
			all[name] = append(all[name], rec)
		}
	}
	return all
}

// zoneOf is the zone file of records, and their values by name, sorted.
func zoneOf(t *testing.T, records map[record.FQDN][]record.Record) (file string, values map[record.FQDN][]string) {
	t.Helper()
	var text strings.Builder
	values = map[record.FQDN][]string{}
	for name, list := range records {
		for _, r := range list {
			value, err := r.Render()
			must(t, err)
			fmt.Fprintln(&text, &dns.TXT{Hdr: dns.RR_Header{Name: name.Owner(), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 300}, Txt: record.CharacterStrings(value)})
			values[name] = append(values[name], value)
		}
		slices.Sort(values[name])
	}
	file = filepath.Join(t.TempDir(), "db.example.com")
	must(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return file, values
}

// shownRecords are the records that persistctl show has of dir, by name.
func shownRecords(t *testing.T, dir string) map[record.FQDN][]string {
	t.Helper()
	var shown inventory
	must(t, json.Unmarshal([]byte(persistctl(t, "show", dir, "-o", "json")), &shown))
	values := map[record.FQDN][]string{}
	for _, g := range shown.Grants {
		values[g.Name] = append(values[g.Name], g.Records...)
	}
	for name := range values {
		slices.Sort(values[name])
	}
	return values
}

// What is imported and compiled is published as it stood, whatever stood there,
// and a CA decides on it as before.
func TestImportedRecordsArePublishedAsTheyStood(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	now := time.Now().UTC().Truncate(time.Second)
	several := 0
	for range 60 {
		records := standingRecords(r, now)
		file, stood := zoneOf(t, records)
		dir := t.TempDir()
		importWorld().Write(t, dir)
		persistctl(t, "import", file, "--team", "web", "--dir", dir, "--write")
		published := shownRecords(t, dir)
		if diff := cmp.Diff(stood, published); diff != "" {
			t.Fatalf("Records (-stood +published):\n%s", diff)
		}
		for name, list := range records {
			several += len(list) - 1
			for _, rec := range list {
				judgeAlike(t, name, rec, now, stood[name], published[name])
			}
		}
		if again := persistctl(t, "import", file, "--team", "web", "--dir", dir, "--write"); !strings.HasSuffix(again, "There is nothing to import.\n") {
			t.Fatalf("Expected nothing to be imported twice, got %s", again)
		}
	}
	if several < 40 {
		t.Errorf("Expected many names with several records, got %d", several)
	}
}

// judgeAlike lets the account of a record ask for the name, with both sets of
// records.
func judgeAlike(t *testing.T, name record.FQDN, r record.Record, at time.Time, stood, published []string) {
	t.Helper()
	accepted := false
	for _, rules := range []record.Rules{record.Boulder, record.Draft02} {
		q := record.Question{FQDN: name, Wildcard: r.Wildcard, At: at, Issuers: []string{r.Issuer}, AccountURIs: []string{r.AccountURI}}
		if strings.HasPrefix(r.AccountURI, hashPrefix) {
			q.AccountURIs, q.HashPrefix, q.Thumbprints = []string{"https://ca.example/acct/1"}, hashPrefix, []string{policytest.Thumbprint}
		}
		before, after := record.Judge(rules, q, stood), record.Judge(rules, q, published)
		if before.Accepted != after.Accepted || !before.Until.Equal(after.Until) {
			t.Errorf("%v, %v: decided otherwise than before, %v and not %v", name, rules, after, before)
		}
		accepted = accepted || after.Accepted
	}
	if !accepted {
		t.Errorf("%v: no CA accepts %v", name, r)
	}
}
