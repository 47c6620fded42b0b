package dnssec

import (
	"bytes"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// DNSKEY returns the DNSKEY RRset at origin as of the instant at, in canonical
// order, and the next instant at which it is another one.
func (k *KeySet) DNSKEY(origin string, at time.Time) (rrs []dns.RR, changes time.Time) {
	keys, changes := k.zone.published(at)
	for _, s := range k.ksks {
		if s.published(at) {
			keys = append(keys, s.key)
		}
		changes = nextEdge(changes, at, s.publish, s.remove)
	}
	slices.SortFunc(keys, compareKeys)
	rrs = make([]dns.RR, len(keys))
	for i, key := range keys {
		rrs[i] = key.dnskey(origin, k.ttl)
	}
	return rrs, changes
}

// compareKeys orders keys of one algorithm by their RDATA.
func compareKeys(a, b *key) int {
	if a.record.Flags != b.record.Flags {
		return int(a.record.Flags) - int(b.record.Flags)
	}
	return bytes.Compare(a.public, b.public)
}

// DS returns the records that the zone's parent may have at the instant at: the
// SHA-256 digest (RFC 4509) of every key signing key that signs and that CDS
// names or has named, or never will; none while the zone goes insecure.
func (k *KeySet) DS(origin string, at time.Time) []*dns.DS {
	if k.GoesInsecure(at) {
		return nil
	}
	var ds []*dns.DS
	for _, s := range k.ksks {
		if s.signs(at) && s.offered(at) {
			ds = append(ds, s.dnskey(origin, k.ttl).ToDS(dns.SHA256))
		}
	}
	return ds
}
