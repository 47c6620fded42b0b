package record_test

import (
	"math/rand/v2"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// The short cut for names that are in normal form must not be one past a rule.
func TestTheShortCutOfNormalisingChangesNothing(t *testing.T) {
	const alphabet = "ab-xn09._.-*Aß "
	letters := []rune(alphabet)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		name := make([]rune, 0, 12)
		for range random.IntN(cap(name)) {
			name = append(name, letters[min(random.IntN(2*len(letters)), random.IntN(len(letters)))])
		}
		s := string(name)
		got, err := record.Normalize(s)
		want, wantErr := record.NormalizeAny(s)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: expected %q and %v, got %q and %v", s, want, wantErr, got, err)
		}
	}
}
