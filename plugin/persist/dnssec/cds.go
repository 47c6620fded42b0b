package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// CDS returns the CDS and the CDNSKEY RRset at origin as of the instant at,
// and the next instant at which they are others. They say what the parent's DS
// RRset shall be (RFC 7344): the SHA-256 digest of the key signing key that is
// the newest of those that sign and whose time has come. There are none while
// there is no such key.
func (k *KeySet) CDS(origin string, at time.Time) (cds, cdnskey []dns.RR, changes time.Time) {
	current, changes := k.submitted(at)
	if current == nil {
		return nil, nil, changes
	}
	key := current.dnskey(origin, k.ttl)
	return []dns.RR{key.ToDS(dns.SHA256).ToCDS()}, []dns.RR{key.ToCDNSKEY()}, changes
}

// submitted returns the key that the parent shall point to, nil if there is
// none, and the next instant at which it may be another one.
func (k *KeySet) submitted(at time.Time) (current *ksk, changes time.Time) {
	changes = at.Add(k.keyValidity)
	for _, s := range k.ksks {
		for _, edge := range []time.Time{s.submit, s.retire} {
			if edge.After(at) {
				changes = earlier(changes, edge)
			}
		}
		due := s.signs(at) && !at.Before(s.submit)
		if due && (current == nil || !s.submit.Before(current.submit)) {
			current = s
		}
	}
	return current, changes
}
