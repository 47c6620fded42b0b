package record

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// longestInput bounds what is normalised, in octets: 253 characters of four
// octets each fit. Punycode costs the square of a label's length.
const longestInput = 1024

// aLabels maps U-labels to A-labels (UTS 46, non-transitional). What ASCII
// characters a name may have is for checkLabels to say.
var aLabels = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.CheckHyphens(false),
)

var (
	errTooLong = errors.New("has more than 253 octets, which no domain name does (RFC 1035 section 2.3.4)")
	errIDNA    = errors.New("contains a character, or an A-label, that IDNA2008 does not allow (RFC 5892): write the name as it is registered")
)

// normalize returns s case folded, in NFC, as A-labels and without one trailing
// dot, by the algorithm of draft-ietf-acme-dns-persist-02 section 9.2. Its
// errors continue a sentence that starts with the name.
func normalize(s string) (string, error) {
	switch {
	case len(s) > longestInput:
		return "", errTooLong
	case isNormal(s):
		return strings.TrimSuffix(s, "."), nil
	}
	return normalizeAny(s)
}

// ALabels returns s with its U-labels as A-labels, by the algorithm by which
// ParseFQDN reads names, and as it is where it is ASCII. Its errors continue a
// sentence that starts with the name.
func ALabels(s string) (string, error) {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return s, nil
	}
	return normalize(s)
}

// isNormal reports whether s is what folding, composing and mapping would leave
// as it is, at a hundredth of their cost: most names are. An A-label must be
// looked into.
func isNormal(s string) bool {
	for i := range len(s) {
		if c := rune(s[i]); !isLDH(c) && c != '.' && c != '_' {
			return false
		}
	}
	return !strings.Contains(s, "xn--")
}

func normalizeAny(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("is not UTF-8")
	}
	folded := norm.NFC.String(cases.Fold().String(s))
	name, err := aLabels.ToASCII(folded)
	if err != nil {
		return "", errIDNA
	}
	if err := unambiguous(s, folded, name); err != nil {
		return "", err
	}
	return strings.TrimSuffix(name, "."), nil
}

// unambiguous refuses what case folding turns into another name than lower
// casing does, as it turns the registrable ß into ss, and the final sigma into
// the other one. Clients and CAs do either, so a record would be looked for at
// a name that belongs to somebody else.
func unambiguous(s, folded, name string) error {
	lower := norm.NFC.String(strings.ToLower(s))
	if lower == folded {
		return nil
	}
	other, err := aLabels.ToASCII(lower)
	if err == nil && other == name {
		return nil
	}
	return fmt.Errorf("is read as %s by some and as %s by others: write the one that is meant", quote(name), quote(other))
}

// checkLabels checks the labels of a normalised name: letters, digits, hyphens
// inside (RFC 5890 section 2.3.1), and whatever else is in also.
func checkLabels(name, also string) error {
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return errors.New("has an empty label: write one dot between labels")
		case len(label) > 63:
			return fmt.Errorf("has a label of %d octets, and the most is 63 (RFC 1035 section 2.3.4)", len(label))
		case label[0] == '-' || label[len(label)-1] == '-':
			return errors.New("has a label that starts or ends with a hyphen (RFC 5890 section 2.3.1)")
		}
		if i := strings.IndexFunc(label, func(r rune) bool { return !isLDH(r) && !strings.ContainsRune(also, r) }); i >= 0 {
			return fmt.Errorf("contains %q: a label has letters, digits and hyphens", label[i])
		}
	}
	return nil
}

// isLDH reports whether r is a letter of a normalised name, a digit or a hyphen.
func isLDH(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
}
