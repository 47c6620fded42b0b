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

// defaultBudget is how many signatures a second half a core makes: unknown
// names may use that much, and granted ones have the rest.
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
	return rounds / time.Since(begin).Seconds() / 2
})
