package answer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/miekg/dns"
)

// Two accounts and two keys, of which the first is that of the test vectors.
const (
	accountURI  = policytest.AccountURI
	anotherURI  = "https://ca.example/acct/7"
	firstKey    = policytest.Thumbprint
	secondKey   = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	hashPrefix  = "https://ca.example/account-hash/"
	cacheTime   = 300 * time.Second // the TTL of the zone
	leadTime    = 30 * time.Minute  // from noon until the document is written
	changeTime  = 2 * time.Hour     // from noon until the CA changes
	cutoverTime = 3*time.Hour + 47*time.Minute
)

// wish is all that a strict CA takes: one form, of one key of one account.
type wish struct {
	rules        record.Rules
	account, key string
}

// accepts reports whether the CA takes one of the records, by the judge of this
// project and by an account URI that the test has worked out by itself.
func (w wish) accepts(t *testing.T, texts []string, at time.Time) bool {
	t.Helper()
	v := record.Judge(w.rules, record.Question{
		FQDN: "example.com", At: at, Issuers: []string{"ca.example"}, AccountURIs: []string{w.account}, HashPrefix: hashPrefix, Thumbprints: []string{w.key},
	}, texts)
	wanted := w.account
	if w.rules == record.Draft02 {
		sum := sha256.Sum256([]byte("\x0bexample.com" + w.key + w.account))
		wanted = hashPrefix + "sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	found := slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, "ca.example; accounturi="+wanted+"; ") })
	if found != v.Accepted {
		t.Fatalf("At %v: the judge says %v of %q, and %s is among them: %v", at, v.Accepted, texts, wanted, found)
	}
	return found
}

// migrations are changes of an account: the members of its document before and
// after, what the overlap has besides its end, and what the CA takes before and
// after it changes, at an instant between.
var migrations = map[string]struct {
	before, after, overlap string
	takes, thenTakes       wish
}{
	"roll-over of the account key": {
		`"account_uri": "` + accountURI + `", "forms": ["hash"], "thumbprints": ["` + firstKey + `"]`,
		`"account_uri": "` + accountURI + `", "forms": ["hash"], "thumbprints": ["` + secondKey + `"]`,
		`"thumbprints": ["` + firstKey + `"]`,
		wish{record.Draft02, accountURI, firstKey}, wish{record.Draft02, accountURI, secondKey},
	},
	"from uri to hash": {
		`"account_uri": "` + accountURI + `", "thumbprints": ["` + firstKey + `"]`,
		`"account_uri": "` + accountURI + `", "thumbprints": ["` + firstKey + `"], "forms": ["hash"]`,
		`"forms": ["uri"]`,
		wish{record.Boulder, accountURI, firstKey}, wish{record.Draft02, accountURI, firstKey},
	},
	"from hash back to uri": {
		`"account_uri": "` + accountURI + `", "thumbprints": ["` + firstKey + `"], "forms": ["hash"]`,
		`"account_uri": "` + accountURI + `", "thumbprints": ["` + firstKey + `"]`,
		`"forms": ["hash"]`,
		wish{record.Draft02, accountURI, firstKey}, wish{record.Boulder, accountURI, firstKey},
	},
	"another account": {
		`"account_uri": "` + anotherURI + `"`,
		`"account_uri": "` + accountURI + `"`,
		`"account_uri": "` + anotherURI + `"`,
		wish{record.Boulder, anotherURI, firstKey}, wish{record.Boulder, accountURI, firstKey},
	},
	"another account, by the hash from now on": {
		`"account_uri": "` + anotherURI + `"`,
		`"account_uri": "` + accountURI + `", "forms": ["hash"], "thumbprints": ["` + firstKey + `"]`,
		`"account_uri": "` + anotherURI + `", "thumbprints": ["` + secondKey + `"], "forms": ["uri"]`,
		wish{record.Boulder, anotherURI, secondKey}, wish{record.Draft02, accountURI, firstKey},
	},
}

// migration is a server, asked every minute, whose document changes once.
type migration struct {
	t             *testing.T
	servers       []*answer.Authority // that are asked all the time
	keys          *dnssec.KeySet
	book          *policy.Book
	before, after string // bodies of the document
}

func (m *migration) documents(at time.Time) (policytest.Documents, int) {
	d := policytest.Standard().With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "` + hashPrefix + `"}`,
		"teams/web": fmt.Sprintf(`{"domains": ["example.com"], "issuers": ["ca"], "accounts": {%q: {"thumbprints": [%q, %q]}, %q: {"thumbprints": [%q]}}}`,
			accountURI, firstKey, secondKey, anotherURI, secondKey),
		"accounts/web/ca/a": m.before,
	})
	if at.Before(noon.Add(leadTime)) {
		return d, 1
	}
	d["accounts/web/ca/a"] = m.after
	return d, 2
}

// texts is what every server says at an instant, after a scan.
func (m *migration) texts(at time.Time) []string {
	d, version := m.documents(at)
	return m.say(d.Snapshot(version, at), at)
}

// pending is what every server says in the middle of the scan that finds the
// document changed, while it has not read again what bounds it.
func (m *migration) pending(at time.Time) []string {
	d, version := m.documents(at)
	s := d.Snapshot(version, at)
	s.Document("accounts/web/ca/a").Doubt = store.Pending
	return m.say(s, at)
}

func (m *migration) say(s *store.Snapshot, at time.Time) []string {
	m.book = policy.Compile(m.book, s, policy.Brakes{})
	if len(m.book.Rejections()) > 0 {
		m.t.Fatalf("At %v: %v", at, m.book.Rejections())
	}
	var all []string
	for _, a := range m.servers {
		a.Update(m.book, m.keys)
		texts := textsOf(a.Answer(ask("_validation-persist.example.com.", dns.TypeTXT), at))
		if all == nil {
			all = texts
		}
		if !slices.EqualFunc(texts, all, sameButForUntil) {
			m.t.Fatalf("At %v: one server has %q, another %q", at, all, texts)
		}
	}
	return all
}

func textsOf(r answer.Response) []string {
	var texts []string
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, strings.Join(txt.Txt, ""))
		}
	}
	return texts
}

// sameButForUntil compares records of zones that rotate at different instants.
func sameButForUntil(a, b string) bool {
	a, _, _ = strings.Cut(a, "; persistUntil=")
	b, _, _ = strings.Cut(b, "; persistUntil=")
	return a == b
}

// gaps are the minutes at which a CA finds nothing that it takes, in an answer
// that is new or as old as a cache may have it.
func (m *migration) gaps(takes, thenTakes wish) (gaps []time.Time, most, last int) {
	var cached [][]string
	for at := noon; at.Before(noon.Add(cutoverTime + time.Hour)); at = at.Add(time.Minute) {
		ca := takes
		if !at.Before(noon.Add(changeTime)) {
			ca = thenTakes
		}
		if at.Equal(noon.Add(leadTime)) && !ca.accepts(m.t, m.pending(at), at) {
			gaps = append(gaps, at)
		}
		texts := m.texts(at)
		if cached = append(cached, texts); len(cached) > int(cacheTime/time.Minute) {
			cached = cached[1:]
		}
		if slices.ContainsFunc(cached, func(texts []string) bool { return !ca.accepts(m.t, texts, at) }) {
			gaps = append(gaps, at)
		}
		most, last = max(most, len(texts)), len(texts)
		if over := !at.Before(noon.Add(cutoverTime)); over && len(texts) != 1 {
			m.t.Errorf("At %v: expected the overlap to have ended at %v, got %q", at, noon.Add(cutoverTime), texts)
		}
	}
	return gaps, most, last
}

// A CA that takes one form of one key of one account, and another one from an
// instant on, finds what it takes at every minute, also in a cache. That each
// change does leave a gap without an overlap shows that a gap would be seen.
func TestNoMinuteOfAMigrationIsWithoutARecordThatTheCATakes(t *testing.T) {
	for name, c := range migrations {
		t.Run(name, func(t *testing.T) {
			start := func(before, after string) *migration {
				return &migration{
					t: t, keys: newKeys(t, dns.ECDSAP256SHA256), before: before, after: after,
					servers: []*answer.Authority{answer.New(newZone(t, origin, false), 1000), answer.NewChained(newChainedZone(t, origin), new(answer.Serial))},
				}
			}
			document := func(members string) string { return "{" + members + `, "domains": {"example.com": {}}}` }
			overlap := fmt.Sprintf(`, "overlap": {"until": %q, %s}`, noon.Add(cutoverTime).Format(time.RFC3339), c.overlap)

			with := start(document(c.before), document(c.after+overlap))
			if gaps, most, last := with.gaps(c.takes, c.thenTakes); len(gaps) > 0 || most < 2 || last != 1 {
				t.Errorf("Expected no gap, records of both sides and then one, got gaps at %v, %d records at most and %d at last", gaps, most, last)
			}
			without := start(document(c.before), document(c.after))
			if gaps, _, _ := without.gaps(c.takes, c.thenTakes); len(slices.Compact(gaps)) != int((changeTime-leadTime)/time.Minute) {
				t.Errorf("Expected a gap of %v without an overlap, got %d minutes", changeTime-leadTime, len(gaps))
			}
		})
	}
}

// In the middle of an overlap the accounts change places, and every minute has a record
// of both, also in a cache, until one goes.
func TestNoMinuteOfAWayBackIsWithoutARecordOfEitherAccount(t *testing.T) {
	before := fmt.Sprintf(`{"account_uri": %q, "overlap": {"until": %q, "account_uri": %q}, "domains": {"example.com": {}}}`,
		accountURI, noon.Add(changeTime).Format(time.RFC3339), anotherURI)
	after, err := policy.ReplaceAccount([]byte(before), anotherURI, "", noon.Add(cutoverTime), noon.Add(leadTime))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"uri", "hash"} {
		m := &migration{
			t: t, keys: newKeys(t, dns.ECDSAP256SHA256), before: in(form, before), after: in(form, string(after)),
			servers: []*answer.Authority{answer.New(newZone(t, origin, false), 1000), answer.NewChained(newChainedZone(t, origin), new(answer.Serial))},
		}
		rules := map[string]record.Rules{"uri": record.Boulder, "hash": record.Draft02}[form]
		forth, back := wish{rules, accountURI, firstKey}, wish{rules, anotherURI, secondKey}
		if gaps, most, last := m.gaps(back, back); len(gaps) > 0 || most != 2 || last != 1 {
			t.Errorf("%s: expected one that has gone back to find a record, and two at most, got gaps at %v, %d and %d", form, gaps, most, last)
		}
		m.book = nil
		if gaps, _, _ := m.gaps(forth, back); len(gaps) > 0 {
			t.Errorf("%s: expected one that has yet to go back to find a record, got gaps at %v", form, gaps)
		}
	}
}

// in has a document ask for a form.
func in(form, document string) string {
	return strings.Replace(document, `"domains"`, `"forms": ["`+form+`"], "domains"`, 1)
}
