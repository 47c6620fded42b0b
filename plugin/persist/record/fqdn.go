package record

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// FQDN is a name that a CA may validate, in normal form: lower-case A-labels,
// no trailing dot, no wildcard. Those of ParseFQDN are short enough to have an
// owner.
type FQDN string

// ParseFQDN returns the name s normalised (draft-ietf-acme-dns-persist-02
// section 9.2). A leading "*." stands for wildcard scope at the rest. An IP
// address, and a prefix that has one, is its reverse name (Baseline Requirements
// 3.2.2.5.8), and has no wildcard scope.
// The error says what to write instead, and shows 64 octets of s at most.
func ParseFQDN(s string) (name FQDN, wildcard bool, err error) {
	base, wildcard := strings.CutPrefix(s, "*.")
	if name, err = parseFQDN(base); err == nil && wildcard && name.IsReverse() {
		err = fmt.Errorf("asks for the wildcard of an IP address, of which there is none: write %s", base)
	}
	if err != nil {
		return "", false, fmt.Errorf("%s %w", quote(s), err)
	}
	return name, wildcard, nil
}

func parseFQDN(s string) (FQDN, error) {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return parseAddress(addr)
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return parsePrefix(p)
	}
	name, err := normalize(s)
	if err != nil {
		return "", err
	}
	return FQDN(name), FQDN(name).check()
}

// check checks a normalised name. Its errors continue a sentence that starts
// with the name. CAs take no underscores, but a CA of one's own may.
func (f FQDN) check() error {
	switch name := string(f); {
	case name == "":
		return errors.New("names no domain: write a name like example.com")
	case strings.Contains(name, "*"):
		return errors.New("has a * that is not the whole first label: write it like *.example.com")
	}
	if err := checkLabels(string(f), "_"); err != nil {
		return err
	}
	for label := range strings.SplitSeq(string(f), ".") {
		if label == Label || label == IPLabel {
			return fmt.Errorf("contains the label %s: write the name to be validated without it", label)
		}
	}
	if f.isNumeric() {
		return f.notNumeric()
	}
	return f.checkOwner()
}

// isNumeric reports whether the last label has digits only.
func (f FQDN) isNumeric() bool {
	last := f[strings.LastIndexByte(string(f), '.')+1:]
	return strings.Trim(string(last), "0123456789") == ""
}

// notNumeric says why f, which ends in a number, is no name.
func (f FQDN) notNumeric() error {
	const why = "ends in a number, as no domain name does (RFC 3696 section 2), and is no IP address"
	if addr, ok := f.meantAddress(); ok {
		return fmt.Errorf("%s: write %s", why, addr)
	}
	return errors.New(why)
}

// meantAddress returns the IPv4 address that f is but for zeros in front of its
// octets, unless some read one as octal, which is then another.
func (f FQDN) meantAddress() (netip.Addr, bool) {
	octets := strings.Split(string(f), ".")
	for i, written := range octets {
		octets[i] = strings.TrimLeft(written[:len(written)-1], "0") + written[len(written)-1:]
		if octets[i] != written && len(octets[i]) > 1 && !strings.ContainsAny(octets[i], "89") {
			return netip.Addr{}, false
		}
	}
	addr, err := netip.ParseAddr(strings.Join(octets, "."))
	return addr, err == nil && addr.Is4()
}

// mostOwner is how many characters an owner has at most, the last dot included:
// on the wire it has one octet more, and no more than 255.
const mostOwner = 255 - 1

// checkOwner checks that the owner name is not above 255 octets on the wire,
// which is one more than its characters (RFC 1035 section 3.1).
func (f FQDN) checkOwner() error {
	over := len(f.Owner()) - mostOwner
	if over <= 0 {
		return nil
	}
	return fmt.Errorf("has %d octets, and with %s in front it would exceed the 255 of a domain name (RFC 1035 section 2.3.4): write a name of %d octets at most",
		len(f), f.label(), len(f)-over)
}

// parseAddress returns the reverse name of an IP address.
func parseAddress(addr netip.Addr) (FQDN, error) {
	if addr.Zone() != "" {
		return "", fmt.Errorf("is an address on one link: write %s if that is meant", addr.WithZone(""))
	}
	addr = addr.Unmap()
	return reverse(netip.PrefixFrom(addr, addr.BitLen())), nil
}

// parsePrefix returns the reverse name of an IP prefix that has one.
func parsePrefix(p netip.Prefix) (FQDN, error) {
	if err := checkPrefix(p); err != nil {
		return "", err
	}
	names, err := ParsePrefix(p.String())
	switch {
	case err != nil:
		return "", err
	case len(names) > 1:
		return "", fmt.Errorf("stands for %d reverse names: write each of them, from %s to %s", len(names), names[0], names[len(names)-1])
	}
	return names[0], nil
}
