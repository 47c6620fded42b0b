package store

import (
	"context"
	"fmt"
	"time"
)

// Source is a store of documents. Its methods may be called concurrently.
type Source interface {
	// String names the place, without secrets. Sources of the same name have
	// the same documents.
	String() string
	// Read returns the newest version of the document at path, Confirmed not
	// set. A version that is soft-deleted or destroyed is a Withdrawn document
	// and not an error.
	Read(ctx context.Context, path string) (*Document, error)
	// List returns the names in folder, sorted, those of folders with a slash
	// at the end. An empty folder and one that does not exist are the same.
	List(ctx context.Context, folder string) ([]string, error)
	// Date returns what the store's own clock said last, and what the local
	// clock said then. Both are zero where the store has no clock of its own.
	Date() (date, at time.Time)
}

// ThrottledError is an [ErrThrottled] that may say how long to wait.
type ThrottledError struct {
	RetryAfter time.Duration // 0: the store did not say
}

func (e *ThrottledError) Error() string {
	if e.RetryAfter == 0 {
		return ErrThrottled.Error()
	}
	return fmt.Sprintf("%v, retry after %v", ErrThrottled, e.RetryAfter)
}

// Unwrap makes errors.Is(e, ErrThrottled) true.
func (e *ThrottledError) Unwrap() error { return ErrThrottled }
