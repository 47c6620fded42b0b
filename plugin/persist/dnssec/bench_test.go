package dnssec

import (
	"strconv"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		b.Run("algorithm="+strconv.Itoa(int(algorithm)), func(b *testing.B) {
			k := testKeys(b, algorithm, nil)
			set := rrs(b, `a.persist.example. 300 IN TXT "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123; policy=wildcard"`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Sign(set, origin, start, time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDenial(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Denial("_validation-persist.x.persist.example.", origin, 60)
	}
}

func BenchmarkDerive(b *testing.B) {
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519} {
		b.Run("algorithm="+strconv.Itoa(int(algorithm)), func(b *testing.B) {
			k := testKeys(b, algorithm, nil)
			for epoch := int64(0); b.Loop(); epoch++ {
				k.zsks.reigns[0].zsk(epoch)
			}
		})
	}
}
