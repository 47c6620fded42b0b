package dnssec

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// long is a name in the zone example. of 8 octets that is size octets long, of
// the given octet, with labels as long as can be from the right on.
func long(size int, octet string) string {
	name := "example."
	for rest := size - 9; rest > 0; {
		label := min(rest-1, 63)
		name = strings.Repeat(octet, label) + "." + name
		rest -= label + 1
	}
	return name
}

func TestSuccessor(t *testing.T) {
	x61, z63 := strings.Repeat("x", 61), strings.Repeat(`\255`, 63)
	for _, tt := range []struct{ what, name, want string }{
		{"the apex", "example.", `\000.example.`},
		{"a short name", "a.example.", `\000.a.example.`},
		{"upper case", "A.EXAMPLE.", `\000.a.example.`},
		{"253 octets", long(253, "a"), `\000.` + long(253, "a")},
		{"254 octets: a sibling", "a." + long(252, "b"), `a\000.` + long(252, "b")},
		{"254 octets with a full label", x61 + "ab." + long(190, "b"), x61 + "ac." + long(190, "b")},
		{"254 octets with a full label, ending in 255", x61 + `a\255.` + long(190, "b"), x61 + "b." + long(190, "b")},
		{"255 octets", "ab." + long(252, "b"), "ac." + long(252, "b")},
		{"255 octets, before upper case", "a@." + long(252, "b"), "a[." + long(252, "b")},
		{"255 octets, last lower case", "az." + long(252, "b"), "a{." + long(252, "b")},
		{"255 octets, ending in 255", `a\255.` + long(252, "b"), "b." + long(252, "b")},
		{"255 octets, all 255", `\255\255.a.` + long(250, "b"), `a\000.` + long(250, "b")},
		{"255 octets, all 255 under a full label", `\255\255.` + x61 + "ab." + long(188, "b"), x61 + "ac." + long(188, "b")},
		{"255 octets, all 255 twice", `\255.` + z63 + ".a." + long(187, "b"), `a\000.` + long(187, "b")},
		{"the last name of the zone", long(255, `\255`), "example."},
		{"not a name", "a..example.", `\000.`},
	} {
		if got := successor(tt.name, "example."); got != tt.want {
			t.Errorf("%s: Successor of %s is\n%s, want\n%s", tt.what, tt.name, got, tt.want)
		}
	}
}

func TestSuccessorStaysInADeeperZone(t *testing.T) {
	apex := strings.Repeat("a", 60) + ".example."
	last := strings.Repeat(`\255`, 56) + "." + strings.Repeat(strings.Repeat(`\255`, 63)+".", 2) + apex
	if size := split(last).size(); size != 255 {
		t.Fatalf("The name is %d octets long, want 255", size)
	}
	if got := successor(last, apex); got != apex {
		t.Errorf("Successor of the last name is %s, want the apex", got)
	}
}

// fuzzed makes a name of at most 255 octets below example. of data: an octet
// per octet of a label, with a dot where data has one.
func fuzzed(data []byte) string {
	l := split("example.")
	for label := range strings.SplitSeq(string(data), ".") {
		if n := min(len(label), maxLabel, l.room()-1); n > 0 {
			l = l.under([]byte(label[:n]))
		}
	}
	return strings.ToLower(l.String())
}

// Names that are just after another by the rules of canonical order, in
// whatever way: none may lie between a name and its successor.
func neighbours(name string) []string {
	var names []string
	l := split(name)
	for i := range len(l) - 1 {
		label, parent := l[i], l[i+1:]
		for _, other := range [][]byte{
			append([]byte{}, label...), append(append([]byte{}, label...), 0), append(append([]byte{}, label...), 0xff),
			label[:len(label)-1], {label[0]}, {0}, {0xff}, {'*'}, append(append([]byte{}, label[:len(label)-1]...), label[len(label)-1]+1),
		} {
			if len(other) == 0 || len(other) > maxLabel {
				continue
			}
			for _, n := range []labels{parent.under(other), parent.under(other).under([]byte{0}), parent.under(other).under([]byte{0xff})} {
				if n.room() >= 0 {
					names = append(names, n.String())
				}
			}
		}
	}
	for _, first := range []byte{0, 1, 0xff} {
		if n := l.under([]byte{first}); n.room() >= 0 {
			names = append(names, n.String())
		}
	}
	return names
}

func FuzzNothingLiesBetweenANameAndItsSuccessor(f *testing.F) {
	for _, name := range []string{"", "a", "a.b", "*", "\x00", "\xff", "@", "Z"} {
		f.Add([]byte(name), []byte("b"))
		f.Add([]byte(strings.Repeat("a", 63)+"."+strings.Repeat("b", 63)+"."+strings.Repeat("c", 63)+"."+strings.Repeat("d", 48)+"."+name), []byte("zz"))
		f.Add([]byte(strings.Repeat(strings.Repeat("\xff", 63)+".", 4)+name), []byte("zz"))
	}
	f.Fuzz(func(t *testing.T, data, other []byte) {
		name := fuzzed(data)
		next := successor(name, "example.")
		if _, ok := dns.IsDomainName(next); !ok || !dns.IsSubDomain("example.", next) {
			t.Fatalf("Successor of %s is %s, no name of the zone", name, next)
		}
		last := next == "example."
		if !last && order(t, name, next) >= 0 {
			t.Fatalf("Successor %s does not follow %s", next, name)
		}
		for _, between := range append(neighbours(name), fuzzed(other)) {
			if order(t, name, between) < 0 && (last || order(t, between, next) < 0) {
				t.Fatalf("%s lies between %s and its successor %s", between, name, next)
			}
		}
	})
}
