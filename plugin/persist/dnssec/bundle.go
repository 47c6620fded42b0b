package dnssec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// bundle is the DNSKEY, CDS and CDNSKEY RRsets of a zone with their signatures,
// as they are served in a window of time. It is made where the key signing key
// is, and read where that is not.
type bundle struct {
	span
	sets map[uint16]signedSet // by type; no member for an empty RRset
}

// signedSet is an RRset and its signatures.
type signedSet struct{ rrset, sigs []dns.RR }

// records returns all records, each RRset followed by its signatures.
func (b *bundle) records() []dns.RR {
	var all []dns.RR
	for _, t := range keyTypes {
		all = append(append(all, b.sets[t].rrset...), b.sets[t].sigs...)
	}
	return all
}

// add sorts a record into its RRset.
func (b *bundle) add(rr dns.RR) error {
	covers := rr.Header().Rrtype
	sig, isSig := rr.(*dns.RRSIG)
	if isSig {
		covers = sig.TypeCovered
	}
	if !slices.Contains(keyTypes, covers) {
		return fmt.Errorf("%s has no place in a bundle", describe(rr))
	}
	s := b.sets[covers]
	if isSig {
		s.sigs = append(s.sigs, rr)
	} else {
		s.rrset = append(s.rrset, rr)
	}
	b.sets[covers] = s
	return nil
}

// parseBundle reads records in presentation form (RFC 1035 section 5.1).
func parseBundle(w span, lines []string) (*bundle, error) {
	b := &bundle{span: w, sets: map[uint16]signedSet{}}
	for i, line := range lines {
		rr, err := dns.NewRR(line)
		if err == nil && rr == nil {
			err = errors.New("it is empty")
		}
		if err == nil {
			err = b.add(rr)
		}
		if err != nil {
			return nil, fmt.Errorf("records[%d]: %w", i, err)
		}
	}
	return b, nil
}

// lines writes the records in presentation form.
func (b *bundle) lines() []string {
	records := b.records()
	lines := make([]string, len(records))
	for i, rr := range records {
		lines[i] = strings.ReplaceAll(rr.String(), "\t", " ")
	}
	return lines
}

// bundleWindow returns the window of the bundle that contains the instant at.
// Windows begin on the same second wherever they are computed: at most half the
// validity of signatures apart, and wherever an RRset of keys or who signs it
// changes.
func (k *KeySet) bundleWindow(origin string, at time.Time) span {
	grid := windowOf(origin, dns.TypeDNSKEY, k.keyValidity, at)
	w := span{grid.from, k.unchanged(origin, grid.from, grid.until)}
	for !at.Before(w.until) {
		w = span{w.until, k.unchanged(origin, w.until, grid.until)}
	}
	return w
}

// unchanged returns the instant up to which the RRsets of keys and their
// signers stay what they are at the instant at, most at the latest.
func (k *KeySet) unchanged(origin string, at, most time.Time) time.Time {
	_, dnskey := k.DNSKEY(origin, at)
	_, _, cds := k.CDS(origin, at)
	_, signed := k.signers(dns.TypeDNSKEY, span{at, most}, at)
	return earlier(earlier(dnskey, cds), signed.until)
}

// keySets returns the RRsets of keys at the instant at, without those that are
// empty.
func (k *KeySet) keySets(origin string, at time.Time) map[uint16][]dns.RR {
	sets := map[uint16][]dns.RR{}
	sets[dns.TypeDNSKEY], _ = k.DNSKEY(origin, at)
	if cds, cdnskey, _ := k.CDS(origin, at); len(cds) > 0 {
		sets[dns.TypeCDS], sets[dns.TypeCDNSKEY] = cds, cdnskey
	}
	return sets
}

// bundleTerms are the times of the signatures in a bundle, which are as for
// other signatures: valid from an hour before the window on, and at its end for
// the TTL and 12 hours more.
func (k *KeySet) bundleTerms(w span) terms {
	inception := w.from.Add(-backdate)
	return terms{inception: inception, expiration: inception.Add(k.keyValidity), served: w}
}
