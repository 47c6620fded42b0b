package persist

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/coredns/plugin"
)

// originsOf returns the zones of a stanza: those that are written, or else those of
// the server block, each once. Several keys of a block may be one zone, on several
// ports.
func originsOf(written, keys []string) ([]string, error) {
	if len(written) == 0 {
		return blockOrigins(keys)
	}
	var all []string
	first := map[string]string{} // as which an origin was written
	for _, w := range written {
		origins, err := readOrigins(w)
		if err != nil {
			return nil, err
		}
		for _, o := range origins {
			if before, twice := first[o]; twice {
				return nil, fmt.Errorf("zone %s stands twice, as %s and as %s: keep one of them", o, before, w)
			}
			first[o] = w
		}
		all = append(all, origins...)
	}
	return all, nil
}

// blockOrigins returns the zones of a server block, in which CoreDNS has made names
// of prefixes already.
func blockOrigins(keys []string) (all []string, err error) {
	seen := map[string]bool{}
	for _, o := range plugin.OriginsFromArgsOrServerBlock(nil, keys) {
		if o, err = zone.OriginName(o); err != nil {
			return nil, err
		}
		if !seen[o] {
			all = append(all, o)
		}
		seen[o] = true
	}
	return all, nil
}

// readOrigins returns those that one argument stands for, several if it is an IP prefix
// that ends inside of a label.
func readOrigins(written string) ([]string, error) {
	if all, err := zone.PrefixOrigins(written); err != nil || all != nil {
		return all, err
	}
	if !isASCII(written) { // CoreDNS would make lower case of it, and count the octets of U-labels
		origin, err := zone.OriginName(written)
		return []string{origin}, err
	}
	hosts := plugin.Host(written).NormalizeExact()
	if len(hosts) != 1 {
		return nil, fmt.Errorf("zone %q is not a domain name: write one like example.com", written)
	}
	origin, err := zone.OriginName(hosts[0])
	return []string{origin}, err
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
