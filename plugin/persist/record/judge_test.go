package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/google/go-cmp/cmp"
)

var until = time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC) // 1721952000

// asked is a question that the record "ca.example; accounturi=…" answers under
// both rules if its account URI is that of the rules.
func asked() record.Question {
	return record.Question{
		FQDN:        "example.com",
		At:          until,
		Issuers:     []string{"ca.example"},
		AccountURIs: []string{accountURL},
		HashPrefix:  hashPrefix,
		Thumbprints: []string{thumbprint},
	}
}

// accountOf is the account URI that each of the rules accepts.
var accountOf = map[record.Rules]string{record.Boulder: accountURL, record.Draft02: hashedURI}

// What Boulder is said to do here was held against its validator of August
// 2026; the rest is the grammar of RFC 8659 section 4.2 and draft -02.
func TestSpellings(t *testing.T) {
	const (
		yes    = record.Accepted
		other  = record.Foreign
		broken = record.Malformed
		short  = record.Unauthorized
	)
	for _, tt := range []struct {
		text    string // @ stands for the account URI that the rules accept
		boulder record.Outcome
		draft02 record.Outcome
		reason  string // in those of both that do not accept
	}{
		{"ca.example; accounturi=@", yes, yes, ""},
		{"ca.example;accounturi=@", yes, yes, ""},
		{" \tca.example \t;\taccounturi = @ ; policy = wildcard ; persistUntil = 1721952000 ", yes, yes, ""},
		{"ca.example; persistUntil=1721952000; policy=wildcard; accounturi=@", yes, yes, ""},
		{"ca.example; ACCOUNTURI=@; Policy=wildcard; PERSISTUNTIL=1721952000", yes, yes, ""},

		{"CA.example; accounturi=@", yes, broken, `write "ca.example"`},
		{"ca.example.; accounturi=@", yes, broken, `write "ca.example"`},
		{"ｃａ.example; accounturi=@", yes, broken, `write "ca.example"`},
		{"other.example; accounturi=@", other, other, `for the CA "other.example", not for ca.example`},
		{"other.example; accounturi=@;", other, other, `"other.example"`},
		{"other.example", other, other, `"other.example"`},
		{"", broken, broken, "issuer-domain-name"},
		{"; accounturi=@", broken, broken, "is empty"},
		{"v=spf1 -all", broken, broken, "issuer-domain-name"},
		{"\xff\xfe", broken, broken, "UTF-8"},

		{"ca.example", broken, broken, "accounturi is missing"},
		{"ca.example;", broken, broken, "semicolon"},
		{"ca.example; policy=wildcard", broken, broken, "accounturi is missing"},
		{"ca.example; accounturi=", broken, broken, "accounturi is missing or empty"},
		{"ca.example; accounturi=@;", broken, broken, "remove the semicolon"},
		{"ca.example; accounturi=@;;policy=wildcard", broken, broken, "remove the semicolon"},
		{"ca.example; accounturi=@; wildcard", broken, broken, `"wildcard" has no value`},
		{"ca.example; accounturi=@; =wildcard", broken, broken, "has no tag"},
		{"ca.example; accounturi=@; policy=wild card", broken, broken, `"policy" contains ' '`},
		{"ca.example; accounturi=@; note=ü", broken, broken, `"note" contains`},
		{"ca.example; accounturi=@; AccountURI=@", broken, broken, `"accounturi" stands twice`},
		{"ca.example; accounturi=@; policy=wildcard; policy=wildcard", broken, broken, `"policy" stands twice`},
		{"ca.example; accounturi=@; persistUntil=1; PersistUntil=2", broken, broken, `"persistuntil" stands twice`},

		{"ca.example; accounturi=@; note=a", yes, yes, ""},
		{"ca.example; accounturi=@; note=", yes, yes, ""},
		{"ca.example; accounturi=@; note=a; note=b", yes, broken, `"note" stands twice`},
		{"ca.example; accounturi=@; a note=b", yes, broken, `tag "a note"`},
		{"ca.example; accounturi=@; a.b=c", yes, broken, `tag "a.b"`},
		{"ca.example; accounturi=@; note=a=b", yes, yes, ""},

		{"ca.example; accounturi=https://CA.example/acct/123", short, broken, "accounturi"},
		{"ca.example; accounturi=@/", short, broken, "accounturi"},
		{"ca.example; accounturi=" + hashPrefix + "sha-256/" + thumbprint, short, short, "that of the account is"},
		{"ca.example; accounturi=" + hashPrefix + "sha-512/" + thumbprint, short, broken, "accounturi"},
		{"ca.example; accounturi=" + accountURL, yes, broken, "is not a hashed URI"},
		{"ca.example; accounturi=" + hashedURI, short, yes, "that of the account is " + accountURL},
		{"ca.example; accounturi=" + anyHashed, short, yes, "that of the account is"},

		{"ca.example; accounturi=@; persistUntil=1721951999", short, short, "persistUntil was 2024-07-25T23:59:59Z, and the CA looks at 2024-07-26T00:00:00Z"},
		{"ca.example; accounturi=@; persistUntil=0", short, short, "1970-01-01T00:00:00Z"},
		{"ca.example; accounturi=@; persistUntil=+1721952000", yes, broken, `persistUntil is "+1721952000"`},
		{"ca.example; accounturi=@; persistUntil=-1", short, broken, "persistUntil"},
		{"ca.example; accounturi=@; persistUntil=01721952000", yes, yes, ""},
		{"ca.example; accounturi=@; persistUntil=", broken, broken, `persistUntil is ""`},
		{"ca.example; accounturi=@; persistUntil=2024-07-26", broken, broken, `persistUntil is "2024-07-26"`},
		{"ca.example; accounturi=@; persistUntil=1721952000.0", broken, broken, "persistUntil"},
		{"ca.example; accounturi=@; persistUntil=99999999999999999999", broken, broken, "persistUntil"},
	} {
		for rules, want := range map[record.Rules]record.Outcome{record.Boulder: tt.boulder, record.Draft02: tt.draft02} {
			text := strings.ReplaceAll(tt.text, "@", accountOf[rules])
			expectFinding(t, rules, text, want, tt.reason)
		}
	}
}

func expectFinding(t *testing.T, rules record.Rules, text string, want record.Outcome, reason string) {
	t.Helper()
	v := record.Judge(rules, asked(), []string{text})
	if len(v.Findings) != 1 || v.Findings[0].Text != text {
		t.Fatalf("%v on %q: expected one finding on it, got %+v", rules, text, v.Findings)
	}
	f := v.Findings[0]
	if f.Outcome != want {
		t.Errorf("%v on %q: expected %q, got %q: %s", rules, text, want, f.Outcome, f.Reason)
	}
	accepted := want == record.Accepted
	if v.Accepted != accepted || (v.Match == 0) != accepted || (v.Reason == "") != accepted || (f.Reason == "") != accepted {
		t.Errorf("%v on %q: expected a verdict that agrees with its finding, got %+v", rules, text, v)
	}
	if !accepted && !strings.Contains(f.Reason, reason) {
		t.Errorf("%v on %q: expected the reason %q, got %q", rules, text, reason, f.Reason)
	}
}

func TestOnlyAWildcardPolicyReachesBelowTheName(t *testing.T) {
	for rules, uri := range accountOf {
		for policy, want := range map[string]bool{
			"": false, "; policy=wildcard": true, "; policy=WildCard": true, "; policy=": false, "; policy=subtree": false, "; policy=wildcards": false,
		} {
			q := asked()
			rrset := []string{"ca.example; accounturi=" + uri + policy}
			if v := record.Judge(rules, q, rrset); !v.Accepted {
				t.Errorf("%v on %q: expected it to do for the name itself, got %+v", rules, policy, v)
			}
			q.Wildcard = true
			v := record.Judge(rules, q, rrset)
			if v.Accepted != want {
				t.Errorf("%v on %q for a wildcard: expected %t, got %+v", rules, policy, want, v)
			}
			if !want && v.Findings[0].Reason != "it has no policy=wildcard and is good for example.com alone" {
				t.Errorf("%v on %q: expected to be told of the policy, got %q", rules, policy, v.Findings[0].Reason)
			}
		}
	}
}

func TestPersistUntilIsTheLastInstant(t *testing.T) {
	for rules, uri := range accountOf {
		for at, want := range map[time.Time]bool{until.Add(-1): true, until: true, until.Add(1): false, until.Add(time.Hour): false} {
			q := asked()
			q.At = at
			v := record.Judge(rules, q, []string{"ca.example; accounturi=" + uri + "; persistUntil=1721952000"})
			if v.Accepted != want {
				t.Errorf("%v at %s: expected %t, got %+v", rules, at.Format(time.RFC3339Nano), want, v)
			}
			if want && !v.Until.Equal(until) {
				t.Errorf("%v: expected the end %s, got %s", rules, until, v.Until)
			}
		}
	}
}

func TestOneGoodRecordIsEnough(t *testing.T) {
	rrset := []string{
		"v=spf1 -all",
		"pki.goog; accounturi=https://dv.acme-v02.api.pki.goog/account/x",
		"ca.example; accounturi=" + accountURL + ";",
		"ca.example; accounturi=" + hashedURI + "; persistUntil=1721952001",
		"ca.example; accounturi=" + accountURL,
		"ca.example; accounturi=" + anyHashed,
		"ca.example; accounturi=" + accountURL + "; policy=wildcard",
	}
	for rules, want := range map[record.Rules][]record.Outcome{
		record.Boulder: {record.Malformed, record.Foreign, record.Malformed, record.Unauthorized, record.Accepted, record.Unauthorized, record.Accepted},
		record.Draft02: {record.Malformed, record.Foreign, record.Malformed, record.Accepted, record.Malformed, record.Accepted, record.Malformed},
	} {
		v := record.Judge(rules, asked(), rrset)
		got := make([]record.Outcome, 0, len(rrset))
		for _, f := range v.Findings {
			got = append(got, f.Outcome)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Outcomes by %v differ (-want +got):\n%s", rules, diff)
		}
	}
	if v := record.Judge(record.Boulder, asked(), rrset); v.Match != 4 || !v.Until.IsZero() {
		t.Errorf("Expected the first record that will do, without end, got %+v", v)
	}
	if v := record.Judge(record.Draft02, asked(), rrset); v.Match != 3 || v.Until.Unix() != 1721952001 {
		t.Errorf("Expected the first record that will do, with its end, got %+v", v)
	}
}

func TestEarlierKeysOfTheAccountStillCount(t *testing.T) {
	q := asked()
	q.Thumbprints = []string{"5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw", thumbprint}
	if v := record.Judge(record.Draft02, q, []string{"ca.example; accounturi=" + hashedURI}); !v.Accepted {
		t.Errorf("Expected the hash of an earlier key to do, got %+v", v)
	}
}

func TestAHashIsGoodForItsDomainOnly(t *testing.T) {
	q := asked()
	q.FQDN = "www.example.com"
	if v := record.Judge(record.Draft02, q, []string{"ca.example; accounturi=" + hashedURI}); v.Accepted {
		t.Error("Expected the hash of another domain to be refused")
	}
	if v := record.Judge(record.Draft02, q, []string{"ca.example; accounturi=" + anyHashed}); !v.Accepted {
		t.Errorf("Expected the hash for any domain to do, got %+v", v)
	}
}

func TestWhatIsNotKnownIsAskedFor(t *testing.T) {
	hashed := []string{"ca.example; accounturi=" + hashedURI}
	for part, change := range map[string]func(*record.Question){
		"no accountHashPrefix": func(q *record.Question) { q.HashPrefix = "" },
		"the thumbprint":       func(q *record.Question) { q.Thumbprints = nil },
		"its URI is needed":    func(q *record.Question) { q.AccountURIs = nil },
	} {
		q := asked()
		change(&q)
		v := record.Judge(record.Draft02, q, hashed)
		if v.Accepted || !strings.Contains(v.Findings[0].Reason, part) {
			t.Errorf("Expected the reason %q, got %+v", part, v)
		}
	}
	v := record.Judge(record.Boulder, asked(), nil)
	if want := "there is no TXT record at _validation-persist.example.com."; v.Accepted || v.Match != -1 || v.Reason != want {
		t.Errorf("Expected %q, got %+v", want, v)
	}
}

func TestIPAddresses(t *testing.T) {
	q := asked()
	q.FQDN = "1.2.0.192.in-addr.arpa"
	v := record.Judge(record.Boulder, q, []string{"ca.example; accounturi=" + accountURL})
	if want := "Boulder validates no IP addresses by dns-persist-01 and never asks for _ip-validation-persist.1.2.0.192.in-addr.arpa."; v.Accepted || v.Match != -1 || v.Reason != want {
		t.Errorf("Expected %q, got %+v", want, v)
	}
	if v := record.Judge(record.Draft02, q, []string{"ca.example; accounturi=" + anyHashed}); !v.Accepted {
		t.Errorf("Expected the same grammar to do for an address, got %+v", v)
	}
}

func TestRulesAndOutcomesHaveNames(t *testing.T) {
	if got := record.Draft02.String(); got != "draft-ietf-acme-dns-persist-02" {
		t.Errorf("Expected the name of the draft, got %q", got)
	}
	if got := record.Unauthorized.String(); got != "unauthorized" {
		t.Errorf("Expected the ACME error, got %q", got)
	}
}

// expectUnderstood fails unless both rules make of text, which was rendered of
// r, what r says.
func expectUnderstood(t *testing.T, r record.Record, text string) {
	t.Helper()
	q := asked()
	q.Issuers, q.AccountURIs, q.Wildcard = []string{r.Issuer}, []string{r.AccountURI}, r.Wildcard
	hashed := r
	hashed.AccountURI = record.HashAccountURI(hashPrefix, q.FQDN, thumbprint, r.AccountURI)
	hashedText, err := hashed.Render()
	if err != nil {
		t.Fatalf("Expected the hashed form of %q to render, got %v", text, err)
	}
	for rules, text := range map[record.Rules]string{record.Boulder: text, record.Draft02: hashedText} {
		q.At = r.Until
		if v := record.Judge(rules, q, []string{text}); !v.Accepted || !v.Until.Equal(r.Until) {
			t.Errorf("Expected %v to accept %q, got %+v", rules, text, v)
		}
		q.At = r.Until.Add(1)
		if v := record.Judge(rules, q, []string{text}); v.Accepted && !r.Until.IsZero() {
			t.Errorf("Expected %v to refuse %q after its end", rules, text)
		}
		wider := q
		wider.At, wider.Wildcard = r.Until, true
		if v := record.Judge(rules, wider, []string{text}); v.Accepted != r.Wildcard {
			t.Errorf("Expected the scope of %q to be kept by %v, got %+v", text, rules, v)
		}
	}
}

// Whatever stands in DNS: what draft -02 accepts by the letter Boulder accepts
// too, if the hashed URI is what it knows the account by.
func FuzzJudge(f *testing.F) {
	for text := range texts {
		f.Add(strings.Replace(text, "authority.example", "ca.example", 1))
	}
	f.Add(" ca.example ;\tACCOUNTURI = " + anyHashed + "; policy=WILDCARD; a-b=c; persistUntil=001721952000")
	f.Add("ca.example; accounturi=" + hashedURI + "; accounturi=x;")
	f.Fuzz(func(t *testing.T, text string) {
		strict, lenient := asked(), asked()
		lenient.AccountURIs = []string{hashedURI, anyHashed}
		v := record.Judge(record.Draft02, strict, []string{text})
		if w := record.Judge(record.Boulder, lenient, []string{text}); v.Accepted && (!w.Accepted || !w.Until.Equal(v.Until)) {
			t.Errorf("Expected Boulder to accept %q as draft -02 does, got %+v", text, w)
		}
		if r, err := record.Parse(text); err == nil && r.Issuer == "ca.example" && v.Findings[0].Outcome == record.Foreign {
			t.Errorf("Expected %q to be for ca.example, got %+v", text, v)
		}
	})
}
