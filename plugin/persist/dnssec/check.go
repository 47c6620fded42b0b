package dnssec

import (
	"fmt"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

// Defaults of what a key document may leave out. They belong to schema 1 and
// must not change.
const (
	defaultData     = hours(72 * time.Hour)
	defaultDNSKEY   = hours(336 * time.Hour)
	defaultTTL      = 3600
	defaultLifetime = hours(720 * time.Hour)
)

// Bounds of what a key document may say.
const (
	// leastValidity leaves leastLife at the end of a window that is half as long.
	leastValidity = hours(2 * (backdate + leastLife))
	mostData      = hours(14 * 24 * time.Hour)
	mostDNSKEY    = hours(30 * 24 * time.Hour)
	leastTTL      = 60
	mostTTL       = uint32(leastLife / time.Second)
	// leastLifetime is more than the longest time that a key is published
	// before and after its epoch, so that no more than two are at once.
	leastLifetime = hours(14 * 24 * time.Hour)
	mostLifetime  = hours(366 * 24 * time.Hour)
	// mostKSKs bounds the work of validators (CVE-2023-50387); a roll-over
	// needs two.
	mostKSKs = 4
)

var keySetName = regexp.MustCompile(`^[a-z0-9._-]{1,255}$`)

func defaults() *document {
	return &document{Validity: validity{Data: defaultData, DNSKEY: defaultDNSKEY}, TTL: defaultTTL}
}

// check refuses documents that are well formed and mean nothing, or something
// that validators would choke on.
func (d *document) check() error {
	switch {
	case d.Schema != 1:
		return fault("schema is not 1, which is the only one that this version reads")
	case !keySetName.MatchString(d.Name):
		return fault("name is not 1 to 255 of the characters a-z, 0-9, dot, hyphen and underscore")
	case d.Algorithm != dns.ECDSAP256SHA256 && d.Algorithm != dns.ED25519:
		return fault(fmt.Sprintf("algorithm is %d: write 13 (ECDSA P-256, which every validator knows) or 15 (Ed25519)", d.Algorithm))
	case d.TTL < leastTTL || d.TTL > mostTTL:
		return fault(fmt.Sprintf("dnskey_ttl is %d: write %d to %d seconds", d.TTL, leastTTL, mostTTL))
	case len(d.ZSKs) != 1:
		return fault(fmt.Sprintf("zsks has %d seeds: this version reads exactly one", len(d.ZSKs)))
	case len(d.KSKs) < 1 || len(d.KSKs) > mostKSKs:
		return fault(fmt.Sprintf("ksks has %d keys: write 1 to %d", len(d.KSKs), mostKSKs))
	}
	if err := d.checkTimes(); err != nil {
		return err
	}
	return d.checkSeeds()
}

func (d *document) checkTimes() error {
	for _, v := range []struct {
		member      string
		value       hours
		least, most hours
	}{
		{"validity.data", d.Validity.Data, leastValidity, mostData},
		{"validity.dnskey", d.Validity.DNSKEY, leastValidity, mostDNSKEY},
		{"zsks[0].lifetime", d.ZSKs[0].Lifetime, leastLifetime, mostLifetime},
	} {
		if v.value < v.least || v.value > v.most {
			return fault(fmt.Sprintf("%s is %s: write %s to %s", v.member, v.value, v.least, v.most))
		}
	}
	return nil
}

func (d *document) checkSeeds() error {
	switch {
	case d.ZSKs[0].Seed.IsZero():
		return fault("zsks[0].seed is missing: write 32 random octets in base64")
	case d.ZSKs[0].Start.IsZero():
		return fault("zsks[0].start is missing: write the instant at which the first key began to sign")
	}
	for i, k := range d.KSKs {
		if f := k.check(); f != "" {
			return fault(fmt.Sprintf("ksks[%d]%s", i, f))
		}
	}
	return d.checkCover()
}

// check returns what is wrong with k, to be read behind its place.
func (k kskSeed) check() fault {
	l := k.life()
	switch {
	case k.Seed.IsZero():
		return ".seed is missing: write 32 random octets in base64"
	case k.Publish.IsZero() || k.Active.IsZero():
		return " lacks publish or active: write the instants from which it is in the DNSKEY RRset and signs it"
	case l.active.Before(l.publish):
		return ".active is before publish: a key that is not published cannot sign"
	case !k.CDS.IsZero() && k.CDS.time().Before(l.active):
		return ".cds is before active: the parent must not point to a key that does not sign yet"
	case !k.Retire.IsZero() && !k.CDS.IsZero() && !k.CDS.time().Before(l.retire):
		return ".cds is not before retire: the parent must not point to a key that signs no more"
	case !k.Retire.IsZero() && !l.active.Before(l.retire):
		return ".retire is not after active: remove the key if it never signs"
	case !k.Remove.IsZero() && (k.Retire.IsZero() || l.remove.Before(l.retire)):
		return ".remove is before retire: a key that signs must be published"
	}
	return ""
}

// submit is the instant from which CDS and CDNSKEY name the key.
func (k kskSeed) submit() time.Time {
	if k.CDS.IsZero() {
		return k.Active.time()
	}
	return k.CDS.time()
}

func (k kskSeed) life() life {
	return life{publish: k.Publish.time(), active: k.Active.time(), retire: k.Retire.time(), remove: k.Remove.time()}
}

// checkCover refuses documents by which, once a key has begun to sign, there
// comes a time when none does: the zone would turn bogus by itself.
func (d *document) checkCover() error {
	until := d.KSKs[0].Active.time()
	for _, k := range d.KSKs {
		until = earlier(until, k.Active.time())
	}
	for range d.KSKs {
		for _, k := range d.KSKs {
			switch l := k.life(); {
			case !l.signs(until):
			case l.retire.IsZero():
				return nil
			default:
				until = l.retire
			}
		}
	}
	return fault(fmt.Sprintf("ksks has no key that signs at %s: let one retire only when another is active", until.Format(time.RFC3339)))
}
