package answer_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// Whatever the policy, the instant, the age of the documents and the question:
// the answer validates in a second implementation, from the DS record on, as the
// kind of answer that it is, and no NSEC record denies a name or a type that is
// served at the same instant, nor one that may be granted by now.
func TestAnswersValidateAndNeverContradict(t *testing.T) {
	for _, row := range []struct {
		name  string
		empty bool // whether a granted name exists without records
		make  func(testing.TB) *answer.Authority
	}{{"compact", true, compact}, {"nsec", false, chained}, {"compact targets", true, compactTargets}, {"nsec targets", false, chainedTargets}} {
		for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
			t.Run(row.name+" "+dns.AlgorithmToString[algorithm], func(t *testing.T) {
				random := rand.New(rand.NewPCG(17, uint64(algorithm)))
				kinds := map[answer.Outcome]int{}
				for range 40 {
					p := picture{a: row.make(t), keys: newKeys(t, algorithm), v: validator.New(), empty: row.empty}
					p.d, p.claims = randomTeams(random, randomDocuments(random))
					for range 5 {
						p.take(t, random, kinds)
					}
				}
				for _, o := range []answer.Outcome{answer.Record, answer.Apex, answer.Denial, answer.NoData, answer.NXDomain, answer.Stale} {
					if kinds[o] < 10 {
						t.Errorf("Of %s there were %d answers only, which shows little", o, kinds[o])
					}
				}
			})
		}
	}
}

func compact(tb testing.TB) *answer.Authority {
	tb.Helper()
	return answer.New(newZone(tb, origin, false), 1e6)
}

func chained(tb testing.TB) *answer.Authority {
	tb.Helper()
	return answer.NewChained(newChainedZone(tb, origin), new(answer.Serial))
}

func compactTargets(tb testing.TB) *answer.Authority {
	tb.Helper()
	return answer.New(newTargets(tb, false), 1e6)
}

func chainedTargets(tb testing.TB) *answer.Authority {
	tb.Helper()
	return answer.NewChained(newTargets(tb, true), new(answer.Serial))
}

func newTargets(tb testing.TB, chained bool) *zone.Zone {
	tb.Helper()
	z, err := zone.New(zone.Config{Origin: origin, Targets: true, Chained: chained, NS: []string{"ns1.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// picture is a server at an instant.
type picture struct {
	a     *answer.Authority
	d     policytest.Documents
	keys  *dnssec.KeySet
	v     *validator.Validator
	empty bool
	at    time.Time

	claims claims
	old    map[string]bool // the teams whose accounts nobody has listed lately
}

// take asks the server at a random instant, with documents of a random age.
func (p *picture) take(t *testing.T, random *rand.Rand, kinds map[answer.Outcome]int) {
	t.Helper()
	p.at = noon.Add(time.Duration(random.Int64N(int64(400 * 24 * time.Hour))))
	confirmed := p.at
	if random.IntN(3) == 0 {
		confirmed = p.at.Add(-time.Duration(random.Int64N(int64(90 * time.Hour))))
	}
	p.old = map[string]bool{}
	for _, slug := range p.claims {
		p.old[slug] = random.IntN(6) == 0
	}
	b := p.book(confirmed)
	p.a.Update(b, p.keys)
	served, unlisted := p.served(b), p.unlisted(b, confirmed)
	keys := p.dnskey(t)
	for range 40 {
		q := randomQuestion(random)
		q.DO = true
		if p.a.Zone().Targets && random.IntN(4) > 0 { // near targets
			q.Name = strings.TrimPrefix(strings.TrimSuffix(q.Name, origin), "_validation-persist.") + []string{origin, "example.net."}[random.IntN(2)] + origin
		}
		r := p.a.Answer(q, p.at)
		kinds[r.Outcome]++
		if r.Outcome != answer.Stale && r.Outcome != answer.Refused {
			p.validate(t, q, r, keys)
		}
		for _, n := range nsecs(r) {
			contradicts(t, n, served, p.at)
		}
		p.checkUnlisted(t, q, r, unlisted)
	}
}

// book is what the server has read at an instant, but for the folders of some teams.
func (p *picture) book(confirmed time.Time) *policy.Book {
	s := p.d.Snapshot(1, confirmed)
	for slug, old := range p.old {
		if old {
			s.Listed["accounts/"+slug] = longAgo
		}
	}
	return policy.Compile(nil, s, policy.Brakes{})
}

// dnskey is the DNSKEY RRset, validated by the DS record of the parent.
func (p *picture) dnskey(t *testing.T) []*dns.DNSKEY {
	t.Helper()
	apex := p.a.Zone().Origin
	sets, _ := validator.Split(p.a.Answer(ask(apex, dns.TypeDNSKEY), p.at).Answer)
	if len(sets) != 1 {
		t.Fatalf("At %v: expected one DNSKEY RRset, got %v", p.at, sets)
	}
	keys, _, err := p.v.Keys(sets[0], apex, p.keys.DS(apex, p.at), p.at)
	if err != nil {
		t.Fatalf("At %v: %v", p.at, err)
	}
	return keys
}

func (p *picture) validate(t *testing.T, q answer.Query, r answer.Response, keys []*dns.DNSKEY) {
	t.Helper()
	verdict, err := p.v.Answer(validator.Answer{Name: q.Name, Type: q.Type, Rcode: r.Rcode, Answer: r.Answer, Authority: r.Authority}, p.a.Zone().Origin, keys, p.at)
	if err != nil {
		t.Fatalf("At %v: the answer to %+v is bogus: %v\n%+v", p.at, q, err, r)
	}
	want := map[answer.Outcome]validator.Kind{answer.NoData: validator.NoData, answer.NXDomain: validator.NoName}[r.Outcome]
	if verdict.Kind != want && !verdict.Unproven {
		t.Errorf("At %v: the answer to %+v is %s, and its proof of kind %d", p.at, q, r.Outcome, verdict.Kind)
	}
	for _, valid := range verdict.Valid {
		if ttl := valid.Signature.Hdr.Ttl; valid.TTL != ttl || valid.Expanded {
			t.Errorf("At %v: a validator keeps %v for %d s", p.at, valid.Signature, valid.TTL)
		}
	}
}

// served lists what is served now, as types by name: none for names that only
// exist. A name of which nobody has vouched lately exists, and has its type.
func (p *picture) served(b *policy.Book) map[string][]uint16 {
	served := map[string][]uint16{origin: {dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}}
	for g := range b.All() {
		owner, _ := p.a.Zone().Owner(g.FQDN)
		switch p.withoutProof(owner) {
		case answer.Record, answer.Stale:
			served[owner] = []uint16{dns.TypeTXT}
		default:
			if !p.empty {
				continue
			}
			served[owner] = nil
		}
		for off, end := dns.NextLabel(owner, 0); !end && owner[off:] != origin; off, end = dns.NextLabel(owner, off) {
			if _, ok := served[owner[off:]]; !ok {
				served[owner[off:]] = p.above(owner[off:])
			}
		}
	}
	return served
}

// above are the types at a name above an owner: none, but that of TXT where it may
// be granted by now, in a zone of targets.
func (p *picture) above(name string) []uint16 {
	if p.withoutProof(name) == answer.Stale {
		return []uint16{dns.TypeTXT}
	}
	return nil
}

// withoutProof is what is said of TXT records at a name, and what it is that nobody has
// vouched for: the name, and not all that a proof would deny with it.
func (p *picture) withoutProof(name string) answer.Outcome {
	return p.a.Answer(answer.Query{Name: name, Type: dns.TypeTXT}, p.at).Outcome
}

// contradicts checks that n denies nothing of what is served. A record that
// covers an empty non-terminal and leads to a name below it says that it exists.
func contradicts(t *testing.T, n *dns.NSEC, served map[string][]uint16, at time.Time) {
	t.Helper()
	for name, types := range served {
		empty := len(types) == 0 && dns.IsSubDomain(name, n.NextDomain)
		if validator.Covers(n, name) && !empty {
			t.Errorf("At %v: %v denies %s, which exists", at, n, name)
		}
		if n.Hdr.Name != name {
			continue
		}
		want := slices.Concat(types, []uint16{dns.TypeRRSIG, dns.TypeNSEC})
		slices.Sort(want)
		if !slices.Equal(n.TypeBitMap, want) {
			t.Errorf("At %v: %v, and what is served there is %v", at, n, want)
		}
	}
}
