package validator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// published are the examples of RFC 6605 section 6.1 and of RFC 8080 section
// 6.1 as corrected by erratum 4935.
var published = []struct{ name, zone, dnskey, ds, rrset, rrsig string }{{
	"RFC 6605", "example.net.",
	"example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
	"example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
	"www.example.net. 3600 IN A 192.0.2.1",
	"www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
}, {
	"RFC 8080, first", "example.com.",
	"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
	"example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
	"example.com. 3600 IN MX 10 mail.example.com.",
	"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
}, {
	"RFC 8080, second", "example.com.",
	"example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
	"example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
	"example.com. 3600 IN MX 10 mail.example.com.",
	"example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
}}

func rr[T dns.RR](tb testing.TB, line string) T {
	tb.Helper()
	rr, err := dns.NewRR(line)
	if err != nil {
		tb.Fatalf("%s: %v", line, err)
	}
	return rr.(T)
}

// example is a published example taken apart anew, so that a test may change it.
type example struct {
	set  RRset
	sig  *dns.RRSIG
	key  *dns.DNSKEY
	ds   *dns.DS
	zone string
	at   time.Time
}

func newExample(tb testing.TB, i int) *example {
	tb.Helper()
	v := published[i]
	e := &example{sig: rr[*dns.RRSIG](tb, v.rrsig), key: rr[*dns.DNSKEY](tb, v.dnskey), ds: rr[*dns.DS](tb, v.ds), zone: v.zone}
	e.set = RRset{Records: []dns.RR{rr[dns.RR](tb, v.rrset)}, Signatures: []*dns.RRSIG{e.sig}}
	e.at = time.Unix(int64(e.sig.Inception)+86400, 0)
	return e
}

func (e *example) validate() (Valid, error) {
	return New().RRset(e.set, e.zone, []*dns.DNSKEY{e.key}, e.at)
}

func TestPublishedSignaturesAreValid(t *testing.T) {
	for i, v := range published {
		e := newExample(t, i)
		if valid, err := e.validate(); err != nil || valid.TTL != 3600 || valid.Expanded {
			t.Errorf("%s: %+v, %v", v.name, valid, err)
		}
		if !Refers(e.ds, e.key) {
			t.Errorf("%s: The DS record does not name the key", v.name)
		}
	}
}

// Each change breaks one condition of RFC 4035 section 5.3.1 or of what is
// signed, and no other.
func TestNothingElseIsValid(t *testing.T) {
	for what, change := range map[string]func(*example){
		"owner of the signature":   func(e *example) { e.sig.Hdr.Name = "x." + e.zone },
		"class of the signature":   func(e *example) { e.sig.Hdr.Class = dns.ClassCHAOS },
		"signer":                   func(e *example) { e.sig.SignerName = "net." },
		"zone":                     func(e *example) { e.zone = "example." },
		"owner outside the zone":   func(e *example) { e.set.Records[0].Header().Name, e.sig.Hdr.Name = "example.", "example." },
		"type covered":             func(e *example) { e.sig.TypeCovered = dns.TypeTXT },
		"Labels above the owner's": func(e *example) { e.sig.Labels = 4 },
		"Labels below the owner's": func(e *example) { e.sig.Labels-- },
		"Original TTL":             func(e *example) { e.sig.OrigTtl++ },
		"Expiration":               func(e *example) { e.sig.Expiration++ },
		"Inception":                func(e *example) { e.sig.Inception++ },
		"key tag":                  func(e *example) { e.sig.KeyTag++ },
		"algorithm":                func(e *example) { e.sig.Algorithm = 28 - e.sig.Algorithm },
		"signature":                func(e *example) { e.sig.Signature = "A" + e.sig.Signature[1:] + "" },
		"short signature":          func(e *example) { e.sig.Signature = e.sig.Signature[4:] },
		"no signature":             func(e *example) { e.set.Signatures = nil },
		"too late":                 func(e *example) { e.at = time.Unix(int64(e.sig.Expiration)+1, 0) },
		"too early":                func(e *example) { e.at = time.Unix(int64(e.sig.Inception)-1, 0) },
		"68 years later":           func(e *example) { e.at = e.at.Add(1 << 31 * time.Second) },
		"no zone key":              func(e *example) { e.key.Flags = dns.SEP },
		"revoked key":              func(e *example) { e.key.Flags |= dns.REVOKE },
		"key of another protocol":  func(e *example) { e.key.Protocol = 2 },
		"key of another zone":      func(e *example) { e.key.Hdr.Name = "www." + e.zone },
		"another record":           func(e *example) { e.set.Records = append(e.set.Records, another(e.set.Records[0])) },
		"no record":                func(e *example) { e.set.Records = nil },
	} {
		for i, v := range published {
			e := newExample(t, i)
			change(e)
			if _, err := e.validate(); err == nil {
				t.Errorf("%s: Valid in spite of %s", v.name, what)
			}
		}
	}
}

// another is a record like rr with other data.
func another(rr dns.RR) dns.RR {
	switch rr := dns.Copy(rr).(type) {
	case *dns.A:
		rr.A[3]++
		return rr
	case *dns.MX:
		rr.Preference++
		return rr
	}
	panic("no such example")
}

func TestFormThatIsNotSignedDoesNotMatter(t *testing.T) {
	for what, change := range map[string]func(*example){
		"upper case":            func(e *example) { e.set.Records[0].Header().Name = strings.ToUpper(e.set.Records[0].Header().Name) },
		"upper case in RDATA":   func(e *example) { upperMX(e.set.Records[0]) },
		"upper case signer":     func(e *example) { e.sig.SignerName = "EXAMPLE." + e.sig.SignerName[len("example."):] },
		"a repeated record":     func(e *example) { e.set.Records = append(e.set.Records, e.set.Records[0]) },
		"a lower TTL":           func(e *example) { e.set.Records[0].Header().Ttl = 5 },
		"the last second":       func(e *example) { e.at = time.Unix(int64(e.sig.Expiration), 0) },
		"the first second":      func(e *example) { e.at = time.Unix(int64(e.sig.Inception), 0) },
		"a bad signature aside": func(e *example) { e.set.Signatures = slices.Insert(e.set.Signatures, 0, unfit(e.sig)) },
	} {
		for i, v := range published {
			e := newExample(t, i)
			change(e)
			if _, err := e.validate(); err != nil {
				t.Errorf("%s: Not valid with %s: %v", v.name, what, err)
			}
		}
	}
}

func upperMX(rr dns.RR) {
	if mx, ok := rr.(*dns.MX); ok {
		mx.Mx = strings.ToUpper(mx.Mx)
	}
}

func unfit(sig *dns.RRSIG) *dns.RRSIG {
	other := dns.Copy(sig).(*dns.RRSIG)
	other.Signature = "AAAA" + sig.Signature[4:]
	return other
}

func TestNothingIsKeptLongerThanItsSignatureLives(t *testing.T) { // RFC 4035 section 5.3.3
	for _, tt := range []struct {
		ttl, sigTTL uint32
		left        int64
		want        uint32
	}{{3600, 3600, 7200, 3600}, {300, 3600, 7200, 300}, {3600, 200, 7200, 200}, {7200, 7200, 7200, 3600}, {3600, 3600, 100, 100}, {3600, 3600, 0, 0}} {
		e := newExample(t, 0)
		e.set.Records[0].Header().Ttl, e.sig.Hdr.Ttl = tt.ttl, tt.sigTTL
		e.at = time.Unix(int64(e.sig.Expiration)-tt.left, 0)
		if valid, err := e.validate(); err != nil || valid.TTL != tt.want {
			t.Errorf("%+v: %d, %v", tt, valid.TTL, err)
		}
	}
}

func TestADSNamesOneKeyOnly(t *testing.T) {
	for what, change := range map[string]func(*example){
		"digest":      func(e *example) { e.ds.Digest = "0" + e.ds.Digest[1:] + "" },
		"digest type": func(e *example) { e.ds.DigestType = dns.SHA1 },
		"tag":         func(e *example) { e.ds.KeyTag++ },
		"algorithm":   func(e *example) { e.ds.Algorithm++ },
		"owner":       func(e *example) { e.ds.Hdr.Name = "net." },
		"no zone key": func(e *example) { e.key.Flags &^= dns.ZONE },
	} {
		for i, v := range published {
			e := newExample(t, i)
			if change(e); Refers(e.ds, e.key) {
				t.Errorf("%s: The DS record names the key in spite of its %s", v.name, what)
			}
		}
	}
}
