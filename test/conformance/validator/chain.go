package validator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Keys validates the DNSKEY RRset of zone by the parent's DS RRset, which is
// authentic (RFC 4035 section 5.2), and returns the keys that it holds.
func (v *Validator) Keys(set RRset, zone string, ds []*dns.DS, at time.Time) ([]*dns.DNSKEY, Valid, error) {
	all := make([]*dns.DNSKEY, 0, len(set.Records))
	var trusted []*dns.DNSKEY
	for _, rr := range set.Records {
		key, ok := rr.(*dns.DNSKEY)
		if !ok {
			return nil, Valid{}, fmt.Errorf("%s is no DNSKEY record", rr.Header())
		}
		all = append(all, key)
		for _, d := range ds {
			if Refers(d, key) {
				trusted = append(trusted, key)
			}
		}
	}
	if len(trusted) == 0 {
		return nil, Valid{}, errors.New("no key of the DNSKEY RRset is one that the DS RRset names")
	}
	valid, err := v.RRset(set, zone, trusted, at)
	return all, valid, err
}

// Refers reports whether ds names key: owner, tag, algorithm and the SHA-256
// digest of RFC 4509 agree, and key is a zone key.
func Refers(ds *dns.DS, key *dns.DNSKEY) bool {
	tag, err := keyTag(key)
	if err != nil || ds.DigestType != dns.SHA256 || ds.KeyTag != tag || ds.Algorithm != key.Algorithm || key.Flags&dns.ZONE == 0 {
		return false
	}
	if Compare(ds.Hdr.Name, key.Hdr.Name) != 0 {
		return false
	}
	owner, err := packed(key.Hdr.Name)
	if err != nil {
		return false
	}
	octets, err := rdata(key)
	digest := sha256.Sum256(append(owner, octets...))
	return err == nil && strings.EqualFold(ds.Digest, hex.EncodeToString(digest[:]))
}
