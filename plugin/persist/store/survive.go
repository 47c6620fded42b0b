package store

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// errPanic means that our own code failed on what the store said.
var errPanic = errors.New("this is a fault of persist, please report it: panic")

// survive returns what f does, or where f panics an error that says so. Nothing
// that a store can say may end the process, or the loop that asks it: every
// server would end at once, since all read the same.
func survive(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v, at %s", errPanic, r, culprit())
		}
	}()
	return f()
}

// culprit is the function and line that panicked, as far as the stack tells.
func culprit() string {
	var callers [32]uintptr
	n := runtime.Callers(3, callers[:]) // without Callers, culprit and the deferred function
	frames := runtime.CallersFrames(callers[:n])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
