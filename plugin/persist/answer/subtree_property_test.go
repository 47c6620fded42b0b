package answer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

const ownerLabel = "_validation-persist"

// rules are the rules of subtrees, as docs/policy.md has them, over a set of
// grants: the model that answers are held against.
type rules struct {
	granted map[string]ruled // by name
	stops   []string
}

type ruled struct{ subtree, served bool }

// standing is what the rules say of an owner or another name.
type standing int

const (
	missing   standing = iota
	bare               // it exists, and has no records
	recorded           // it has the TXT RRset of the name validated
	unvouched          // nobody has listed it, and it may be granted by now
)

// note has names have the types that stand at one of them, if it exists.
func (s standing) note(names map[string][]uint16, name string) {
	switch s {
	case recorded:
		names[name] = []uint16{dns.TypeTXT}
	case bare:
		names[name] = nil
	}
}

func (r rules) standingOf(name string) standing {
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	if labels[0] == ownerLabel {
		return r.ownerOf(strings.Join(labels[1:], "."))
	}
	for granted := range r.granted {
		if granted == name || strings.HasSuffix(granted, "."+name) {
			return bare
		}
	}
	if _, ok := r.reach(name); ok {
		return bare
	}
	return missing
}

func (r rules) ownerOf(fqdn string) standing {
	g, ok := r.granted[fqdn]
	if !ok {
		if g, ok = r.reach(fqdn); !ok {
			return missing
		}
	}
	if !g.served || r.stopped(fqdn) {
		return bare
	}
	return recorded
}

// reach returns the grant in whose subtree name lies.
func (r rules) reach(name string) (ruled, bool) {
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || l == ownerLabel || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return ruled{}, false
		}
	}
	if _, own := r.granted[name]; own || len(ownerLabel)+1+len(name)+2 > 255 {
		return ruled{}, false
	}
	for up := 1; up <= 5 && up < len(labels); up++ {
		if g, ok := r.granted[strings.Join(labels[up:], ".")]; ok {
			return g, g.subtree
		}
	}
	return ruled{}, false
}

// whileUnlisted is what is said of a name of a standing where the store has not
// listed lately what is granted.
func (r rules) whileUnlisted(name string, s standing) standing {
	fqdn, owner := strings.CutPrefix(strings.TrimSuffix(name, "."), ownerLabel+".")
	if _, own := r.granted[fqdn]; s == missing || owner && !own {
		return unvouched
	}
	return s
}

// nested reports whether fqdn has a grant of its own inside a subtree inside another.
func (r rules) nested(fqdn string) bool {
	depth := 0
	for name := fqdn; ; {
		_, up, ok := strings.Cut(name, ".")
		if !ok {
			return depth >= 2
		}
		if name = up; r.granted[name].subtree {
			depth++
		}
	}
}

func (r rules) stopped(name string) bool {
	return slices.ContainsFunc(r.stops, func(s string) bool { return name == s || strings.HasSuffix(name, "."+s) })
}

// randomSubtrees makes documents, and the rules of what they say.
func randomSubtrees(random *rand.Rand) (policytest.Documents, rules) {
	settings := []struct {
		json string
		ruled
	}{
		{`{"subtree": true}`, ruled{true, true}},
		{`{"subtree": true, "wildcard": true}`, ruled{true, true}},
		{`{"subtree": true, "enabled": false}`, ruled{true, false}},
		{`{"subtree": true, "not_before": "2027-06-01T00:00:00Z"}`, ruled{true, false}},
		{`{"subtree": true, "until": "none"}`, ruled{false, false}}, // rejected
		{`{}`, ruled{false, true}},
		{`{"enabled": false}`, ruled{false, false}},
		{`{"until": "2026-11-20T00:00:00Z"}`, ruled{false, false}}, // over
	}
	r := rules{granted: map[string]ruled{}}
	var entries []string
	for range 1 + random.IntN(9) {
		name, s := randomDeep(random, 5)+"example.com", settings[random.IntN(len(settings))]
		if _, twice := r.granted[name]; !twice {
			r.granted[name] = s.ruled
			entries = append(entries, fmt.Sprintf("%q: %s", name, s.json))
		}
	}
	d := policytest.Standard().With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "wildcard": true, "subtree": true,
			"account_hash_prefix": "https://ca.example/account-hash/", "forms": ["uri", "hash"]}`,
	}).Account(`"thumbprints": ["` + policytest.Thumbprint + `"], "domains": {` + strings.Join(entries, ", ") + `}`)
	n := random.IntN(3)
	stops := make([]string, 0, n)
	for range n {
		name := randomDeep(random, 5) + "example.com"
		r.stops, stops = append(r.stops, name), append(stops, `"domain:`+name+`": {}`)
	}
	return d.With(policytest.Documents{"control": `{"stop": {` + strings.Join(slices.Compact(slices.Sorted(slices.Values(stops))), ", ") + `}}`}), r
}

// randomDeep is a name of few labels, so that names meet, with a dot behind.
func randomDeep(random *rand.Rand, most int) string {
	var name strings.Builder
	for range random.IntN(most + 1) {
		name.WriteString([]string{"a", "b"}[random.IntN(2)] + ".")
	}
	return name.String()
}

func randomBelow(random *rand.Rand) string {
	name := randomDeep(random, 9) + origin
	prefixes := []string{"", "", "", ownerLabel + ".", ownerLabel + ".", ownerLabel + ".", ownerLabel + ".", ownerLabel + ".x.", "*.", "x.", ownerLabel + ".*.", "a.*.", "x." + ownerLabel + ".", `a\.b.`, `\000.`, `\255.`, `-._.`}
	name = prefixes[random.IntN(len(prefixes))] + name
	if random.IntN(8) == 0 { // around the longest owner there is
		for room := 230 + random.IntN(25) - len(name); room > 1; room = 230 + random.IntN(25) - len(name) {
			name = strings.Repeat("l", min(room-1, 63)) + "." + name
		}
		if random.IntN(2) == 0 && len(name)+len(ownerLabel)+2 <= 255 {
			name = ownerLabel + "." + name
		}
	}
	return name
}

// Random grants of subtrees among others, stops, and random names: each answer is
// what the rules say, validates in a second implementation, and no NSEC record
// denies a name or a type that the rules have exist.
func TestSubtreesFollowTheRules(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	seen := map[string]int{}
	for range 200 {
		d, r := randomSubtrees(random)
		p := picture{a: compact(t), d: d, keys: newKeys(t, dns.ED25519), v: validator.New(), at: noon}
		if random.IntN(2) == 0 {
			p.at = noon.Add(2 * time.Hour) // past grace
		}
		s, old := d.Snapshot(1, noon), random.IntN(4) == 0
		if old {
			s.Listed["accounts/web"] = p.at.Add(-73 * time.Hour)
		}
		p.a.Update(policy.Compile(nil, s, policy.Brakes{}), p.keys)
		keys := p.dnskey(t)
		names, proofs := map[string][]uint16{origin: {dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}}, []*dns.NSEC{}
		for range 80 {
			q := randomQuestion(random)
			if q.Name, q.DO = randomBelow(random), true; random.IntN(8) == 0 {
				listed := slices.Sorted(maps.Keys(r.granted))
				q.Name = ownerLabel + "." + listed[random.IntN(len(listed))] + "."
			}
			if _, ok := dns.IsDomainName(q.Name); !ok || len(q.Name) > 254 || q.Name == origin {
				continue
			}
			want, resp := r.standingOf(q.Name), p.a.Answer(q, p.at)
			if old {
				want = r.whileUnlisted(q.Name, want)
			}
			r.notice(seen, q, want, p.at)
			checkStanding(t, q, resp, want)
			if want != unvouched {
				p.validate(t, q, resp, keys)
			}
			proofs = append(proofs, nsecs(resp)...)
			want.note(names, q.Name)
		}
		for _, n := range proofs {
			contradicts(t, n, names, p.at)
		}
	}
	for what, least := range map[string]int{
		"missing": 500, "bare": 500, "unvouched": 500, "synthesised": 150, "synthesised past grace": 50, "synthesised CAA or CDS": 20,
		"listed in two subtrees": 30, "stopped empty non-terminal": 50, "owner of 250 octets or more": 20,
	} {
		if seen[what] < least {
			t.Errorf("Expected %d questions of the kind %s at least, got %d: that shows little", least, what, seen[what])
		}
	}
}

// notice counts a question among those of its kinds.
func (r rules) notice(seen map[string]int, q answer.Query, s standing, at time.Time) {
	fqdn, owner := strings.CutPrefix(strings.TrimSuffix(q.Name, "."), ownerLabel+".")
	_, own := r.granted[fqdn]
	synthesised := s == recorded && !own
	for what, is := range map[string]bool{
		"missing":                     s == missing,
		"bare":                        s == bare,
		"unvouched":                   s == unvouched,
		"synthesised":                 synthesised,
		"synthesised past grace":      synthesised && at.After(noon),
		"synthesised CAA or CDS":      synthesised && (q.Type == dns.TypeCAA || q.Type == dns.TypeCDS || q.Type == dns.TypeCDNSKEY),
		"listed in two subtrees":      owner && own && r.nested(fqdn),
		"stopped empty non-terminal":  !owner && s == bare && r.stopped(fqdn),
		"owner of 250 octets or more": owner && len(q.Name) >= 249,
	} {
		if is {
			seen[what]++
		}
	}
}

// FuzzNamesOfSubtrees asks for any name on the wire below any grants: the answer is
// what the rules say.
func FuzzNamesOfSubtrees(f *testing.F) {
	keys := newKeys(f, dns.ED25519)
	for seed, name := range []string{"a.b.", ownerLabel + ".a.b.", "*.a.", `a\.b.a.`, ownerLabel + ".a." + ownerLabel + ".b.", `\255.b.`, ownerLabel + ".A."} {
		wire := make([]byte, 256)
		n, err := dns.PackDomainName(name+origin, wire, 0, nil, false)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(seed), wire[:n])
	}
	f.Fuzz(func(t *testing.T, seed uint64, wire []byte) {
		name, _, err := dns.UnpackDomainName(wire, 0)
		name = dns.CanonicalName(name)
		if err != nil || name == origin || !dns.IsSubDomain(origin, name) {
			return
		}
		d, r := randomSubtrees(rand.New(rand.NewPCG(seed, 15)))
		a := compact(t)
		a.Update(book(d, noon), keys)
		q := ask(name, dns.TypeTXT)
		checkStanding(t, q, a.Answer(q, noon), r.standingOf(name))
	})
}

// checkStanding holds an answer against what the rules say of its name.
func checkStanding(t *testing.T, q answer.Query, r answer.Response, want standing) {
	t.Helper()
	checkKind(t, q, r, want)
	if want == recorded && q.Type == dns.TypeTXT {
		checkBound(t, q.Name, r.Answer)
	}
}

func checkKind(t *testing.T, q answer.Query, r answer.Response, want standing) {
	t.Helper()
	proof := q.Type == dns.TypeNSEC || q.Type == dns.TypeRRSIG || q.Type == dns.TypeANY
	ok := false
	switch want {
	case recorded:
		positive := q.Type == dns.TypeTXT || q.Type == dns.TypeANY || q.Type == dns.TypeRRSIG
		ok = positive == (r.Outcome == answer.Record) && (positive || r.Outcome == answer.NoData || proof && r.Outcome == answer.Denial)
	case bare:
		ok = r.Outcome == answer.NoData || proof && r.Outcome == answer.Denial
	case missing:
		ok = r.Outcome == answer.NXDomain || proof && r.Outcome == answer.Denial
	case unvouched:
		ok = r.Outcome == answer.Stale
	}
	if !ok {
		t.Errorf("%+v: the rules say %d, and the answer is %+v", q, want, r)
	}
}

// checkBound checks that the hashed URI is that of this very name, by the formula
// of draft-ietf-acme-dns-persist-02 section 4.1.
func checkBound(t *testing.T, owner string, rrs []dns.RR) {
	t.Helper()
	fqdn := strings.TrimSuffix(strings.TrimPrefix(owner, ownerLabel+"."), ".")
	sum := sha256.Sum256([]byte(string(rune(len(fqdn))) + fqdn + policytest.Thumbprint + policytest.AccountURI))
	if len(fqdn) > 127 { // one octet, not UTF-8
		sum = sha256.Sum256(append([]byte{byte(len(fqdn))}, []byte(fqdn+policytest.Thumbprint+policytest.AccountURI)...))
	}
	want := "https://ca.example/account-hash/sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
	found := slices.ContainsFunc(rrs, func(rr dns.RR) bool {
		txt, ok := rr.(*dns.TXT)
		return ok && strings.Contains(strings.Join(txt.Txt, ""), "accounturi="+want+";")
	})
	if !found {
		t.Errorf("%s: expected the hash %s, got %v", owner, want, rrs)
	}
}

// What was synthesised from one book is not served from the next where that says
// something else, whatever has changed.
func TestSynthesisedAnswersDoNotOutliveTheirBook(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	a, keys := compact(t), newKeys(t, dns.ED25519)
	names := make([]string, 40)
	for i := range names {
		names[i] = ownerLabel + "." + randomDeep(random, 6) + origin
	}
	var b *policy.Book
	for version := 1; version < 60; version++ {
		d, r := randomSubtrees(random)
		b = policy.Compile(b, d.Snapshot(version, noon), policy.Brakes{})
		a.Update(b, keys)
		for _, name := range names {
			for range 2 { // the second time from memory
				if checkStanding(t, ask(name, dns.TypeTXT), a.Answer(ask(name, dns.TypeTXT), noon), r.standingOf(name)); t.Failed() {
					t.Fatalf("with version %d: %v", version, d)
				}
			}
		}
	}
}

func subtree(t *testing.T, budget float64) *answer.Authority {
	t.Helper()
	a := answer.New(newZone(t, origin, false), budget)
	d := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}, "own.dev.example.com": {}}`)
	a.Update(book(d, noon), newKeys(t, dns.ED25519))
	return a
}

// Whatever a query for a name of a subtree may cost comes out of the budget, and
// nothing that a listed name needs does.
func TestNamesOfSubtreesCostTheBudgetAndListedOnesDoNot(t *testing.T) {
	a := subtree(t, 2)
	limited := 0
	for i := range 20 {
		for _, q := range []answer.Query{
			ask(fmt.Sprintf("_validation-persist.n%d.dev.example.com.", i), dns.TypeTXT),
			ask(fmt.Sprintf("_validation-persist.n%d.dev.example.com.", i), dns.TypeA),
			ask(fmt.Sprintf("n%d.dev.example.com.", i), dns.TypeTXT),
		} {
			if a.Answer(q, noon).Outcome == answer.Limited {
				limited++
			}
		}
	}
	if limited != 58 {
		t.Errorf("Expected 2 signatures and 58 times none, got %d times none", limited)
	}
	for _, q := range []answer.Query{
		ask("_validation-persist.dev.example.com.", dns.TypeTXT), ask("_validation-persist.own.dev.example.com.", dns.TypeTXT),
		ask("dev.example.com.", dns.TypeA), ask("own.dev.example.com.", dns.TypeA),
	} {
		if r := a.Answer(q, noon); r.Outcome != answer.Record && r.Outcome != answer.NoData {
			t.Errorf("%s: expected an answer, got %+v", q.Name, r)
		}
	}
	plain := answer.Query{Name: "_validation-persist.n19.dev.example.com.", Type: dns.TypeTXT}
	if r := a.Answer(plain, noon); r.Outcome != answer.Record || len(r.Answer) != 1 {
		t.Errorf("Expected an answer without signatures to cost none, got %+v", r)
	}
	plain.DO, plain.Stream = true, true
	if r := a.Answer(plain, noon); r.Outcome != answer.Record || len(r.Answer) != 2 {
		t.Errorf("Expected the reserve of streams to be left, got %+v", r)
	}
}

// A name of which a listing no longer vouches may have a grant of its own by now.
func TestNamesOfSubtreesAreStaleWithTheListing(t *testing.T) {
	a := answer.New(newZone(t, origin, false), 1000)
	s := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`).Snapshot(1, noon)
	s.Listed["accounts/web"] = noon.Add(-73 * time.Hour)
	a.Update(policy.Compile(nil, s, policy.Brakes{}), newKeys(t, dns.ED25519))
	if r := a.Answer(ask("_validation-persist.x.dev.example.com.", dns.TypeTXT), noon); r.Outcome != answer.Stale || r.EDE == nil {
		t.Errorf("Expected SERVFAIL with a reason, got %+v", r)
	}
	if r := a.Answer(ask("_validation-persist.dev.example.com.", dns.TypeTXT), noon); r.Outcome != answer.Record {
		t.Errorf("Expected the listed name to be served, got %+v", r)
	}
}

// A zone delegated for one name of a subtree has that name's record at its apex,
// and a new book counts there at once.
func TestApexInASubtree(t *testing.T) {
	const apex = "_validation-persist.x.dev.example.com."
	a := answer.New(newZone(t, apex, false), 0.001)
	keys := newKeys(t, dns.ED25519)
	for i, want := range []answer.Outcome{answer.Record, answer.NoData, answer.Record} {
		d := policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true, "enabled": ` + fmt.Sprint(i != 1) + `}}`)
		a.Update(book(d, noon), keys)
		if r := a.Answer(ask(apex, dns.TypeTXT), noon); r.Outcome != want {
			t.Errorf("Book %d: expected %s, got %+v", i, want, r)
		}
	}
	if r := a.Answer(ask(apex, dns.TypeSOA), noon); r.Outcome != answer.Apex {
		t.Errorf("Expected the SOA RRset, got %+v", r)
	}
}

// Where another plugin serves the zone, names of subtrees are ours and exist as
// granted ones do.
func TestOverlayClaimsNamesOfSubtrees(t *testing.T) {
	a := answer.NewUnsigned(newZone(t, origin, true))
	a.Update(book(policytest.Standard().Account(`"domains": {"dev.example.com": {"subtree": true}}`), noon), nil)
	for name, want := range map[string]answer.Claim{
		"_validation-persist.a.b.dev.example.com.": answer.Ours,
		"a.b.dev.example.com.":                     answer.Exists,
		"b.example.com.":                           answer.Theirs,
		"_validation-persist.b.example.com.":       answer.Theirs,
		"*.dev.example.com.":                       answer.Theirs,
	} {
		r, claim := a.Overlay(ask(name, dns.TypeTXT), noon)
		if claim != want || want == answer.Ours && r.Outcome != answer.Record {
			t.Errorf("%s: expected claim %d, got %d with %+v", name, want, claim, r)
		}
	}
}
