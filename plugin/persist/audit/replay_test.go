package audit_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/google/go-cmp/cmp"
)

// history is a store, a stanza and a clock that change at random, and what was
// served at some instants by the zone package, which knows nothing of audits.
type history struct {
	t       *testing.T
	rand    *rand.Rand
	at      time.Time
	docs    policytest.Documents
	silent  map[string]time.Time // documents nobody vouches for since
	wrote   map[string]int       // versions
	book    *policy.Book
	zones   []*zone.Zone
	view    *audit.View
	ledger  *audit.Ledger
	lines   []string
	events  map[audit.Event]int
	reasons map[string]int
	proof   []proof
}

type proof struct {
	at     time.Time
	served map[string]map[record.FQDN][]string
}

var origins = []string{"example.com.", "example.org.", "_validation-persist.label.example.net."}

func newHistory(t *testing.T, seed uint64) *history {
	t.Helper()
	h := &history{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), at: policytest.Read.Add(time.Hour), silent: map[string]time.Time{}, wrote: map[string]int{}, events: map[audit.Event]int{}, reasons: map[string]int{},
		docs: policytest.Documents{
			"config":     `{"schema": 1}`,
			"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "account_hash_prefix": "https://ca.example/hash/", "forms": ["uri", "hash"], "wildcard": true, "allow_none": true}`,
			"teams/web":  `{"domains": ["example.com", "example.org", "label.example.net"], "issuers": ["ca"], "wildcard": true}`,
		},
	}
	h.ledger = audit.NewLedger(func(l audit.Line) {
		h.events[l.Event]++
		h.reasons[l.Reason]++
		text, err := json.Marshal(l) // as whoever reads the log has it
		if err != nil {
			t.Fatal(err)
		}
		h.lines = append(h.lines, string(text))
	})
	h.reload()
	for range 3 {
		h.write()
	}
	return h
}

// reload has another stanza take the place of the one before, as it may.
func (h *history) reload() {
	before := h.view
	h.zones = nil
	for _, origin := range origins {
		if before != nil && h.rand.IntN(8) == 0 {
			continue
		}
		z, err := zone.New(zone.Config{
			Origin: origin, NS: []string{"ns.example.edu"}, Chained: h.rand.IntN(3) == 0, TTL: uint32(60 + h.rand.IntN(2000)),
			Grace: time.Duration(1+h.rand.IntN(4)) * time.Hour, MaxStale: time.Duration(12+h.rand.IntN(60)) * time.Hour,
		})
		if err != nil {
			h.t.Fatal(err)
		}
		h.zones = append(h.zones, z)
	}
	zones := h.zones
	h.view = audit.NewView("store", zones, func(fqdn record.FQDN) *zone.Zone {
		for _, z := range zones {
			if _, ok := z.Owner(fqdn); ok {
				return z
			}
		}
		return nil
	}, nil)
	if before != nil {
		h.ledger.Take(h.view, h.book, h.at)
		h.ledger.Leave(before, h.at)
	}
}

// write changes a document.
func (h *history) write() {
	r := h.rand
	path := fmt.Sprintf("accounts/web/ca/%c", 'a'+rune(r.IntN(4)))
	h.wrote[path]++
	delete(h.silent, path)
	if r.IntN(8) == 0 {
		delete(h.docs, path)
		return
	}
	var domains []string
	for i := range 8 {
		if r.IntN(3) == 0 {
			continue
		}
		suffix := []string{"example.com", "example.org"}[i%2]
		domains = append(domains, fmt.Sprintf(`"n%d.%s": {%s}`, i, suffix, h.members()))
	}
	if r.IntN(2) == 0 {
		domains = append(domains, fmt.Sprintf(`"label.example.net": {%s}`, h.members()))
	}
	h.docs[path] = fmt.Sprintf(`{"account_uri": "https://ca.example/acct/%d", "thumbprints": [%q], %s"domains": {%s}}`, r.IntN(2), policytest.Thumbprint, h.overlap(), strings.Join(domains, ", "))
	if r.IntN(12) == 0 {
		h.docs[path] = "{"
	}
}

// overlap is a change of the account's key, form or URI, or none.
func (h *history) overlap() string {
	end := h.at.Add(time.Duration(h.rand.IntN(100)) * time.Hour).Truncate(24 * time.Hour).Format(time.RFC3339) // when others rotate too
	switch h.rand.IntN(6) {
	case 0:
		return fmt.Sprintf(`"overlap": {"until": %q, "thumbprints": ["NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"]}, `, end)
	case 1:
		return fmt.Sprintf(`"forms": ["uri"], "overlap": {"until": %q, "forms": ["hash"]}, `, end)
	case 2:
		return fmt.Sprintf(`"overlap": {"until": %q, "account_uri": "https://ca.example/acct/9"}, `, end)
	}
	return ""
}

func (h *history) members() string {
	r, list := h.rand, []string{}
	instant := func() string {
		return h.at.Add(time.Duration(r.IntN(200)+1) * time.Hour).Truncate(time.Second).Format(time.RFC3339)
	}
	switch r.IntN(8) {
	case 0:
		list = append(list, `"until": "`+instant()+`"`)
	case 1:
		list = append(list, `"until": "none"`)
	case 2:
		list = append(list, fmt.Sprintf(`"until": {"floor": "%dh", "step": "%dh"}`, 4+r.IntN(2)*20, 1+r.IntN(2)*23))
	}
	for member, odds := range map[string]int{`"wildcard": true`: 4, `"enabled": false`: 8, `"forms": ["hash"]`: 4, `"forms": ["uri", "hash"]`: 6, `"until_typo": 1`: 16} {
		if r.IntN(odds) == 0 && !strings.Contains(strings.Join(list, ""), member[:8]) {
			list = append(list, member)
		}
	}
	if r.IntN(5) == 0 {
		list = append(list, `"not_before": "`+instant()+`"`)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// step does something, and has the book that it leads to taken.
func (h *history) step() {
	r := h.rand
	h.at = h.at.Add(time.Duration(r.Int64N(int64([]time.Duration{time.Minute, time.Hour, 40 * time.Hour}[r.IntN(3)]))))
	switch r.IntN(9) {
	case 0, 1, 2:
		h.write()
	case 3:
		delete(h.docs, "control")
		if r.IntN(2) == 0 {
			h.docs["control"] = `{"stop": {"domain:n1.example.org": {}}}`
		}
		h.wrote["control"]++
	case 4:
		h.wrote["control"]++
		h.docs["control"] = fmt.Sprintf(`{"freeze_at": %q}`, h.at.Add(time.Duration(r.IntN(200)-100)*time.Hour).Format(time.RFC3339))
		if r.IntN(2) == 0 {
			h.docs["control"] = `{}`
		}
	case 5:
		for path := range h.docs {
			if r.IntN(3) == 0 {
				h.silent[path] = h.at
			}
		}
	case 6:
		clear(h.silent)
	case 7:
		h.reload()
	}
	h.take()
}

func (h *history) take() {
	h.book = policy.Compile(h.book, h.snapshot(), policy.Brakes{})
	h.ledger.Take(h.view, h.book, h.at)
}

func (h *history) snapshot() *store.Snapshot {
	s := h.docs.Snapshot(1, h.at)
	for i := range s.Documents {
		d := &s.Documents[i]
		d.Version = fmt.Sprint(1 + h.wrote[d.Path])
		d.Created = policytest.Written.Add(time.Duration(h.wrote[d.Path]) * time.Minute)
		if since, silent := h.silent[d.Path]; silent {
			d.Confirmed = since
		}
	}
	return s
}

// prove notes what is served, at a later instant than anything so far.
func (h *history) prove() {
	h.at = h.at.Add(time.Duration(h.rand.Int64N(int64(30 * time.Hour))))
	h.ledger.Advance(h.view, h.at)
	p := proof{h.book.Clock(h.at), map[string]map[record.FQDN][]string{}}
	for _, z := range h.zones {
		all := map[record.FQDN][]string{}
		for owner, grants := range z.Owners(h.book) {
			r := z.Records(h.book, grants, p.at)
			fqdn, _ := record.FromOwner(owner)
			for _, one := range r.Published {
				all[fqdn] = append(all[fqdn], one.Text)
			}
		}
		p.served[z.Origin] = all
	}
	h.proof = append(h.proof, p)
}

// What was served at any instant follows from the lines alone.
func TestLogTellsWhatWasServedAtAnyInstant(t *testing.T) {
	events, overlaps := map[audit.Event]int{}, 0
	for seed := range uint64(100) {
		h := newHistory(t, seed)
		h.take()
		for range 40 {
			h.prove()
			h.step()
		}
		h.prove()
		if !h.replay() {
			t.Fatalf("seed %d", seed)
		}
		for e, n := range h.events {
			events[e] += n
		}
		overlaps += h.reasons["overlap"]
	}
	for _, e := range []audit.Event{
		audit.Serving, audit.Left, audit.Added, audit.Removed, audit.Altered, audit.Begun, audit.Expired, audit.Rotated, audit.Stale, audit.Vouched,
		audit.Document, audit.Rejected, audit.Corrected, audit.Stopped, audit.Lifted, audit.Frozen, audit.Thawed,
	} {
		if events[e] == 0 {
			t.Errorf("No history had the event %s, so nothing is proven of it", e)
		}
	}
	if overlaps == 0 {
		t.Error("No history had an overlap that ended, so nothing is proven of it")
	}
}

func (h *history) replay() bool {
	var r audit.Replay
	next := 0
	for _, p := range h.proof {
		for ; next < len(h.lines); next++ {
			var l audit.Line
			if err := json.Unmarshal([]byte(h.lines[next]), &l); err != nil {
				h.t.Fatal(err)
			}
			if l.At.After(p.at) {
				break
			}
			r.Take(l)
		}
		for origin, want := range p.served {
			if diff := cmp.Diff(want, r.Served(origin)); diff != "" {
				h.t.Errorf("at %v in %s: (-served +told)\n%s\nlines so far:\n%s", p.at, origin, diff, strings.Join(h.lines[max(0, next-30):next], "\n"))
				return false
			}
		}
	}
	return true
}
