package record

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The zones in which IP addresses have names (RFC 1035 section 3.5, RFC 3596
// section 2.5), with a dot in front.
const (
	reverse4 = ".in-addr.arpa"
	reverse6 = ".ip6.arpa"
)

// IsReverse reports whether f stands for IP addresses: it lies under in-addr.arpa
// or ip6.arpa.
func (f FQDN) IsReverse() bool {
	return strings.HasSuffix(string(f), reverse4) || strings.HasSuffix(string(f), reverse6)
}

// IsAddress reports whether f is the reverse name of one IP address.
func (f FQDN) IsAddress() bool {
	p, ok := f.Prefix()
	return ok && p.IsSingleIP()
}

// Prefix returns the addresses that the reverse name f stands for, and false for
// every other name, a classless one (RFC 2317) included: 2.0.192.in-addr.arpa is
// 192.0.2.0/24. It does not allocate.
func (f FQDN) Prefix() (netip.Prefix, bool) {
	if rest, ok := strings.CutSuffix(string(f), reverse4); ok {
		var octets [4]byte
		n, ok := readReverse(rest, 10, octets[:])
		return netip.PrefixFrom(netip.AddrFrom4(octets), 8*n), ok
	}
	rest, ok := strings.CutSuffix(string(f), reverse6)
	var nibbles [32]byte
	n, isName := readReverse(rest, 16, nibbles[:])
	if !ok || !isName {
		return netip.Prefix{}, false
	}
	var octets [16]byte
	for i, nibble := range nibbles {
		octets[i/2] |= nibble << (4 * (1 - i%2))
	}
	return netip.PrefixFrom(netip.AddrFrom16(octets), 4*n), true
}

// Readable is f as people write it: an IP address (RFC 5952) or prefix in the place of
// a reverse name that stands for one.
func (f FQDN) Readable() string {
	p, ok := f.Prefix()
	switch {
	case !ok:
		return string(f)
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// FirstAddress returns the reverse name of the first of the addresses that f stands
// for, and f itself where it stands for none.
func (f FQDN) FirstAddress() FQDN {
	p, ok := f.Prefix()
	if !ok {
		return f
	}
	return reverse(netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
}

// readReverse reads the labels of a reverse name from the right: octets in
// base 10, nibbles in base 16.
func readReverse(labels string, base int, to []byte) (n int, ok bool) {
	for labels != "" && n < len(to) {
		i := strings.LastIndexByte(labels, '.')
		v, err := strconv.ParseUint(labels[i+1:], base, 8)
		if err != nil || !canonical(labels[i+1:], base) || i == 0 {
			return 0, false
		}
		to[n], n, labels = byte(v), n+1, labels[:max(i, 0)]
	}
	return n, n > 0 && labels == ""
}

// canonical reports whether a label is written as everybody writes it: nobody
// asks at other names.
func canonical(label string, base int) bool {
	const digits = "0123456789abcdef"
	if base == 16 && len(label) > 1 || len(label) > 1 && label[0] == '0' {
		return false
	}
	return strings.Trim(label, digits[:base]) == ""
}

// reverse returns the name of the addresses in p, which ends at an octet of an
// IPv4 address or at a nibble of an IPv6 one.
func reverse(p netip.Prefix) FQDN {
	octets := p.Addr().AsSlice()
	var b strings.Builder
	if p.Addr().Is4() {
		for i := p.Bits()/8 - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "%d.", octets[i])
		}
		return FQDN(b.String() + reverse4[1:])
	}
	for i := p.Bits()/4 - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "%x.", octets[i/2]>>(4*(1-i%2))&0xf)
	}
	return FQDN(b.String() + reverse6[1:])
}

// ParsePrefix returns the reverse names that stand for the addresses of the IP
// prefix s, like 192.0.2.0/24: one where it ends at an octet (IPv4) or a nibble
// (IPv6), else as many as there are up to the next, 128 or 8 at most. The error
// says what to write instead.
func ParsePrefix(s string) ([]FQDN, error) {
	p, err := netip.ParsePrefix(s)
	if err == nil {
		err = checkPrefix(p)
	} else {
		err = errors.New("is no IP prefix: write it like 192.0.2.0/24 or 2001:db8::/48")
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", quote(s), err)
	}
	step := 4
	if p.Addr().Is4() {
		step = 8
	}
	bits := (p.Bits() + step - 1) / step * step
	names := make([]FQDN, 1<<(bits-p.Bits()))
	octets := p.Addr().AsSlice()
	last, unit := (bits-1)/8, byte(1)<<((8-bits%8)%8)
	for i := range names {
		addr, _ := netip.AddrFromSlice(octets)
		names[i] = reverse(netip.PrefixFrom(addr, bits))
		octets[last] += unit
	}
	return names, nil
}

// checkPrefix checks that p says what is meant.
func checkPrefix(p netip.Prefix) error {
	switch {
	case p.Addr().Is4In6():
		return errors.New("is of IPv4 addresses in IPv6 form: write the IPv4 prefix")
	case p.Bits() == 0:
		return errors.New("is every address there is: write the prefixes that are yours")
	case p != p.Masked():
		return fmt.Errorf("is an address with the length of a prefix: write %s for the prefix, or %s for the address", p.Masked(), p.Addr())
	}
	return nil
}
