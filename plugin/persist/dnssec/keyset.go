package dnssec

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// KeySet is the keys of a zone, or of several: those that a key document
// describes. It may be used by any number of goroutines.
type KeySet struct {
	// Name is the name of the key set, as in the document.
	Name string
	// Zones are those whose parents' DS is waited for in a roll-over, as in the
	// document, which need not name any.
	Zones []string
	// Cuts are zones, which may be the root: so it is with every cut of them.
	Cuts []string

	algorithm    uint8
	ttl          uint32        // of the DNSKEY RRset, in seconds
	dsTTL        uint32        // of the DS RRset at the parents in the last roll-over, in seconds
	dataValidity time.Duration // of signatures by zone signing keys
	keyValidity  time.Duration // of signatures by key signing keys
	hold         time.Time     // at which the lives of KSKs stand still, zero if they do not
	reason       string        // why they do
	insecure     time.Time     // from which the parent shall have no DS, zero if it shall
	ksks         []*ksk
	zone         zoneKeys
	zsks         zskSchedule // of a key document, as what follows
	derived      sync.Map    // int64, an epoch → *key

	bundles map[string][]*bundle // by zone, checked, in the order of time; see UseBundles
}

// ParseKeys reads a key document: strict JSON, in which an unknown, repeated
// or wrong member is an error that names it. No error repeats a value that may
// be secret.
func ParseKeys(raw []byte) (*KeySet, error) {
	d, err := parseDocument(raw)
	if err != nil {
		return nil, err
	}
	return d.keySet()
}

// keySet returns the keys that a document describes, which has been checked.
func (d *document) keySet() (*KeySet, error) {
	k := &KeySet{
		Name:         d.Name,
		Zones:        d.Zones,
		Cuts:         d.Cuts,
		algorithm:    d.Algorithm,
		ttl:          d.TTL,
		dsTTL:        d.DSTTL,
		dataValidity: time.Duration(d.Validity.Data),
		keyValidity:  time.Duration(d.Validity.DNSKEY),
		hold:         d.Hold.time(),
		reason:       d.Reason,
		insecure:     d.Insecure.time(),
		zsks:         zskSchedule{ahead: d.ahead(), after: d.after()},
	}
	k.zone = derivedKeys{k}
	for _, z := range d.ZSKs {
		k.zsks.reigns = append(k.zsks.reigns, reign{deriver{z.Seed, d.Name, d.Algorithm}, int64(z.Epoch), z.Start.time(), time.Duration(z.Lifetime)})
	}
	for i, s := range d.KSKs {
		made, err := s.ksk(d)
		if err != nil {
			return nil, fmt.Errorf("key document: ksks[%d]%w", i, err)
		}
		k.ksks = append(k.ksks, made)
	}
	if err := k.distinguish(); err != nil {
		return nil, err
	}
	return k, nil
}

// distinguish refuses key signing keys with a tag in common: validators would
// have to try one after the other, and some stop at the first.
func (k *KeySet) distinguish() error {
	owner := map[uint16]int{}
	for i, s := range k.ksks {
		for _, tag := range []uint16{s.tag, s.revokedTag()} {
			if j, taken := owner[tag]; taken {
				return fmt.Errorf("key document: ksks[%d] and ksks[%d] share the key tag %d: make a new seed for the younger one", j, i, tag)
			}
			owner[tag] = i
		}
	}
	return nil
}

// GenerateKeys returns a new key document with seeds read from random. Its
// keys are active as of the hour of the instant at. algorithm is 13 or 15.
func GenerateKeys(name string, algorithm uint8, at time.Time, random io.Reader) ([]byte, error) {
	zsk, err := newSeed(random)
	if err != nil {
		return nil, err
	}
	ksk, err := newSeed(random)
	if err != nil {
		return nil, err
	}
	return newDocument(name, algorithm, at, zsk, kskSeed{Seed: ksk})
}

// newDocument returns a key document of keys that are active as of the hour of
// the instant at.
func newDocument(name string, algorithm uint8, at time.Time, zsk seed, ksk kskSeed) ([]byte, error) {
	d := defaults()
	d.Schema, d.Name, d.Algorithm = 1, name, algorithm
	hour := instant(at.UTC().Truncate(time.Hour))
	ksk.Publish, ksk.Active = hour, hour
	d.ZSKs = []zskSeed{{Seed: zsk, Start: hour, Lifetime: defaultLifetime}}
	d.KSKs = []kskSeed{ksk}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("new key document: %w", err)
	}
	return d.marshal()
}

func newSeed(random io.Reader) (seed, error) {
	octets := make([]byte, seedSize)
	if _, err := io.ReadFull(random, octets); err != nil {
		return seed{}, fmt.Errorf("no random octets for a new seed: %w", err)
	}
	return asSeed(octets), nil
}
