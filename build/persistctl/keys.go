package main

import (
	"net/netip"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/spf13/cobra"
)

func newKeys(out *output) *cobra.Command {
	keys := group("keys", "Make keys, print what the parent zone needs, and say what becomes of them",
		newKeysDS(out),
		newKeysHold(out),
		newKeysInit(out),
		newKeysInsecure(out),
		newKeysReseed(out),
		newKeysResume(out),
		newKeysRollKSK(out),
		newKeysSign(out),
		newKeysStatus(out),
	)
	keys.Long = `Look after key documents. One holds the seeds from which servers derive the keys
that sign their zones, those of today and of every other day, so servers that
read the same document have the same keys. It is in a directory of its own (keys
dir DIR in the Corefile), or in Vault (keys vault MOUNT/PATH).

Zone-signing keys roll by themselves. A key-signing key is rolled by roll-ksk,
which writes what happens when into the document: servers read it and obey.
Each change is written only if the document is still the one that was read.`
	return keys
}

// origin returns the name of a zone, absolute and in lower case, and refuses
// what the server refuses as a zone.
func origin(name string) (string, error) {
	z, err := zone.New(zone.Config{Origin: name, Overlay: true, TTL: defaultTTL})
	if err != nil {
		return "", usageError{err}
	}
	return z.Origin, nil
}

// origins returns the zones that the Corefile names by name: one, or those of the
// reverse names of an IP prefix or address.
func origins(name string) ([]string, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		name = netip.PrefixFrom(addr, addr.BitLen()).String()
	}
	if _, err := netip.ParsePrefix(name); err != nil {
		one, err := origin(name)
		return []string{one}, err
	}
	names, err := record.ParsePrefix(name)
	if err != nil {
		return nil, usageError{err}
	}
	zones := make([]string, 0, len(names))
	for _, n := range names {
		zones = append(zones, string(n)+".")
	}
	return zones, nil
}
