package dnssec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// canonical is an RRset in canonical form (RFC 4034 section 6).
type canonical struct {
	owner  []byte // wire form, lower case
	rrtype uint16
	class  uint16
	ttl    uint32
	rdata  [][]byte // sorted, without duplicates
}

// canonicalize returns the canonical form of rrset. The error says what keeps
// the records from being one RRset (RFC 2181 section 5).
func canonicalize(rrset []dns.RR) (*canonical, error) {
	if len(rrset) == 0 {
		return nil, errors.New("an RRset without records cannot be signed")
	}
	var c *canonical
	for _, rr := range rrset {
		one, err := canonicalRR(rr)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", describe(rr), err)
		case c == nil:
			c = one
		case !c.alike(one):
			return nil, fmt.Errorf("%s and %s differ in owner, class, type or TTL and are no RRset", describe(rrset[0]), describe(rr))
		default:
			c.rdata = append(c.rdata, one.rdata...)
		}
	}
	slices.SortFunc(c.rdata, bytes.Compare)
	c.rdata = slices.CompactFunc(c.rdata, bytes.Equal)
	return c, nil
}

// describe names a record without its data.
func describe(rr dns.RR) string {
	return rr.Header().Name + " " + dns.Type(rr.Header().Rrtype).String()
}

func (c *canonical) alike(d *canonical) bool {
	return bytes.Equal(c.owner, d.owner) && c.rrtype == d.rrtype && c.class == d.class && c.ttl == d.ttl
}

func canonicalRR(rr dns.RR) (*canonical, error) {
	wire := make([]byte, dns.Len(rr)+1)
	// PackRR writes to the record, which may be shared.
	end, err := dns.PackRR(dns.Copy(rr), wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	h := rr.Header()
	off := lowerName(wire, 0)
	c := &canonical{owner: wire[:off:off], rrtype: h.Rrtype, class: h.Class, ttl: h.Ttl}
	rdata := wire[off+fixedHeader : end]
	lowerRdata(h.Rrtype, rdata)
	c.rdata = [][]byte{rdata}
	return c, nil
}

// fixedHeader is the length of type, class, TTL and RDLENGTH.
const fixedHeader = 10

// lowerName turns the uncompressed name at off into lower case and returns the
// offset behind it.
func lowerName(wire []byte, off int) int {
	for wire[off] != 0 {
		end := off + 1 + int(wire[off])
		for i := off + 1; i < end; i++ {
			if 'A' <= wire[i] && wire[i] <= 'Z' {
				wire[i] += 'a' - 'A'
			}
		}
		off = end
	}
	return off + 1
}

// embedded says where in the RDATA of a type its names are: count of them
// behind skip octets.
type embedded struct{ skip, count int }

// lowered are the types whose RDATA has names in lower case in canonical form
// (RFC 4034 section 6.2, without the next name of NSEC as of RFC 6840 section
// 5.1). Types that are obsolete or never signed here are left out; for others
// names in RDATA keep their case.
var lowered = map[uint16]embedded{
	dns.TypeNS:    {0, 1},
	dns.TypeCNAME: {0, 1},
	dns.TypeSOA:   {0, 2},
	dns.TypePTR:   {0, 1},
	dns.TypeMX:    {2, 1},
	dns.TypeRP:    {0, 2},
	dns.TypeAFSDB: {2, 1},
	dns.TypeKX:    {2, 1},
	dns.TypeSRV:   {6, 1},
	dns.TypeDNAME: {0, 1},
}

func lowerRdata(rrtype uint16, rdata []byte) {
	names := lowered[rrtype]
	off := names.skip
	for range names.count {
		off = lowerName(rdata, off)
	}
}

// labels is the Labels field of a signature over c: the root and a leading
// lone asterisk do not count (RFC 4034 section 3.1.3).
func (c *canonical) labels() uint8 {
	var n uint8
	for off := 0; c.owner[off] != 0; off += 1 + int(c.owner[off]) {
		n++
	}
	if bytes.HasPrefix(c.owner, []byte("\x01*")) {
		n--
	}
	return n
}

// message returns what is signed for sig to cover c: the RDATA of sig without
// the signature, then the RRset (RFC 4034 section 3.1.8.1).
func (c *canonical) message(sig *dns.RRSIG) ([]byte, error) {
	var signer [maxName]byte
	end, err := dns.PackDomainName(dns.CanonicalName(sig.SignerName), signer[:], 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("signer %q: %w", sig.SignerName, err)
	}
	m := binary.BigEndian.AppendUint16(make([]byte, 0, 1024), sig.TypeCovered)
	m = append(m, sig.Algorithm, sig.Labels)
	m = binary.BigEndian.AppendUint32(m, sig.OrigTtl)
	m = binary.BigEndian.AppendUint32(m, sig.Expiration)
	m = binary.BigEndian.AppendUint32(m, sig.Inception)
	m = binary.BigEndian.AppendUint16(m, sig.KeyTag)
	m = append(m, signer[:end]...)
	for _, rdata := range c.rdata {
		m = append(m, c.owner...)
		m = binary.BigEndian.AppendUint16(m, c.rrtype)
		m = binary.BigEndian.AppendUint16(m, c.class)
		m = binary.BigEndian.AppendUint32(m, sig.OrigTtl)
		m = binary.BigEndian.AppendUint16(m, uint16(len(rdata))) // #nosec G115 -- as PackRR made it
		m = append(m, rdata...)
	}
	return m, nil
}
