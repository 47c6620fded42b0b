package dnssec

import "time"

// Expire is how long a secondary may go on to serve a zone that it has from a
// server which replaces each signature within late after its window: up to
// then no signature expires in the caches of those who ask it (RFC 6781 section
// 4.4.2).
func (k *KeySet) Expire(late time.Duration) time.Duration {
	data := k.dataValidity/2 - backdate - MaxTTL*time.Second
	keys := k.keyValidity/2 - backdate - time.Duration(k.ttl)*time.Second
	return min(data, keys) - late
}
