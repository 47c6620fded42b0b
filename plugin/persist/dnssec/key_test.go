package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// RFC 6979 appendix A.2.5, with SHA-256.
func TestP256SignsDeterministicallyAsInRFC6979(t *testing.T) {
	private, err := hex.DecodeString("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
	if err != nil {
		t.Fatal(err)
	}
	k := privateKey(t, dns.ECDSAP256SHA256, private)
	for message, want := range map[string]string{
		"sample": "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716" +
			"F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
		"test": "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367" +
			"019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
	} {
		got, err := k.sign([]byte(message))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%X", got) != want {
			t.Errorf("Signature over %q is %X, want %s", message, got, want)
		}
	}
}

// scripted stands for a signer outside of the process.
type scripted struct {
	crypto.Signer
	der []byte
	err error
}

func (s scripted) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.der, s.err }

func TestShortIntegersArePaddedToTheirWidth(t *testing.T) {
	k := testKeys(t, dns.ECDSAP256SHA256, nil).zsk(0)
	k.signer = scripted{k.signer, []byte{0x30, 6, 2, 1, 5, 2, 1, 7}, nil} // SEQUENCE { 5, 7 }
	got, err := k.sign(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("00", 31) + "05" + strings.Repeat("00", 31) + "07"; hex.EncodeToString(got) != want {
		t.Errorf("Signature is %x, want %s", got, want)
	}
}

func TestAFailingSignerFailsTheSignature(t *testing.T) {
	down := errors.New("the signer is down")
	for _, s := range []scripted{{der: []byte("nonsense")}, {err: down}} {
		k := testKeys(t, dns.ECDSAP256SHA256, nil)
		s.Signer = k.zsk(0).signer.(*ecdsa.PrivateKey)
		k.zsk(0).signer = s
		_, err := k.Sign(rrs(t, "a.persist.example. 300 IN TXT a"), origin, start, start.AddDate(1, 0, 0))
		if err == nil || s.err != nil && !errors.Is(err, down) {
			t.Errorf("Error is %v", err)
		}
	}
}
