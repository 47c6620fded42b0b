package policy

import (
	"slices"
	"strings"
)

func setOf[T comparable](list []T) map[T]bool {
	set := make(map[T]bool, len(list))
	for _, t := range list {
		set[t] = true
	}
	return set
}

// union returns what is in either list, that of a first, without repetition.
func union[T comparable](a, b []T) []T {
	seen := make(map[T]bool, len(a)+len(b))
	var list []T
	for _, t := range slices.Concat(a, b) {
		if !seen[t] {
			seen[t] = true
			list = append(list, t)
		}
	}
	return list
}

// common returns what is in both lists, in the order of a.
func common[T comparable](a, b []T) []T {
	in := setOf(b)
	return slices.DeleteFunc(slices.Clone(a), func(t T) bool { return !in[t] })
}

// few is list as a message shows it.
func few(list []string, separator string) string {
	const most = 8
	if len(list) > most {
		return strings.Join(list[:most], separator) + separator + "…"
	}
	return strings.Join(list, separator)
}
