package validator

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"
)

// message returns what sig is a signature of, if it covers records whose owner
// has the wire form owner: RRSIG_RDATA | RR(1) | RR(2) … (RFC 4034 section
// 3.1.8.1).
func message(sig *dns.RRSIG, owner []byte, records []dns.RR) ([]byte, error) {
	signer, err := packed(sig.SignerName)
	if err != nil {
		return nil, err
	}
	m := make([]byte, 0, 512)
	m = binary.BigEndian.AppendUint16(m, sig.TypeCovered)
	m = append(m, sig.Algorithm, sig.Labels)
	m = binary.BigEndian.AppendUint32(m, sig.OrigTtl)
	m = binary.BigEndian.AppendUint32(m, sig.Expiration)
	m = binary.BigEndian.AppendUint32(m, sig.Inception)
	m = binary.BigEndian.AppendUint16(m, sig.KeyTag)
	m = append(m, signer...)
	all, err := sortedRdata(records)
	if err != nil {
		return nil, err
	}
	for _, rdata := range all {
		m = append(m, owner...)
		m = binary.BigEndian.AppendUint16(m, records[0].Header().Rrtype)
		m = binary.BigEndian.AppendUint16(m, records[0].Header().Class)
		m = binary.BigEndian.AppendUint32(m, sig.OrigTtl)
		m = binary.BigEndian.AppendUint16(m, uint16(len(rdata))) // #nosec G115 -- as it was packed
		m = append(m, rdata...)
	}
	return m, nil
}

// sortedRdata returns the canonical RDATA of an RRset in canonical order,
// without duplicates (RFC 4034 section 6.3).
func sortedRdata(records []dns.RR) ([][]byte, error) {
	all := make([][]byte, 0, len(records))
	for _, rr := range records {
		rdata, err := rdata(rr)
		if err != nil {
			return nil, err
		}
		all = append(all, rdata)
	}
	slices.SortFunc(all, bytes.Compare)
	return slices.CompactFunc(all, bytes.Equal), nil
}

// rdata returns the canonical RDATA of one record.
func rdata(rr dns.RR) ([]byte, error) {
	rr = dns.Copy(rr) // packing writes to it
	for _, field := range embedded(rr) {
		wire, err := packed(*field)
		if err != nil {
			return nil, err
		}
		*field, _, _ = dns.UnpackDomainName(wire, 0)
	}
	rr.Header().Name = "." // one octet, so that the RDATA begins at 11
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	return wire[11:end], nil
}

// embedded returns the names in the RDATA of rr that are in lower case in
// canonical form: those of the types in RFC 4034 section 6.2, without NSEC
// (RFC 6840 section 5.1). RRSIG is not signed, and the obsolete A6, NXT and SIG
// are not known here.
func embedded(rr dns.RR) []*string {
	switch rr := rr.(type) {
	case *dns.NS:
		return []*string{&rr.Ns}
	case *dns.MD:
		return []*string{&rr.Md}
	case *dns.MF:
		return []*string{&rr.Mf}
	case *dns.CNAME:
		return []*string{&rr.Target}
	case *dns.SOA:
		return []*string{&rr.Ns, &rr.Mbox}
	case *dns.MB:
		return []*string{&rr.Mb}
	case *dns.MG:
		return []*string{&rr.Mg}
	case *dns.MR:
		return []*string{&rr.Mr}
	case *dns.PTR:
		return []*string{&rr.Ptr}
	case *dns.MINFO:
		return []*string{&rr.Rmail, &rr.Email}
	case *dns.MX:
		return []*string{&rr.Mx}
	case *dns.RP:
		return []*string{&rr.Mbox, &rr.Txt}
	case *dns.AFSDB:
		return []*string{&rr.Hostname}
	case *dns.RT:
		return []*string{&rr.Host}
	case *dns.PX:
		return []*string{&rr.Map822, &rr.Mapx400}
	case *dns.NAPTR:
		return []*string{&rr.Replacement}
	case *dns.KX:
		return []*string{&rr.Exchanger}
	case *dns.SRV:
		return []*string{&rr.Target}
	case *dns.DNAME:
		return []*string{&rr.Target}
	}
	return nil
}
