package dnssec

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Prove reports why answers signed with k would not validate, at the instant at
// or at any of the next changes in the lives of its keys. It signs an RRset of
// data and those of the keys as of then, and verifies them against the DNSKEY
// RRset that is published then, by Verify. Whoever takes a key document over
// proves it before.
func (k *KeySet) Prove(origin string, at time.Time) error {
	for _, then := range k.instants(at) {
		if err := k.proveAt(origin, then); err != nil {
			return fmt.Errorf("at %s: %w", then.UTC().Format(time.RFC3339), err)
		}
	}
	return nil
}

// instants returns at, and the next changes in the lives of all keys: those that
// follow it, those that follow them, and those after. After each of them comes
// the first instant at which no window is older.
func (k *KeySet) instants(at time.Time) []time.Time {
	all := []time.Time{at}
	reached := all
	for range 3 { // a key that waits is published, then active
		var next []time.Time
		for _, then := range reached {
			for _, s := range k.Status(then) {
				if !s.When.IsZero() && !slices.ContainsFunc(all, s.When.Equal) {
					next, all = append(next, s.When), append(all, s.When)
				}
			}
		}
		reached = next
	}
	for _, then := range slices.Clone(all) {
		all = append(all, then.Add(k.window()))
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// errUnbundled means that keys are not signed at an instant, or not yet.
var errUnbundled = errors.New("run persistctl keys sign")

// proveAt proves what is served at an instant. RRsets that no bundle covers are
// not: they are answered SERVFAIL.
func (k *KeySet) proveAt(origin string, at time.Time) error {
	keys, _ := k.DNSKEY(origin, at)
	cds, cdnskey, _ := k.CDS(origin, at)
	data := &dns.TXT{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: MaxTTL}, Txt: []string{"proof"}}
	for _, rrset := range [][]dns.RR{keys, cds, cdnskey, {data}} {
		if len(rrset) == 0 {
			continue
		}
		s, err := k.Sign(rrset, origin, at, time.Time{})
		if err == nil {
			err = Verify(rrset, s.RRSIG, keys, at)
		}
		if err != nil && !errors.Is(err, errUnbundled) {
			return err
		}
	}
	return nil
}
