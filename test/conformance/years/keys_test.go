package years

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
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
	Hold      time.Time         `json:"hold,omitzero"`
}

type zsk struct {
	Seed     string `json:"seed"`
	Start    string `json:"start"`
	Lifetime string `json:"lifetime"`
}

type ksk struct {
	Seed      string    `json:"seed,omitzero"`
	PublicKey string    `json:"public_key,omitzero"`
	Publish   time.Time `json:"publish"`
	Active    time.Time `json:"active"`
	CDS       time.Time `json:"cds,omitzero"`
	Retire    time.Time `json:"retire,omitzero"`
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

// text is the document as a new one is written.
func (d keyDocument) text() []byte {
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return raw
}

// edition is a key document from an instant on, as the store has it.
type edition struct {
	since time.Time
	raw   []byte           // empty where there are
	pairs []dnssec.BINDKey // of BIND
	alone bool             // whether there were no bundles for it yet
	keyDocument
}

// keys are those that a server reads whose clock says at.
func (e edition) keys(at time.Time) (*dnssec.KeySet, error) {
	if e.pairs != nil {
		return dnssec.ParseBIND(e.pairs, origin, at)
	}
	return dnssec.ParseKeys(e.raw)
}

func newEdition(since time.Time, raw []byte) (edition, error) {
	e := edition{since: since, raw: raw}
	return e, json.Unmarshal(raw, &e.keyDocument)
}

// signing is how many key signing keys sign at the instant at. What would come
// after the hold does not come.
func (e edition) signing(at time.Time) int {
	if !e.Hold.IsZero() {
		at = earlier(at, e.Hold)
	}
	n := 0
	for _, k := range e.KSKs {
		if !at.Before(k.Active) && (k.Retire.IsZero() || at.Before(k.Retire)) {
			n++
		}
	}
	return n
}
