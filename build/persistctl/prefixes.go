package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/pflag"
)

// addresses is whether each name of a prefix has a line of its own.
type addresses bool

func (a *addresses) register(flags *pflag.FlagSet) {
	flags.BoolVar((*bool)(a), "addresses", false, "print a line for each name of an IP prefix, not one for all of them that say the same")
}

// reverseNames are the reverse names that the IP prefix s stands for, none where it
// is none.
func reverseNames(s string) []record.FQDN {
	names, err := record.ParsePrefix(s)
	if err != nil {
		return nil
	}
	return names
}

// prefixAt is the IP prefix by which a document of book grants name among others,
// empty where none does.
func prefixAt(book *policy.Book, name record.FQDN) string {
	for _, g := range book.Lookup(name) {
		if prefix := grantedBy(book, g); prefix != "" {
			return prefix
		}
	}
	return ""
}

// grantedBy is the IP prefix by which the document of g grants its name among others,
// empty where it writes the name by itself.
func grantedBy(book *policy.Book, g *policy.Grant) string {
	written := book.Written(g)
	p, err := netip.ParsePrefix(written)
	if err != nil || p.Addr().Is4() && p.Bits()%8 == 0 || p.Addr().Is6() && p.Bits()%4 == 0 {
		return ""
	}
	return written
}

// line is what is said of one name.
type line struct {
	name   record.FQDN
	prefix string // by which it is granted among others; empty: by itself
	alike  string // what lines of one prefix have in common that are one; empty: the cells
	cells  []string
}

func (l line) key() string {
	if l.alike != "" {
		return l.prefix + "\x00" + l.alike
	}
	return l.prefix + "\x00" + strings.Join(l.cells, "\x00")
}

// fold makes rows of lines, with what each is about in front: a name, or an IP prefix
// all of whose names say the same.
func (a addresses) fold(lines []line) [][]string {
	var rows [][]string
	kinds, counts := map[string]int{}, map[int]int{}
	for _, l := range lines {
		row, known := kinds[l.key()]
		if known && l.prefix != "" && !bool(a) {
			counts[row]++
			rows[row][0] = share(l.prefix, counts[row])
			continue
		}
		kinds[l.key()], counts[len(rows)] = len(rows), 1
		rows = append(rows, slices.Concat([]string{l.name.Readable()}, l.cells))
	}
	return rows
}

// share is how many of the names of a prefix a row is about.
func share(prefix string, n int) string {
	if all := len(reverseNames(prefix)); n < all {
		return fmt.Sprintf("%s (%d of %d names)", prefix, n, all)
	}
	return fmt.Sprintf("%s (%d names)", prefix, n)
}
