package persist

import (
	"bytes"
	"context"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// keyReader reads a source of keys: the octets, which are compared to tell
// whether anything is new, and the keys that they describe.
type keyReader func(ctx context.Context) (raw []byte, parse func() (*dnssec.KeySet, error), err error)

// keyDocument reads a key document.
func keyDocument(read func(ctx context.Context) ([]byte, error)) keyReader {
	return func(ctx context.Context) ([]byte, func() (*dnssec.KeySet, error), error) {
		raw, err := read(ctx)
		return raw, func() (*dnssec.KeySet, error) { return dnssec.ParseKeys(raw) }, err
	}
}

// bindPairs reads key pairs of BIND for a zone.
func bindPairs(files []string, zone string, now func() time.Time) keyReader {
	return func(context.Context) ([]byte, func() (*dnssec.KeySet, error), error) {
		pairs, err := dnssec.LoadBIND(files)
		raw := make([][]byte, 0, 2*len(pairs))
		for _, p := range pairs {
			raw = append(raw, p.Public, p.Private)
		}
		return bytes.Join(raw, []byte{0}), func() (*dnssec.KeySet, error) { return dnssec.ParseBIND(pairs, zone, now()) }, err
	}
}
