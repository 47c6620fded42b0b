package store

import "testing"

// Whoever reads a snapshot for several purposes finds by its identity what was
// made of it already.
func TestWhatIsReleasedAlreadyStaysTheSameSnapshot(t *testing.T) {
	_, r := loaded(t)
	released := r.Release(r.Snapshot())
	for _, d := range released.Documents {
		if d.Body != nil && d.Path != ConfigPath {
			t.Errorf("%s has a body", d.Path)
		}
	}
	if r.Release(released) != released || r.Snapshot() != released {
		t.Error("It is another one when it is released again")
	}
}
