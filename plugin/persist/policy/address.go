package policy

import (
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// parseNames returns the names that an entry of domains stands for: one, or the
// reverse names of an IP prefix.
func parseNames(s string) (names []record.FQDN, star bool, err error) {
	if isPrefix(s) {
		names, err = record.ParsePrefix(s)
		return names, false, err
	}
	name, star, err := record.ParseFQDN(s)
	return []record.FQDN{name}, star, err
}

// isPrefix reports whether s is meant to be a prefix, whether it is one or not.
func isPrefix(s string) bool {
	addr, _, ok := strings.Cut(s, "/")
	return ok && strings.Trim(addr, "0123456789abcdefABCDEF.:") == ""
}

// reach settles how far the grants of reverse names reach that an entry stands
// for: those of a prefix to every address in it. An address has nothing below it,
// and what the account asks for in general is not for it.
func (w *wanted) reach(o *object, names []record.FQDN) {
	wildcard, _ := o.take("wildcard")
	if wildcard.says("true") {
		o.fault("wildcard", "is for domain names, and an IP address has no names below it: leave it out")
	}
	w.wildcard = false
	subtree, said := o.take("subtree")
	_, ok := names[0].Prefix()
	switch {
	case len(names) == 1 && names[0].IsAddress():
		if subtree.says("true") {
			o.fault("subtree", "is for domain names and prefixes, and one IP address has nothing below it: leave it out")
		}
		w.subtree = false
	case ok:
		if said && !subtree.says("true") {
			o.fault("subtree", "is not true, and a prefix is nothing but the addresses in it: leave it out, or write the addresses that are meant")
		}
		w.subtree = true
	case subtree.says("true"):
		o.fault("subtree", "is for a name that no address lies under: grant each name")
		w.subtree = false
	default:
		w.subtree = false
	}
}
