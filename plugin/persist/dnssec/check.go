package dnssec

import (
	"fmt"
	"regexp"
	"time"

	"github.com/miekg/dns"
)

// DefaultValidity is how long signatures of data are valid from inception to
// expiration where a key document does not say: one that is made at an instant
// has expired that much later.
const DefaultValidity = 72 * time.Hour

// Defaults of what a key document may leave out. They belong to schema 1 and
// must not change.
const (
	defaultData     = hours(DefaultValidity)
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
	// mostTTL is less than leastLife, so that no copy outlives its signature
	// either that a server gives whose clock is slow.
	mostTTL = uint32((leastLife - skew) / time.Second)
	// leastLifetime is more than the longest time that a key is published
	// before and after its epoch, so that no more than two are at once.
	leastLifetime = hours(14 * 24 * time.Hour)
	mostLifetime  = hours(366 * 24 * time.Hour)
	// mostKSKs bounds the work of validators (CVE-2023-50387); a roll-over
	// needs two.
	mostKSKs = 4
	// mostZSKs is one seed and the one that follows it.
	mostZSKs = 2
	// mostReason is how much a reason may say, in octets.
	mostReason = 200
)

var keySetName = regexp.MustCompile(`^[a-z0-9._-]{1,255}$`)

func defaults() *document {
	return &document{Validity: validity{Data: defaultData, DNSKEY: defaultDNSKEY}, TTL: defaultTTL}
}

// mostShown is how many octets of a wrong name an error shows.
const mostShown = 64

// check refuses documents that are well formed and mean nothing, or something
// that validators would choke on.
func (d *document) check() error {
	switch {
	case d.Schema != 1:
		return fault("schema is not 1, which is the only one that this version reads")
	case !keySetName.MatchString(d.Name):
		return fault(fmt.Sprintf("name %q is not 1 to 255 of the characters a-z, 0-9, dot, hyphen and underscore", d.Name[:min(len(d.Name), mostShown)]))
	case d.Algorithm != dns.ECDSAP256SHA256 && d.Algorithm != dns.ED25519:
		return fault(fmt.Sprintf("algorithm is %d: write 13 (ECDSA P-256, which every validator knows) or 15 (Ed25519)", d.Algorithm))
	case d.TTL < leastTTL || d.TTL > mostTTL:
		return fault(fmt.Sprintf("dnskey_ttl is %d: write %d to %d seconds", d.TTL, leastTTL, mostTTL))
	case len(d.ZSKs) < 1 || len(d.ZSKs) > mostZSKs:
		return fault(fmt.Sprintf("zsks has %d seeds: write one, or two while the second takes over", len(d.ZSKs)))
	case len(d.KSKs) < 1 || len(d.KSKs) > mostKSKs:
		return fault(fmt.Sprintf("ksks has %d keys: write 1 to %d", len(d.KSKs), mostKSKs))
	case len(d.Reason) > mostReason:
		return fault(fmt.Sprintf("hold_reason has %d octets: write at most %d", len(d.Reason), mostReason))
	}
	for _, check := range []func() error{d.checkTimes, d.checkZSKs, d.checkKSKs, d.checkZones} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) checkTimes() error {
	if err := within("validity.data", d.Validity.Data, leastValidity, mostData); err != nil {
		return err
	}
	if err := within("validity.dnskey", d.Validity.DNSKEY, leastValidity, mostDNSKEY); err != nil {
		return err
	}
	for i, z := range d.ZSKs {
		if err := within(fmt.Sprintf("zsks[%d].lifetime", i), z.Lifetime, leastLifetime, mostLifetime); err != nil {
			return err
		}
	}
	return nil
}

// within refuses a value outside of its bounds.
func within(member string, value, least, most hours) error {
	if value < least || value > most {
		return fault(fmt.Sprintf("%s is %s: write %s to %s", member, value, least, most))
	}
	return nil
}

func (d *document) checkZSKs() error {
	for i, z := range d.ZSKs {
		switch {
		case z.Seed.IsZero():
			return fault(fmt.Sprintf("zsks[%d].seed is missing: write 32 random octets in base64", i))
		case z.Start.IsZero():
			return fault(fmt.Sprintf("zsks[%d].start is missing: write the instant at which the first key began to sign", i))
		}
	}
	if len(d.ZSKs) == 2 {
		return d.checkSuccession(d.ZSKs[0], d.ZSKs[1])
	}
	return nil
}

// apart is how long after the start of z the seed that follows may start, at the
// earliest. Were the starts nearer to each other, four keys might be published at
// once, two of which might have the same tag: the last one from before z is still
// there for a while. Before the very first seed there was none.
func (d *document) apart(z zskSeed) time.Duration {
	if z.Epoch == 0 {
		return d.ahead()
	}
	return d.ahead() + d.after()
}

// checkSuccession refuses a seed that does not go on where the one before it
// ends.
func (d *document) checkSuccession(z, next zskSeed) error {
	apart := d.apart(z)
	switch after := z.epochsBefore(next.Start.time()); {
	case next.Start.time().Before(z.Start.time().Add(apart)):
		return fault(fmt.Sprintf("zsks[1].start is too near to zsks[0].start: write an instant at least %s later", hours(apart+time.Hour-1)))
	case z.Seed.equal(next.Seed):
		return fault("zsks[1].seed is that of zsks[0]: make a new one")
	case int64(next.Epoch) != after:
		return fault(fmt.Sprintf("zsks[1].epoch is %d: write %d, the number after the last one of zsks[0]", next.Epoch, after))
	}
	return nil
}

// epochsBefore is the number of the first epoch of z that does not begin before
// at, which is after its start.
func (z zskSeed) epochsBefore(at time.Time) int64 {
	length := int64(time.Duration(z.Lifetime) / time.Second)
	return int64(z.Epoch) + (at.Unix()-z.Start.time().Unix()+length-1)/length
}

func (d *document) checkKSKs() error {
	for i, k := range d.KSKs {
		if f := k.check(); f != "" {
			return fault(fmt.Sprintf("ksks[%d]%s", i, f))
		}
	}
	return d.checkCover()
}

func (d *document) checkZones() error {
	for i, zone := range d.Zones {
		if !isZone(zone) || zone == "." {
			return fault(fmt.Sprintf("zones[%d] is not the name of a zone, in lower case and with a dot at its end", i))
		}
	}
	for i, zone := range d.Cuts {
		if !isZone(zone) {
			return fault(fmt.Sprintf("cuts[%d] is not the name of a zone with cuts, in lower case and with a dot at its end: it may be the root, .", i))
		}
	}
	return nil
}

func isZone(name string) bool {
	_, ok := dns.IsDomainName(name)
	return ok && dns.CanonicalName(name) == name
}

// check returns what is wrong with k, to be read behind its place.
func (k kskSeed) check() fault {
	l := k.life()
	if f := k.checkKey(); f != "" {
		return f
	}
	switch {
	case k.Publish.IsZero() || k.Active.IsZero():
		return " lacks publish or active: write the instants from which it is in the DNSKEY RRset and signs it"
	case l.active.Before(l.publish):
		return ".active is before publish: a key that is not published cannot sign"
	case !k.CDS.IsZero() && k.CDS.time().Before(l.active):
		return ".cds is before active: the parent must not point to a key that does not sign yet"
	case !k.Seen.IsZero() && k.Seen.time().Before(k.submit()):
		return ".ds_seen is before cds: the parent cannot have the DS of a key that was not offered to it"
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
