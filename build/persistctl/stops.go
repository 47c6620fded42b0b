package main

import (
	"fmt"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// stops warns of stops that stop nothing.
func (l *linter) stops() {
	for _, stop := range l.book.Idle() {
		l.warn(store.ControlPath, fmt.Sprintf("stop[%q]", stop), "stops nothing that is granted: correct it if it is a slip, or leave it for what is granted later")
	}
}
