package record

import "strings"

// The labels in front of the name validated, where the record stands.
const (
	Label   = "_validation-persist"    // draft-ietf-acme-dns-persist-02 section 4
	IPLabel = "_ip-validation-persist" // for IP addresses: Baseline Requirements 3.2.2.5.8
)

// Owner returns the absolute name of the TXT RRset that validates f.
func (f FQDN) Owner() string { return f.label() + "." + string(f) + "." }

func (f FQDN) label() string {
	if f.IsReverse() {
		return IPLabel
	}
	return Label
}

// FromOwner returns the FQDN whose owner is name, which is absolute and in
// lower case, and false if name is no owner. It does not allocate, and does not
// check the rest of the name: one that ParseFQDN would refuse is in no policy.
func FromOwner(name string) (FQDN, bool) {
	if rest, ok := strings.CutPrefix(name, Label+"."); ok {
		f := FQDN(strings.TrimSuffix(rest, "."))
		return f, f != "" && !f.IsReverse()
	}
	if rest, ok := strings.CutPrefix(name, IPLabel+"."); ok {
		f := FQDN(strings.TrimSuffix(rest, "."))
		return f, f.IsReverse()
	}
	return "", false
}
