package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// ungranted are names that documents have granted, in force or not, and none does
// any more: a server with cuts has no zone there then.
type ungranted []record.FQDN

func newUngranted(before, after *policy.Book) ungranted {
	var names ungranted
	for name := range before.Names() {
		if after.Lookup(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (u ungranted) text(w io.Writer) {
	const most = 10
	if len(u) == 0 {
		return
	}
	list := make([]string, 0, most)
	for _, name := range u[:min(len(u), most)] {
		list = append(list, string(name))
	}
	if more := len(u) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(w, "no document grants any more: %s; where a server has cuts their zones go too, and their delegations become lame: remove those first, or disable the domains instead\n", strings.Join(list, " "))
}
