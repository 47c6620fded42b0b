package policy

import "github.com/coredns-persist/persist/plugin/persist/record"

// Aliased returns the long name that has grants and the alias label, false where
// there is none (see [record.FQDN.Alias]). It does not allocate.
func (b *Book) Aliased(label string) (record.FQDN, bool) {
	if s := b.aliases.get(record.FQDN(label)); s != nil {
		return s.entry().grants[0].FQDN, true
	}
	return "", false
}

// ContainsPlain reports whether there is a grant at name or below it whose name
// is not a long one.
func (b *Book) ContainsPlain(name record.FQDN) bool {
	s := b.names.get(name)
	return s != nil && s.entry().isPlain()
}

// aliases returns the trie of the long names of names by their aliases, made of
// that of the names before. It looks at nothing that the two have in common.
func aliases(before trie, old, names trie) trie {
	e := before.edit()
	names.root.since(old.root, 0, func(x entry) bool {
		if x.name.IsLong() && len(x.grants) > 0 {
			e.drop(record.FQDN(x.name.Alias()))
		}
		return true
	})
	old.root.since(names.root, 0, func(x entry) bool {
		if x.name.IsLong() && len(x.grants) > 0 {
			e.put(entry{name: record.FQDN(x.name.Alias()), grants: x.grants})
		}
		return true
	})
	return e.trie
}
