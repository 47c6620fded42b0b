package zone

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// PrefixOrigins returns the reverse names of s if it is written as an IP prefix,
// with a slash behind an address, and none if it is a name. As in documents,
// nothing is made of a prefix that says more or less than one.
func PrefixOrigins(s string) ([]string, error) {
	head, _, ok := strings.Cut(s, "/")
	if _, is := address(head); !ok || !is {
		return nil, notAddress(s)
	}
	names, err := record.ParsePrefix(s)
	if err != nil {
		return nil, fmt.Errorf("zone %w", err)
	}
	origins := make([]string, len(names))
	for i, n := range names {
		origins[i] = string(n) + "."
	}
	return origins, nil
}

// OriginName is Name for the origin of a zone, with errors that say whose it is.
func OriginName(s string) (string, error) {
	if err := notAddress(s); err != nil {
		return "", err
	}
	name, err := Name(s)
	if err != nil {
		return "", fmt.Errorf("zone %q is not a domain name: %w", s, err)
	}
	return name, nil
}

// notAddress refuses an IP address in the place of a zone.
func notAddress(s string) error {
	addr, is := address(s)
	if !is {
		return nil
	}
	fqdn, _, err := record.ParseFQDN(addr.WithZone("").String())
	if err != nil {
		return fmt.Errorf("zone %w", err)
	}
	return fmt.Errorf("zone %q is an address: write %s, where its records stand, or a zone in which that lies", s, strings.TrimSuffix(fqdn.Owner(), "."))
}

// address returns the IP address that is written as s, in brackets or with a dot
// behind it too.
func address(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]."))
	return addr, err == nil
}
