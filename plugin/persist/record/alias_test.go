package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// The alias is computed here as somebody else would: from the hexadecimal digits
// that sha256sum prints.
func TestAnAliasIsAHashInDecimal(t *testing.T) {
	for _, name := range []record.FQDN{"example.com", record.FQDN(strings.Repeat("long.", 40) + "example.com")} {
		sum := sha256.Sum256([]byte(name))
		n, ok := new(big.Int).SetString(hex.EncodeToString(sum[:])[:40], 16)
		if !ok {
			t.Fatal("Expected a number")
		}
		want := strings.Repeat("0", 49-len(n.String())) + n.String()
		if got := name.Alias(); got != want || !record.IsAlias(got) {
			t.Errorf("%s: expected the alias %s, got %s", name, want, got)
		}
	}
}

// 49 digits hold every number of 160 bits.
func TestEveryAliasHasTheSameLength(t *testing.T) {
	greatest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 160), big.NewInt(1))
	if got := len(greatest.String()); got != len(record.FQDN("example.com").Alias()) {
		t.Errorf("Expected aliases of %d digits, got others", got)
	}
}

// No name that may be granted looks like an alias, or stands below one, so the
// two never meet in a zone.
func TestNoNameIsAnAlias(t *testing.T) {
	alias := record.FQDN("example.com").Alias()
	for _, name := range []string{alias, "www." + alias, alias + "."} {
		if got, _, err := record.ParseFQDN(name); err == nil {
			t.Errorf("Expected %s to be no FQDN, got %s", name, got)
		}
	}
	for _, label := range []string{"", "com", alias[1:], alias + "0", "x" + alias[1:], "-" + alias[1:]} {
		if record.IsAlias(label) {
			t.Errorf("Expected %q to be no alias", label)
		}
	}
}

func TestTheLongestPlainName(t *testing.T) {
	name := record.FQDN(strings.Repeat("x.", 75) + "ab")
	if len(name) != record.MostPlain || name.IsLong() || !("y" + name).IsLong() {
		t.Errorf("Expected names to be long from %d octets on", record.MostPlain+1)
	}
}
