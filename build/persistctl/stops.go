package main

import (
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// stops warns of stops that stop nothing, and of those that only narrow.
func (l *linter) stops() {
	for _, stop := range l.book.Idle() {
		l.warn(store.ControlPath, fmt.Sprintf("stop[%q]", stop), "stops nothing that is granted: correct it if it is a slip, or leave it for what is granted later")
	}
	for _, stop := range l.book.Narrowing() {
		l.warn(store.ControlPath, fmt.Sprintf("stop[%q]", stop), "withdraws nothing, and takes the wildcard of %s: correct it if it is a slip", readable(l.book.Narrowed(stop)))
	}
}

// scopes are those of stops, as people write them.
func scopes(stops []policy.Scope) []string {
	list := make([]string, 0, len(stops))
	for _, stop := range stops {
		list = append(list, stop.String())
	}
	return list
}

// readable are names as people read them.
func readable(names []record.FQDN) string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, name.Readable())
	}
	return strings.Join(list, ", ")
}
