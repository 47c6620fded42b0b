package zone

import (
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// Published is one record as served, with the grant it comes from.
type Published struct {
	Grant  *policy.Grant
	Record record.Record
	Text   string // the value of the TXT resource record
}

// Records is what a set of grants amounts to at an instant.
type Records struct {
	// Published is sorted by Text, without duplicates.
	Published []Published
	// Stale is set where no grant has been vouched for recently enough: what
	// is true of the name is not known, and neither data nor its absence may
	// be claimed.
	Stale bool
	// Held is set where this holds only as long as the book does, because
	// rotation waits for the store.
	Held bool
	// Ends is the first instant at which the records may differ.
	Ends time.Time
	// NotAfter is the earliest persistUntil where every record has one, else
	// zero: no signature need outlive it.
	NotAfter time.Time
}

// Records returns what grants amount to at the instant at of the book's clock
// (see [policy.Book.Clock]), by which the result goes too. Grants whose
// documents are stale are left out; if all are, the result is Stale.
func (z *Zone) Records(b *policy.Book, grants []*policy.Grant, at time.Time) Records {
	return z.records(b, grants, at, b.Confirmed)
}

// Foresee is [Zone.Records] for an instant that may lie ahead, if the store goes on
// to vouch for everything until then.
func (z *Zone) Foresee(b *policy.Book, grants []*policy.Grant, at time.Time) Records {
	return z.records(b, grants, at, func(*policy.Grant) time.Time { return at })
}

func (z *Zone) records(b *policy.Book, grants []*policy.Grant, at time.Time, confirmed func(*policy.Grant) time.Time) Records {
	r := Records{Stale: len(grants) > 0, Ends: at.Add(z.maxStale)}
	bounded := true
	for _, g := range grants {
		t := z.term(b, g, at, confirmed(g))
		r.Held = r.Held || t.Held
		if t.Stale {
			continue
		}
		r.Stale = false
		r.Ends = earlier(r.Ends, t.Ends)
		if !t.Served {
			continue
		}
		r.publish(g.Records(at), g, t.Until)
		bounded = bounded && !t.Until.IsZero()
		if r.NotAfter.IsZero() || t.Until.Before(r.NotAfter) {
			r.NotAfter = t.Until
		}
	}
	if !bounded {
		r.NotAfter = time.Time{}
	}
	r.sort()
	return r
}

// publish adds records of g. A record that does not render was refused by
// the policy already, so there is nothing to report here.
func (r *Records) publish(records []record.Record, g *policy.Grant, until time.Time) {
	for _, rec := range records {
		rec.Until = until
		if text, err := rec.Render(); err == nil {
			r.Published = append(r.Published, Published{Grant: g, Record: rec, Text: text})
		}
	}
}

// sort orders the records and drops those that say the same (RFC 2181 section 5).
func (r *Records) sort() {
	slices.SortStableFunc(r.Published, func(a, b Published) int { return strings.Compare(a.Text, b.Text) })
	r.Published = slices.CompactFunc(r.Published, func(a, b Published) bool { return a.Text == b.Text })
}

// TXT returns the TXT RRset of r at owner; it is empty where nothing is served.
func (z *Zone) TXT(owner string, r Records) []dns.RR {
	rrs := make([]dns.RR, 0, len(r.Published))
	for _, p := range r.Published {
		rrs = append(rrs, &dns.TXT{Hdr: header(owner, dns.TypeTXT, z.ttl), Txt: escape(record.CharacterStrings(p.Text))})
	}
	return rrs
}

// escape writes character-strings as miekg/dns holds them: in presentation
// form, where a backslash introduces an escape (RFC 1035 section 5.1).
func escape(strs []string) []string {
	for i, s := range strs {
		strs[i] = strings.ReplaceAll(s, `\`, `\\`)
	}
	return strs
}

// NS returns the NS RRset of the apex.
func (z *Zone) NS() []dns.RR {
	rrs := make([]dns.RR, 0, len(z.ns))
	for _, n := range z.ns {
		rrs = append(rrs, &dns.NS{Hdr: header(z.Origin, dns.TypeNS, NSTTL), Ns: n})
	}
	return rrs
}

// SOA returns the SOA resource record with the given serial.
func (z *Zone) SOA(serial uint32) []dns.RR {
	return []dns.RR{&dns.SOA{
		Hdr:     header(z.Origin, dns.TypeSOA, NegativeTTL),
		Ns:      z.ns[0],
		Mbox:    mailbox(z.ns[0]),
		Serial:  serial,
		Refresh: 7200,
		Retry:   1800,
		Expire:  86400,
		Minttl:  NegativeTTL,
	}}
}

// mailbox is the SOA's RNAME in a zone whose primary server is ns.
func mailbox(ns string) string { return "hostmaster." + ns }

func header(owner string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}
