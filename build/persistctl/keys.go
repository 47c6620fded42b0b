package main

import (
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/spf13/cobra"
)

func newKeys(out *output) *cobra.Command {
	return group("keys", "Make keys, print what the parent zone needs, and say what becomes of them",
		newKeysDS(out),
		newKeysInit(out),
		newKeysStatus(out),
	)
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
