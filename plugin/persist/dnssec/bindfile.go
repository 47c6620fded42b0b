package dnssec

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// BINDKey is a key pair as BIND's dnssec-keygen writes it: two files with the
// same name but for its end.
type BINDKey struct {
	Name    string // without .key and .private
	Public  []byte // of the .key file, a DNSKEY record
	Private []byte // of the .private file, with the timing metadata
}

// BINDName returns the name of a key pair, which file is one of, or its name
// already.
func BINDName(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(file, ".private"), ".key")
}

// LoadBIND reads key pairs, each by the name of one of its files or without the
// end of it. A .private file that others than its owner and group may read, or
// others than its owner may write, is refused, as LoadDir refuses it.
func LoadBIND(names []string) ([]BINDKey, error) {
	keys := make([]BINDKey, 0, len(names))
	for _, name := range names {
		base := BINDName(name)
		private, err := loadSecret(base + ".private")
		if err != nil {
			return nil, err
		}
		public, err := os.ReadFile(base + ".key") // #nosec G304 -- the operator's choice
		if err != nil {
			return nil, err
		}
		keys = append(keys, BINDKey{base, public, private})
	}
	return keys, nil
}

// bindKey is a key with the life that its timing metadata gives it.
type bindKey struct {
	*key
	life
	submit, withdraw time.Time // between which CDS and CDNSKEY name it
	ttl              uint32    // of its DNSKEY record
	file             string    // for messages
}

// parse reads the key of the zone origin. No error quotes a file.
func (b BINDKey) parse(origin string) (*bindKey, error) {
	k := &bindKey{file: filepath.Base(b.Name)}
	record, err := b.record(origin)
	if err != nil {
		return nil, fmt.Errorf("%s.key %w", b.Name, err)
	}
	k.ttl = record.Hdr.Ttl
	signer, err := b.signer(record)
	if err != nil {
		return nil, fmt.Errorf("%s.private %w", b.Name, err)
	}
	k.key = newKey(record.Flags, record.Algorithm, signer)
	if k.record.PublicKey != record.PublicKey {
		return nil, fmt.Errorf("%s.private is not the private half of the key in %s.key", b.Name, b.Name)
	}
	if err := k.time(b.Private); err != nil {
		return nil, fmt.Errorf("%s.private: %w", b.Name, err)
	}
	return k, nil
}

// record is the DNSKEY record in the .key file.
func (b BINDKey) record(origin string) (*dns.DNSKEY, error) {
	p := dns.NewZoneParser(bytes.NewReader(b.Public), ".", "")
	p.SetDefaultTTL(defaultTTL)
	rr, _ := p.Next()
	record, ok := rr.(*dns.DNSKEY)
	switch {
	case !ok || p.Err() != nil:
		return nil, fault("has no DNSKEY record")
	case dns.CanonicalName(record.Hdr.Name) != origin:
		return nil, fault(fmt.Sprintf("is of the zone %s, and the stanza's is %s", record.Hdr.Name, origin))
	case record.Algorithm != dns.ECDSAP256SHA256 && record.Algorithm != dns.ED25519:
		return nil, fault(fmt.Sprintf("is of algorithm %d: roll the zone to 13 (ECDSA P-256) or 15 (Ed25519) first", record.Algorithm))
	case record.Flags != zskFlags && record.Flags != kskFlags || record.Protocol != 3:
		return nil, fault(fmt.Sprintf("has the flags %d: this version takes 256 (ZSK) and 257 (KSK), and no key that is revoked", record.Flags))
	case record.Hdr.Ttl < leastTTL || record.Hdr.Ttl > mostTTL:
		return nil, fault(fmt.Sprintf("has a TTL of %d s: set one of %d to %d with dnssec-settime -L", record.Hdr.Ttl, leastTTL, mostTTL))
	}
	return record, nil
}

// signer is the private half. What miekg/dns makes of a P-256 key has the public
// half of the record, which need not be its own.
func (b BINDKey) signer(record *dns.DNSKEY) (crypto.Signer, error) {
	private, err := record.ReadPrivateKey(bytes.NewReader(b.Private), "")
	if err != nil {
		return nil, fault("has no private key of that algorithm in BIND's format")
	}
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		octets, err := private.Bytes()
		if err == nil {
			private, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), octets)
		}
		if err == nil {
			return private, nil
		}
	case ed25519.PrivateKey:
		if len(private) == ed25519.PrivateKeySize { // it has none where the line is missing
			return private, nil
		}
	}
	return nil, fault("has no private key of its algorithm")
}

// bindTime is how BIND writes instants, in UTC.
const bindTime = "20060102150405"

// time reads the timing metadata. A time that is not set never comes.
func (k *bindKey) time(private []byte) error {
	k.publish, k.active, k.submit = never, never, never
	times := map[string]*time.Time{
		"Publish": &k.publish, "Activate": &k.active, "Inactive": &k.retire, "Delete": &k.remove,
		"SyncPublish": &k.submit, "SyncDelete": &k.withdraw,
	}
	lines := bufio.NewScanner(bytes.NewReader(private))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if times[name] == nil {
			continue
		}
		at, err := time.Parse(bindTime, strings.TrimSpace(value))
		if err != nil {
			return fault(name + " is no time: set it with dnssec-settime")
		}
		*times[name] = at
	}
	return lines.Err()
}
