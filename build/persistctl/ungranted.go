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
type ungranted []ungrantedName

// ungrantedName is one of them, and the IP prefix by which it was granted among others.
type ungrantedName struct {
	name   record.FQDN
	prefix string
}

// MarshalText is the name.
func (u ungrantedName) MarshalText() ([]byte, error) { return []byte(u.name), nil }

func newUngranted(before, after *policy.Book) ungranted {
	var names ungranted
	for name := range before.Names() {
		if after.Lookup(name) == nil {
			names = append(names, ungrantedName{name, prefixAt(before, name)})
		}
	}
	slices.SortFunc(names, func(a, b ungrantedName) int { return strings.Compare(string(a.name), string(b.name)) })
	return names
}

func (u ungranted) text(w io.Writer, a addresses) {
	const most = 10
	if len(u) == 0 {
		return
	}
	lines := make([]line, 0, len(u))
	for _, one := range u {
		lines = append(lines, line{name: one.name, prefix: one.prefix})
	}
	rows := a.fold(lines)
	list := make([]string, 0, most)
	for _, row := range rows[:min(len(rows), most)] {
		list = append(list, row[0])
	}
	if more := len(rows) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(w, "no document grants any more: %s; where a server has cuts their zones go too, and their delegations become lame: remove those first, or disable the domains instead\n", strings.Join(list, " "))
}
