package years

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// keyDocument is a key document as its manual describes it.
type keyDocument struct {
	Schema    int               `json:"schema"`
	Name      string            `json:"name"`
	Algorithm uint8             `json:"algorithm"`
	Validity  map[string]string `json:"validity"`
	TTL       uint32            `json:"dnskey_ttl"`
	ZSKs      []zsk             `json:"zsks"`
	KSKs      []ksk             `json:"ksks"`
}

type zsk struct {
	Seed     string `json:"seed"`
	Start    string `json:"start"`
	Lifetime string `json:"lifetime"`
}

type ksk struct {
	Seed    string    `json:"seed"`
	Publish time.Time `json:"publish,omitzero"`
	Active  time.Time `json:"active,omitzero"`
	CDS     time.Time `json:"cds,omitzero"`
	Retire  time.Time `json:"retire,omitzero"`
	Remove  time.Time `json:"remove,omitzero"`
}

// terms are what a zone's key document says of times.
type terms struct {
	algorithm    uint8
	data, dnskey time.Duration // validities
	ttl          time.Duration // of the DNSKEY RRset
	lifetime     time.Duration // of a ZSK
	start        time.Time     // of the first one
}

func seed(random *rand.Rand) string {
	octets := make([]byte, 32)
	for i := range octets {
		octets[i] = byte(random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(octets)
}

func (t terms) document(random *rand.Rand) keyDocument {
	return keyDocument{
		Schema: 1, Name: "years", Algorithm: t.algorithm,
		Validity: map[string]string{"data": whole(t.data), "dnskey": whole(t.dnskey)},
		TTL:      uint32(t.ttl.Seconds()),
		ZSKs:     []zsk{{Seed: seed(random), Start: t.start.Format(time.RFC3339), Lifetime: whole(t.lifetime)}},
		KSKs:     []ksk{{Seed: seed(random), Publish: t.start.Add(-day), Active: t.start.Add(-day)}},
	}
}

func whole(d time.Duration) string { return fmt.Sprintf("%dh", int(d.Hours())) }

// signing is how many key signing keys sign at the instant at.
func (d keyDocument) signing(at time.Time) int {
	n := 0
	for _, k := range d.KSKs {
		if !at.Before(k.Active) && (k.Retire.IsZero() || at.Before(k.Retire)) {
			n++
		}
	}
	return n
}

func (d keyDocument) clone() keyDocument {
	d.KSKs = slices.Clone(d.KSKs)
	return d
}

func (d keyDocument) text() []byte {
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return raw
}
