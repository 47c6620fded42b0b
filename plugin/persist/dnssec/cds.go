package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// CDS returns the CDS and the CDNSKEY RRset at origin as of the instant at,
// and the next instant at which they are others. They say what the parent's DS
// RRset shall be (RFC 7344): the SHA-256 digest of the key signing key that is
// the newest of those that sign and whose time has come, or nothing where the
// zone goes insecure. There are none while there is no such key.
func (k *KeySet) CDS(origin string, at time.Time) (cds, cdnskey []dns.RR, changes time.Time) {
	current, changes := k.submitted(at)
	if k.GoesInsecure(at) {
		return []dns.RR{deleteCDS(origin, k.ttl)}, []dns.RR{deleteCDNSKEY(origin, k.ttl)}, changes
	}
	changes = nextEdge(changes, at, k.insecure)
	if current == nil {
		return nil, nil, changes
	}
	key := current.dnskey(origin, k.ttl)
	return []dns.RR{key.ToDS(dns.SHA256).ToCDS()}, []dns.RR{key.ToCDNSKEY()}, changes
}

// HasCDS reports whether there are CDS and CDNSKEY RRsets at the instant at.
func (k *KeySet) HasCDS(at time.Time) bool {
	current, _ := k.submitted(at)
	return current != nil || k.GoesInsecure(at)
}

// GoesInsecure reports whether parents are asked to remove their DS RRset.
func (k *KeySet) GoesInsecure(at time.Time) bool {
	return !k.insecure.IsZero() && !at.Before(k.insecure)
}

// EntryPoint returns the key signing key whose DS record the parent of origin
// shall have as of the instant at, nil if there is none. While the zone goes
// insecure it is the one that the parent had.
func (k *KeySet) EntryPoint(origin string, at time.Time) *dns.DNSKEY {
	current, _ := k.submitted(at)
	if current == nil {
		return nil
	}
	return current.dnskey(origin, k.ttl)
}

// deleteCDS asks the parent to remove its DS RRset (RFC 8078 section 4).
func deleteCDS(origin string, ttl uint32) *dns.CDS {
	h := dns.RR_Header{Name: origin, Rrtype: dns.TypeCDS, Class: dns.ClassINET, Ttl: ttl}
	return &dns.CDS{DS: dns.DS{Hdr: h, Digest: "00"}}
}

// deleteCDNSKEY says the same.
func deleteCDNSKEY(origin string, ttl uint32) *dns.CDNSKEY {
	h := dns.RR_Header{Name: origin, Rrtype: dns.TypeCDNSKEY, Class: dns.ClassINET, Ttl: ttl}
	return &dns.CDNSKEY{DNSKEY: dns.DNSKEY{Hdr: h, Protocol: 3, PublicKey: "AA=="}}
}

// submitted returns the key that the parent shall point to, nil if there is
// none, and the next instant at which it may be another one.
func (k *KeySet) submitted(at time.Time) (current *ksk, changes time.Time) {
	changes = at.Add(k.keyValidity)
	for _, s := range k.ksks {
		changes = nextEdge(changes, at, s.submit, s.withdraw, s.retire)
		due := s.signs(at) && during(at, s.submit, s.withdraw)
		if due && (current == nil || !s.submit.Before(current.submit)) {
			current = s
		}
	}
	return current, changes
}
