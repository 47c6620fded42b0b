package dnssec

import (
	"crypto"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// KSKs are key signing keys that are kept away from the servers, in a document
// of their own beside no other keys:
//
//	{ "schema": 1, "name": "example", "algorithm": 13, "seeds": ["…"] }
//
// Name and algorithm are those of the key document. Seeds are added at the end
// when a key is rolled.
type KSKs struct{ keys []*key }

type kskDocument struct {
	Schema    int    `json:"schema"`
	Name      string `json:"name"`
	Algorithm uint8  `json:"algorithm"`
	Seeds     []seed `json:"seeds"`
}

// ParseKSKs reads a document of key signing keys for the key set of a name and
// an algorithm. No error repeats a seed.
func ParseKSKs(raw []byte, name string, algorithm uint8) (*KSKs, error) {
	var d kskDocument
	if err := json.Unmarshal(raw, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("KSK document: %w", explain(err))
	}
	switch {
	case d.Schema != 1:
		return nil, fmt.Errorf("KSK document: schema is %d, and this version reads 1 only", d.Schema)
	case d.Name != name || d.Algorithm != algorithm:
		return nil, fmt.Errorf("KSK document: it has the keys of another key set than %s of algorithm %d", name, algorithm)
	case len(d.Seeds) == 0:
		return nil, fault("KSK document: seeds is empty")
	}
	k := &KSKs{}
	for _, s := range d.Seeds {
		k.keys = append(k.keys, deriver{s, name, algorithm}.ksk())
	}
	return k, nil
}

// GenerateKSKs returns a new document with one key, from a seed that it reads
// from random.
func GenerateKSKs(name string, algorithm uint8, random io.Reader) ([]byte, error) {
	s, err := newSeed(random)
	if err != nil {
		return nil, err
	}
	return kskDocument{1, name, algorithm, []seed{s}}.marshal()
}

// AddKSK returns the document raw of key signing keys with one more key, from a
// seed that it reads from random, which keys admit as their next one.
func AddKSK(raw []byte, keys *KeySet, random io.Reader) ([]byte, error) {
	if _, err := ParseKSKs(raw, keys.Name, keys.algorithm); err != nil {
		return nil, err
	}
	var d kskDocument
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	for {
		s, err := newSeed(random)
		if err != nil {
			return nil, err
		}
		if keys.AdmitsKSK(deriver{s, keys.Name, keys.algorithm}.ksk().public) {
			d.Seeds = append(d.Seeds, s)
			return d.marshal()
		}
	}
}

func (d kskDocument) marshal() ([]byte, error) {
	raw, err := json.Marshal(d, jsontext.WithIndent("  "))
	return append(raw, '\n'), err
}

// Newest returns what a key document says of the last key.
func (k *KSKs) Newest() Away {
	last := k.keys[len(k.keys)-1]
	return Away{PublicKey: last.record.PublicKey, Algorithm: last.record.Algorithm, Tag: last.tag}
}

// Private is a [SignerOf].
func (k *KSKs) Private(a Away) (crypto.Signer, error) {
	for _, key := range k.keys {
		if key.record.PublicKey == a.PublicKey {
			return key.signer, nil
		}
	}
	return nil, fmt.Errorf("the KSK document has no key for the KSK %d", a.Tag)
}
