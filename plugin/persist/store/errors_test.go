package store

import (
	"errors"
	"strings"
	"testing"
)

// wantError wants an error that is class, nil for none of them, and says all of
// texts.
func wantError(t *testing.T, err, class error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("There is no error")
	}
	for _, c := range []error{ErrNotFound, ErrDenied, ErrUnavailable, ErrThrottled} {
		if errors.Is(err, c) != (c == class) {
			t.Errorf("The error is of class %q, or not of the wanted one: %v", c, err)
		}
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("The error does not say %q: %v", text, err)
		}
	}
}
