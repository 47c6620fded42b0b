package policy

import (
	"cmp"
	"slices"
	"time"
)

// tenures are the thumbprints by which a document names an account, with the
// instant at which its overlap with the next one ends; zero: it goes on. Under the
// empty one stands what holds for all others, none of which it names where that is
// missing. nil are those of a document that nothing narrows.
type tenures map[string]time.Time

// tenures are those that the document leaves to the account at uri.
func (a *account) tenures(uri string) tenures {
	t := tenures{}
	if uri == cmp.Or(a.overlap.uri, a.uri) {
		t.add(a.overlap.thumbprints, a.overlap.until)
	}
	switch {
	case uri == a.uri && len(a.thumbprints) == 0: // it is for the team to say
		t[""] = time.Time{}
	case uri == a.uri:
		t.add(a.thumbprints, time.Time{})
	case uri == a.overlap.uri && len(a.overlap.thumbprints) == 0:
		t[""] = a.overlap.until
	}
	return t
}

func (t tenures) add(thumbprints []string, ends time.Time) {
	for _, thumbprint := range thumbprints {
		t[thumbprint] = ends
	}
}

// of is when t has records name a thumbprint no longer; zero: they go on, unless it
// may not be named at all.
func (t tenures) of(thumbprint string) (ends time.Time, named bool) {
	if ends, named = t[thumbprint]; !named {
		ends, named = t[""]
	}
	return ends, named || t == nil
}

// narrow returns t with what read, of a document written later, restricts.
func (t tenures) narrow(read tenures) tenures {
	both := tenures{}
	for _, all := range []tenures{t, read} {
		for thumbprint := range all {
			before, named := t.of(thumbprint)
			after, still := read.of(thumbprint)
			if named && still {
				both[thumbprint] = sooner(before, after)
			}
		}
	}
	return both
}

// left are those of thumbprints that may be named.
func (t tenures) left(thumbprints []string) []string {
	return slices.DeleteFunc(slices.Clone(thumbprints), func(thumbprint string) bool {
		_, named := t.of(thumbprint)
		return !named
	})
}
