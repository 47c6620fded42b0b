package persist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// costs is how many signatures' time a denial takes, all told: to read the
// query, to make the records, to sign, to pack and to send them, and to collect
// the garbage. A flood shows it, divided by the processor time of a server.
const costs = 2

// defaultBudget is how many denials a second half a core makes: unknown names
// may use that much, and granted ones have the rest.
var defaultBudget = sync.OnceValue(func() float64 {
	const rounds = 64
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 5000
	}
	digest := sha256.Sum256([]byte(pluginName))
	begin := time.Now()
	for range rounds {
		if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
			return 5000
		}
	}
	return rounds / time.Since(begin).Seconds() / costs / 2
})
