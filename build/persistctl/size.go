package main

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// octets is how large the signed answer at a name is. Over UDP it is sent up to
// the size Of.
type octets struct {
	Now    int       `json:"now"`
	Most   int       `json:"most"` // at any instant from now on
	MostAt time.Time `json:"most_at"`
	Of     int       `json:"of"`
}

// fits reports whether the answer is sent over UDP at any instant.
func (o octets) fits() bool { return o.Most <= o.Of }

func (o octets) String() string {
	text := fmt.Sprintf("%d of the %d octets that are sent over UDP", o.Now, o.Of)
	if o.Most > o.Now {
		text += fmt.Sprintf(", and %d at %s", o.Most, stamp(o.MostAt))
	}
	if !o.fits() {
		text += ", where resolvers must come back over TCP"
	}
	return text
}

// octets measures the answer at the name of grants from the instant at on. What an
// overlap adds is there until it ends, so there is most of it now, or when a grant
// begins.
func (s *stanza) octets(book *policy.Book, grants []*policy.Grant, at time.Time) octets {
	size := octets{MostAt: at, Of: answer.MaxUDP}
	size.Now = s.size(book, grants, at)
	size.Most = size.Now
	for _, g := range grants {
		if g.NotBefore.After(at) {
			if then := s.size(book, grants, g.NotBefore); then > size.Most {
				size.Most, size.MostAt = then, g.NotBefore
			}
		}
	}
	return size
}

// size is that of the signed answer at an instant, in the zone of the stanza, or
// where it names none in the one with the longest name; 0 where there is no record.
func (s *stanza) size(book *policy.Book, grants []*policy.Grant, at time.Time) int {
	z := s.around(grants[0])
	owner, _ := z.Owner(grants[0].FQDN)
	rrset := z.TXT(owner, z.Foresee(book, grants, book.Clock(at)))
	if len(rrset) == 0 {
		return 0
	}
	signer := z.Origin
	if s.zone != "" {
		signer = dns.Fqdn(s.zone)
	}
	return answer.Size(owner, append(rrset, asLargeAsASignature(rrset[0], signer)))
}

// asLargeAsASignature is as large as the RRSIG over the RRset of rr by any key that
// a key document may have: those of ECDSA P-256 and of Ed25519 have 64 octets (RFC
// 6605 section 4, RFC 8080 section 4).
func asLargeAsASignature(rr dns.RR, signer string) *dns.RRSIG {
	h := *rr.Header()
	h.Rrtype = dns.TypeRRSIG
	return &dns.RRSIG{Hdr: h, TypeCovered: rr.Header().Rrtype, SignerName: signer, Signature: base64.StdEncoding.EncodeToString(make([]byte, 64))}
}
