package dnssec

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestWhatIsSoundIsProven(t *testing.T) {
	for name, k := range map[string]*KeySet{
		"P-256": testKeys(t, dns.ECDSAP256SHA256, nil), "Ed25519": testKeys(t, dns.ED25519, nil),
		"a planned roll": rolling(t), "two seeds": reseeded(t), "CDS": submitting(t, dns.ED25519),
		"held":     testKeys(t, 13, func(d *document) { d.Hold = instant(start) }),
		"insecure": testKeys(t, 13, func(d *document) { d.Insecure = instant(start) }),
	} {
		for at := start; at.Before(start.Add(400 * day)); at = at.Add(11*day + 5*time.Hour) {
			if err := k.Prove(origin, at); err != nil {
				t.Errorf("%s, at %v: %v", name, at, err)
			}
		}
	}
}

// Each of these is wrong only at an instant to come.
func TestWhatWouldBeBogusIsNotProven(t *testing.T) {
	for _, c := range []struct {
		name, fragment string
		spoil          func(k *KeySet)
	}{
		{"a KSK signs with another private key", "bad signature", func(k *KeySet) { k.ksks[0].signer = k.zsk(0).signer }},
		{"the next KSK does", "at 2027-", func(k *KeySet) { k.ksks[1].signer = k.zsk(0).signer }},
		{"a ZSK signs with another private key", "bad signature", func(k *KeySet) { k.zsk(0).signer = k.ksks[0].signer }},
		{"the next ZSK does", "at 2026-12-", func(k *KeySet) { k.zsk(1).signer = k.ksks[0].signer }},
		{"a key says it has another tag", "is not in the DNSKEY RRset", func(k *KeySet) { k.zsk(0).tag++ }},
		{"a ZSK has the flags of a KSK", "the role of the other ones", func(k *KeySet) {
			k.zsk(0).record.Flags = kskFlags
			k.zsk(0).tag = k.zsk(0).record.KeyTag()
		}},
		{"two keys are the same one", "two keys have this tag", func(k *KeySet) { k.derived.Store(int64(1), k.zsk(0)) }},
		{"ZSKs are published too late", "is not in the DNSKEY RRset", func(k *KeySet) { k.zsks.ahead = -2 * day }},
		{"ZSKs are removed too early", "is not in the DNSKEY RRset", func(k *KeySet) { k.zsks.after = 0 }},
		{"the next KSK is published too late", "is not in the DNSKEY RRset", func(k *KeySet) { k.ksks[1].publish = k.ksks[1].active.Add(5 * day) }},
	} {
		k := rolling(t)
		c.spoil(k)
		failed := false
		for at := start; at.Before(start.Add(400*day)) && !failed; at = at.Add(3 * day) {
			if err := k.Prove(origin, at); err != nil {
				if failed = true; !strings.Contains(err.Error(), c.fragment) {
					t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
				}
			}
		}
		if !failed {
			t.Errorf("%s, and it was proven", c.name)
		}
	}
}

func TestVerifyTakesNothingForGranted(t *testing.T) {
	k := testKeys(t, 13, nil)
	keys, _ := k.DNSKEY(origin, start)
	txt := rrs(t, "n.persist.example. 300 IN TXT a")
	sigs := mustSign(t, k, txt, start).RRSIG
	for _, c := range []struct {
		name                 string
		rrset, sigs, dnskeys []dns.RR
		at                   time.Time
		fragment             string
	}{
		{"all is well", txt, sigs, keys, start, ""},
		{"another record", rrs(t, "n.persist.example. 300 IN TXT b"), sigs, keys, start, "bad signature"},
		{"no record", nil, sigs, keys, start, "nothing to verify"},
		{"no signature", txt, nil, keys, start, "nothing to verify"},
		{"no signature but a record", txt, txt, keys, start, "stands among the signatures"},
		{"no key", txt, sigs, nil, start, "not in the DNSKEY RRset"},
		{"too late", txt, sigs, keys, start.Add(4 * day), "is not valid at"},
		{"too early", txt, sigs, keys, start.Add(-4 * day), "is not valid at"},
	} {
		err := Verify(c.rrset, c.sigs, c.dnskeys, c.at)
		if (err == nil) != (c.fragment == "") || err != nil && !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s: expected an error with %q, got %v", c.name, c.fragment, err)
		}
	}
}
