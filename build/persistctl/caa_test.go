package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

// checkedCAA is what caa --check prints for programs.
type checkedCAA struct {
	Findings []struct {
		Name, Status, Reason, Owner string
		Wildcard, Validated         bool
		Notes                       []string
	}
}

// checkCAALive runs caa --check, and returns what it found with its exit status.
func checkCAALive(t *testing.T, resolver string, args ...string) (c checkedCAA, exit int) {
	t.Helper()
	args = append([]string{"caa", "--check", "--resolver", resolver, "-o", "json"}, args...)
	var out, complaint strings.Builder
	exit = execute(args, &out, &complaint)
	if err := json.Unmarshal([]byte(out.String()), &c); err != nil {
		t.Fatalf("persistctl %s: status %d: %v: %s", strings.Join(args, " "), exit, err, complaint.String())
	}
	return c, exit
}

// caaZone is a zone file of example.com with more records.
func caaZone(records ...string) string {
	return strings.ReplaceAll(static("example.com."), "ns2.", "ns1.") + strings.Join(records, "\n") + "\n"
}

func TestPropertiesLetAGrantInOrNot(t *testing.T) {
	const account = policytest.AccountURI
	const exact = `"ca.example; accounturi=` + account + `; validationmethods=dns-persist-01"`
	cases := []struct {
		records string // with bars between
		wild    bool
		status  string
		says    string // in the reason or in a note
	}{
		{"", false, "ok", "no CAA record restricts it"},
		{"0 issue " + exact, false, "ok", ""},
		{"0 issue " + exact, true, "ok", ""}, // issue holds for wildcards where there is no issuewild
		{"0 issue \"ca.example\"", false, "ok", "lets every account at the CA in"},
		{`0 issue "CA.example. ; validationmethods=http-01,dns-persist-01"`, false, "ok", "lets every account"},
		{`0 issue "other.example"` + "|0 issue " + exact, false, "ok", ""},
		{`0 iodef "mailto:a@example.com"`, false, "ok", "no CAA record restricts it"},
		{`0 issue "other.example"`, false, "forbidden", "names other.example, and not ca.example"},
		{`0 issue ";"`, false, "forbidden", "forbids every CA"},
		{`0 issue "ca.example accounturi=` + account + `"`, false, "forbidden", "cannot be read"},
		{`0 issue "ca.example; accounturi=` + account + `4"`, false, "forbidden", "and the account is " + account},
		{`0 issue "ca.example; accounturi=https://ca.example/account-hash/sha-256/` + policytest.Thumbprint + `"`, false, "forbidden", "is a hashed URI"},
		{`0 issue "ca.example; validationmethods=dns-01,http-01"`, false, "forbidden", "without dns-persist-01"},
		{`0 issue "ca.example; accounturi=` + account + `; accounturi=` + account + `"`, false, "forbidden", "stands twice"},
		{`0 issue "ca.example; validationmethods=dns-01; validationmethods=dns-persist-01"`, false, "forbidden", "stands twice"},
		{"0 issue " + exact + `|0 issuewild ";"`, false, "ok", ""},
		{"0 issue " + exact + `|0 issuewild ";"`, true, "forbidden", "issuewild at "},
		{"0 issuewild " + exact + `|0 issue ";"`, true, "ok", ""},
		{"0 issuewild " + exact + `|0 issue ";"`, false, "forbidden", "issue at "},
		{"0 issue " + exact + `|128 future "x"`, false, "forbidden", `the property "future" at `},
		{"0 issue " + exact + `|0 future "x"`, false, "ok", ""},
		{"128 issue " + exact, false, "ok", ""},
	}
	records := make([]string, 0, len(cases))
	for i, tt := range cases {
		for r := range strings.SplitSeq(tt.records, "|") {
			if r != "" {
				records = append(records, fmt.Sprintf("n%d.example.com. 300 IN CAA %s", i, r))
			}
		}
	}
	w := newLiveWorld(t, "example.com.")
	w.names = 1
	w.nsd(1, map[string]string{"example.com.": caaZone(records...), "com.": static("com.")})
	resolver := w.resolver("com.")
	for i, tt := range cases {
		name := fmt.Sprintf("n%d.example.com", i)
		if tt.wild {
			name = "*." + name
		}
		c, exit := checkCAALive(t, resolver, name, "--issuer", "ca.example", "--account", account)
		f := c.Findings[len(c.Findings)-1]
		said := f.Reason + strings.Join(f.Notes, " ")
		if f.Status != tt.status || f.Wildcard != tt.wild || !strings.Contains(said, tt.says) || tt.says == "" && said != "" {
			t.Errorf("%s for %s: expected %s with %q, got %+v", tt.records, name, tt.status, tt.says, f)
		}
		if alone := len(c.Findings) == 1 || c.Findings[0].Status == "ok"; alone && (exit == exitOK) != (tt.status == "ok") {
			t.Errorf("%s for %s: expected an exit status that goes with %s, got %d", tt.records, name, tt.status, exit)
		}
	}
}

// A CA climbs from the name to the first name with CAA records, through aliases.
func TestTheNearestRecordsAboveCount(t *testing.T) {
	w := newLiveWorld(t, "example.com.")
	w.names = 1
	key := newBind(t, "example.com.")
	w.anchor = key.ds()
	w.nsd(1, map[string]string{"example.com.": key.sign(caaZone(
		`example.com. 300 IN CAA 0 issue "ca.example"`,
		`b.example.com. 300 IN CAA 0 issue "other.example"`,
		"c.b.example.com. 300 IN TXT \"no CAA\"",
		"alias.b.example.com. 300 IN CNAME elsewhere.example.com.",
		`elsewhere.example.com. 300 IN CAA 0 issue ";"`,
	), time.Now().Add(7*24*time.Hour))})
	resolver := w.resolver()
	for name, want := range map[string][2]string{
		"example.com":         {"example.com.", "ok"},
		"x.y.z.example.com":   {"example.com.", "ok"},
		"c.b.example.com":     {"b.example.com.", "forbidden"},
		"x.c.b.example.com":   {"b.example.com.", "forbidden"},
		"alias.b.example.com": {"alias.b.example.com.", "forbidden"},
	} {
		c, _ := checkCAALive(t, resolver, name, "--issuer", "ca.example", "--account", policytest.AccountURI)
		if f := c.Findings[0]; f.Owner != want[0] || f.Status != want[1] || !f.Validated {
			t.Errorf("%s: expected %s by the validated records of %s, got %+v", name, want[1], want[0], f)
		}
	}
}

func TestRecordsThatAreNotToBeHadAreAnErrorOfDNS(t *testing.T) {
	use := []string{"www.example.com", "--issuer", "ca.example", "--account", policytest.AccountURI}
	c, exit := checkCAALive(t, "127.0.0.9:9", use...)
	if c.Findings[0].Status != "dns_error" || exit != exitDNS {
		t.Errorf("Expected an error of DNS and the exit status %d, got %d: %+v", exitDNS, exit, c)
	}
	w := newLiveWorld(t, "example.com.")
	w.names = 1
	key := newBind(t, "example.com.")
	w.anchor = key.ds()
	w.nsd(1, map[string]string{"example.com.": key.sign(caaZone(`www.example.com. 300 IN CAA 0 issue "ca.example"`), time.Now().Add(-2*24*time.Hour))})
	c, exit = checkCAALive(t, w.resolver(), use...)
	if c.Findings[0].Status != "bogus" || exit != exitDNS {
		t.Errorf("Expected bogus and the exit status %d, got %d: %+v", exitDNS, exit, c)
	}
}

// What is printed is a zone file that a server takes, and lets every grant be used.
func TestPrintedRecordsLetEveryGrantIn(t *testing.T) {
	policies := documentsIn(t, policytest.Standard().Account(`"domains": {
		"example.com": {"wildcard": true}, "www.example.com": {}, "1.2.0.192.in-addr.arpa": {}, "off.example.com": {"enabled": false},
		"over.example.com": {"until": "2026-11-02T00:00:00Z"}}`).With(policytest.Documents{
		"issuers/ca":          `{"issuer_domain_names": ["ca.example", "old-ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": true}`,
		"issuers/corp":        `{"issuer_domain_names": ["corp.example"], "account_uri_prefixes": ["acct:7"], "forms": ["opaque"]}`,
		"teams/web":           `{"domains": ["example.com", "192.in-addr.arpa"], "issuers": ["ca", "corp"], "wildcard": true}`,
		"accounts/web/corp/a": `{"account_uri": "acct:7@corp.example", "domains": {"www.example.com": {}}}`,
	}))
	persistctl(t, "lint", policies)
	printed := persistctl(t, "caa", policies)
	var got []string
	p := dns.NewZoneParser(strings.NewReader(printed), ".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		caa := rr.(*dns.CAA)
		got = append(got, fmt.Sprintf("%s %d %s %s", caa.Hdr.Name, caa.Flag, caa.Tag, caa.Value))
	}
	const only = "; accounturi=https://ca.example/acct/123; validationmethods=dns-persist-01"
	want := []string{
		"example.com. 0 issue ca.example" + only,
		"example.com. 0 issue old-ca.example" + only,
		"example.com. 0 issuewild ca.example" + only,
		"example.com. 0 issuewild old-ca.example" + only,
		"www.example.com. 0 issue ca.example" + only,
		"www.example.com. 0 issue corp.example",
		"www.example.com. 0 issue old-ca.example" + only,
		"www.example.com. 0 issuewild ;",
	}
	if p.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("Expected\n%s\ngot (%v)\n%s", strings.Join(want, "\n"), p.Err(), printed)
	}
	for _, note := range []string{"; 192.0.2.1: no CA looks at CAA for IP addresses, ", "; www.example.com: acct:7@corp.example is no account URL of ACME, and corp.example "} {
		if !strings.Contains(printed, note) {
			t.Errorf("Expected the comment %q, got\n%s", note, printed)
		}
	}

	w := newLiveWorld(t, "example.com.")
	w.names = 1
	w.nsd(1, map[string]string{"example.com.": caaZone(printed)})
	c, exit := checkCAALive(t, w.resolver(), policies)
	if exit != exitOK || len(c.Findings) != 4 { // of example.com, what is below it, and two of www.example.com
		t.Errorf("Expected every grant to be let in, got %d: %+v", exit, c)
	}
}
