package dnssec

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// expand is HKDF-SHA-256 without salt, written from RFC 5869 section 2.
func expand(secret, info []byte, n int) []byte {
	mac := func(key []byte, data ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, d := range data {
			h.Write(d)
		}
		return h.Sum(nil)
	}
	prk := mac(make([]byte, 32), secret)
	var okm, block []byte
	for i := byte(1); len(okm) < n; i++ {
		block = mac(prk, block, info, []byte{i})
		okm = append(okm, block...)
	}
	return okm[:n]
}

// rederive derives the public key of (seed, name, algorithm, role, epoch,
// counter) a second time, with other means.
func rederive(tb testing.TB, secret []byte, algorithm byte, role string, epoch uint64, counter uint32) []byte {
	tb.Helper()
	info := bytes.Join([][]byte{
		[]byte("\x1acoredns persist dnssec key\x04test"), {algorithm, 3}, []byte(role),
		binary.BigEndian.AppendUint64(nil, epoch), binary.BigEndian.AppendUint32(nil, counter),
	}, nil)
	if algorithm == dns.ED25519 {
		return ed25519.NewKeyFromSeed(expand(secret, info, 32)).Public().(ed25519.PublicKey)
	}
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	n.Sub(n, big.NewInt(1))
	d := new(big.Int).SetBytes(expand(secret, info, 64))
	_, d = new(big.Int).QuoRem(d, n, new(big.Int))
	k, err := ecdh.P256().NewPrivateKey(d.Add(d, big.NewInt(1)).FillBytes(make([]byte, 32)))
	if err != nil {
		tb.Fatal(err)
	}
	return k.PublicKey().Bytes()[1:]
}

// tagOf is the key tag as of RFC 4034 appendix B.
func tagOf(flags uint16, algorithm byte, public []byte) uint16 {
	var ac uint32
	for i, b := range append([]byte{byte(flags >> 8), byte(flags), 3, algorithm}, public...) {
		if i&1 == 0 {
			ac += uint32(b) << 8
		} else {
			ac += uint32(b)
		}
	}
	return uint16(ac + ac>>16)
}

// A derivation that changes would change the keys under zones in service.
func TestKeysAreDerivedAsDocumented(t *testing.T) {
	// One key in 500 has a tag that carries over when the key is revoked.
	for algorithm, epochs := range map[uint8]uint64{dns.ECDSAP256SHA256: 20, dns.ED25519: 1000} {
		d := testDocument(t, algorithm, nil)
		k := testKeys(t, algorithm, nil)
		for epoch := range epochs {
			want := lowest(t, d.ZSKs[0].Seed.octets(), algorithm, "zsk", 256, epoch, uint16(epoch%3))
			if got := k.zsk(int64(epoch)).record.PublicKey; got != want {
				t.Errorf("ZSK %d of algorithm %d is %s, want %s", epoch, algorithm, got, want)
			}
		}
		want := lowest(t, d.KSKs[0].Seed.octets(), algorithm, "ksk", 257, 0, 3)
		if got := k.ksks[0].record.PublicKey; got != want {
			t.Errorf("KSK of algorithm %d is %s, want %s", algorithm, got, want)
		}
	}
}

// lowest is the first key whose tag, revoked or not, is of the class modulo 4.
func lowest(tb testing.TB, secret []byte, algorithm byte, role string, flags uint16, epoch uint64, class uint16) string {
	tb.Helper()
	for counter := uint32(0); ; counter++ {
		public := rederive(tb, secret, algorithm, role, epoch, counter)
		tag, revoked := tagOf(flags, algorithm, public), tagOf(flags|0x80, algorithm, public)
		if tag != 0 && tag%4 == class && revoked%4 == class {
			return base64.StdEncoding.EncodeToString(public)
		}
	}
}

func TestEveryPartOfTheContextGivesOtherKeys(t *testing.T) {
	d := testDocument(t, dns.ECDSAP256SHA256, nil)
	base := deriver{d.ZSKs[0].Seed, "test", dns.ECDSAP256SHA256}
	seen := map[string]string{}
	for what, octets := range map[string][]byte{
		"base":      base.octets(base.info(roleZSK, 0, 0), 64),
		"seed":      deriver{testSeed(t, 99), "test", dns.ECDSAP256SHA256}.octets(base.info(roleZSK, 0, 0), 64),
		"name":      base.octets(deriver{d.ZSKs[0].Seed, "other", dns.ECDSAP256SHA256}.info(roleZSK, 0, 0), 64),
		"algorithm": base.octets(deriver{d.ZSKs[0].Seed, "test", dns.ED25519}.info(roleZSK, 0, 0), 64),
		"role":      base.octets(base.info(roleKSK, 0, 0), 64),
		"epoch":     base.octets(base.info(roleZSK, 1, 0), 64),
		"counter":   base.octets(base.info(roleZSK, 0, 1), 64),
	} {
		if other, taken := seen[string(octets)]; taken {
			t.Errorf("%s and %s derive the same key", what, other)
		}
		seen[string(octets)] = what
	}
}

func TestGoroutinesShareOneDerivation(t *testing.T) {
	k := testKeys(t, dns.ECDSAP256SHA256, nil)
	keys := make([]*key, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() { keys[i] = k.zsk(7) })
	}
	wg.Wait()
	for _, other := range keys[1:] {
		if other != keys[0] {
			t.Error("Two goroutines hold two copies of a key")
		}
	}
}
