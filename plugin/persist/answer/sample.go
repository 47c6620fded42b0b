package answer

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// oneIn is of how many RRsets that are signed one is verified, beside the first
// one by each key.
var oneIn uint64 = 256

// errBogus means that an RRset that was just signed would not validate. It is
// not served.
var errBogus = errors.New("what was signed does not validate")

// verify verifies signatures as validators do.
var verify = dnssec.Verify

// sampler has a sample of what is signed verified by a second code path. After a
// failure it wants everything verified by that key until one signature is valid.
type sampler struct {
	signed atomic.Uint64
	proven sync.Map // tags of keys whose last signature that was verified is valid
}

// due reports whether signatures shall be verified.
func (s *sampler) due(signatures []dns.RR) bool {
	for _, rr := range signatures {
		if _, ok := s.proven.Load(rr.(*dns.RRSIG).KeyTag); !ok {
			return true
		}
	}
	return s.signed.Add(1)%oneIn == 0
}

func (s *sampler) note(signatures []dns.RR, valid bool) {
	for _, rr := range signatures {
		if tag := rr.(*dns.RRSIG).KeyTag; valid {
			s.proven.Store(tag, nil)
		} else {
			s.proven.Delete(tag)
		}
	}
}

// verifySample verifies, if it is their turn, signatures against the DNSKEY
// RRset that is served at the instant at.
func (a *Authority) verifySample(keys *dnssec.KeySet, rrset, signatures []dns.RR, at time.Time) error {
	if !a.sampler.due(signatures) {
		return nil
	}
	published, _ := keys.DNSKEY(a.zone.Origin, at)
	err := verify(rrset, signatures, published, at)
	if err != nil {
		err = fmt.Errorf("%w: %w", errBogus, err)
	}
	a.sampler.note(signatures, err == nil)
	if a.Verified != nil {
		a.Verified(err)
	}
	return err
}

// lasts reports whether a set's signatures may be served at the instant at: they
// do not expire before any cache drops them (RFC 4035 section 5.3.3).
func (s *set) lasts(at time.Time) bool {
	signatures := s.signatures()
	for _, rr := range signatures {
		sig := rr.(*dns.RRSIG)
		if !sig.ValidityPeriod(at) || !sig.ValidityPeriod(at.Add(time.Duration(sig.OrigTtl)*time.Second)) {
			return false
		}
	}
	return len(signatures) > 0
}
