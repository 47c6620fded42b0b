package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// types are asked of every name, and ANY.
var types = []uint16{
	dns.TypeTXT, dns.TypeSOA, dns.TypeNS, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY,
	dns.TypeNSEC, dns.TypeRRSIG, dns.TypeA, dns.TypeCAA, unknownType,
}

const unknownType uint16 = 65280

// kind is what stands at a name.
type kind int

const (
	apex     kind = iota
	cut           // an apex with the record of a grant
	record        // of a grant
	empty         // nothing, but something stands below it
	absent        // nothing
	wildcard      // nothing, at a name that starts with the label "*"
)

// holds are the types that a zone has at names of a kind, besides NSEC and RRSIG.
var holds = map[kind][]uint16{
	apex:   {dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY},
	cut:    {dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeTXT},
	record: {dns.TypeTXT},
}

// name is a name that is asked for, and what stands there.
type name struct {
	fqdn string
	kind kind
}

const label = "_validation-persist."

// granted are the domains below a zone that are granted to one account: each
// makes its ancestors empty non-terminals.
func granted(zone string) []string {
	return []string{"a.b", "d.e.f.g", pad(zone, 255-len(label))}
}

// names are the names asked for in a zone.
func (s setting) names() []name {
	switch {
	case s.cut != "":
		return s.namesOfCut()
	case s.targets:
		return s.targetNames()
	}
	zone := s.zone()
	list := []name{
		{zone, apex}, {strings.ToUpper(zone), apex},
		{label + zone, record}, {label + "big." + zone, record}, {mixed(label + "a.b." + zone), record},
	}
	add := func(k kind, names ...string) {
		for _, n := range names {
			list = append(list, name{n + zone, k})
		}
	}
	for _, domain := range granted(zone) {
		add(record, label+domain+".")
		for _, off := range dns.Split(domain) {
			add(empty, domain[off:]+".")
		}
	}
	add(empty, "big.", "A.b.", "E.F.G.")
	add(absent, "x.", "y.b.", "x."+label, label+"b.", label+"x.", "X.e.F.g.", "*foo.", "*foo.a.b.", "a.*.", "a.*.b.",
		`\000.`, `\255.`, "-.", "0.", "_.", "zzz.", "_validation-persis.", "_validation-persist0.", pad(zone, 254)+".", pad(zone, 255)+".")
	add(wildcard, "*.", "*.b.", "*.a.b.", "*."+label, "*.x.", "*.x.y.", "*."+pad(zone, 253)+".")
	withheld := absent
	if s.compact() { // where the name of a grant keeps existing when its record is withheld
		withheld = empty
	}
	add(withheld, "off.", label+"off.")
	if hasSubtree(zone) {
		list = append(list, namesOfSubtree(zone)...)
	}
	return list
}

// subtree and own are the domains below a zone of which one is granted with all
// that lies below it, and the other alone.
const subtree, own = "sub", "own.sub"

// namesOfSubtree are names at and below the grant of a subtree: most of them
// nobody has listed.
func namesOfSubtree(zone string) []name {
	var list []name
	for k, names := range map[kind][]string{
		record:   {"", "x.", "E.d.C.b.A.", "own.", pad(subtree+"."+zone, 255-len(label)) + "."},
		empty:    {"", "x.", "e.d.c.b.a.", "own.", pad(subtree+"."+zone, 255-len(label)) + "."},
		absent:   {"f.e.d.c.b.a.", label + "f.e.d.c.b.a.", "x.own.", label + "x.own.", "x." + label + "x.", "a.*.", "*x.", `\000.`, pad(subtree+"."+zone, 254) + "."},
		wildcard: {"*.", "*.x.", "*.own.", "*." + label + "x."},
	} {
		for _, n := range names {
			if k == record {
				n = label + n
			}
			list = append(list, name{n + subtree + "." + zone, k})
		}
	}
	slices.SortFunc(list, func(a, b name) int { return strings.Compare(a.fqdn, b.fqdn) })
	return list
}

// namesOfCut are those in a cut, which holds nothing below its apex.
func (s setting) namesOfCut() []name {
	zone, k := s.zone(), cut
	if s.cut == disabled {
		k = apex
	}
	list := []name{{zone, k}, {strings.ToUpper(zone), k}, {mixed(zone), k}}
	add := func(k kind, names ...string) {
		for _, n := range names {
			list = append(list, name{n + zone, k})
		}
	}
	add(absent, "x.", "x.y.", label, "*foo.", "a.*.", `\000.`, `\255.`, "0.", pad(zone, 254)+".", pad(zone, 255)+".")
	add(wildcard, "*.", "*.x.", "*."+pad(zone, 253)+".")
	return list
}

// pad returns labels that make a name of the given octets on the wire, below
// zone.
func pad(zone string, octets int) string {
	left := octets - len(zone) - 1 // the root's octet
	var labels []string
	for left > 0 {
		n := min(left, 60)
		if left-n == 1 { // no label is empty
			n--
		}
		labels = append(labels, strings.Repeat("n", n-1))
		left -= n
	}
	return strings.Join(labels, ".")
}

// mixed returns a name with every other letter in upper case.
func mixed(name string) string {
	upper := []byte(strings.ToUpper(name))
	for i := range upper {
		if i%2 == 0 {
			upper[i] = name[i]
		}
	}
	return string(upper)
}

func TestNamesAreAsLongAsTheySay(t *testing.T) {
	for _, octets := range []int{180, 253, 254, 255} {
		name := pad("compact13.example.", octets) + ".compact13.example."
		if n, err := dns.PackDomainName(name, make([]byte, 300), 0, nil, false); err != nil || n != octets {
			t.Errorf("Expected %d octets, got %d, %v: %s", octets, n, err, name)
		}
	}
}

// question is a question of the matrix.
type question struct {
	setting
	name

	qtype uint16
}

func (q question) String() string {
	return fmt.Sprintf("%s: %s %s", q.setting, q.fqdn, dns.Type(q.qtype))
}

// matrix is every type at every name. ANY stands apart, to be asked last:
// validators answer it from all that they have, validated yet or not.
func (s setting) matrix() (list, last []question) {
	for _, n := range s.names() {
		for _, qtype := range types {
			list = append(list, question{s, n, qtype})
		}
		last = append(last, question{s, n, dns.TypeANY})
	}
	return list, last
}

// rcodes are those that a validator may give. Compact denial proves a name
// absent by NODATA, whose meaning validators may or may not know (RFC 9824
// section 3).
func (q question) rcodes() []int {
	switch {
	case q.kind <= empty:
		return []int{dns.RcodeSuccess}
	case q.kind == absent && q.compact():
		return []int{dns.RcodeSuccess, dns.RcodeNameError}
	}
	return []int{dns.RcodeNameError}
}

// data says whether the answer holds records. Compact denial makes an NSEC
// record for every name that is asked for; the absent name may as well be known
// to be absent.
func (q question) data() (data, known bool) {
	switch q.qtype {
	case dns.TypeNSEC, dns.TypeANY:
		return q.kind <= record || q.kind == empty && q.compact(), q.kind != absent || !q.compact()
	case dns.TypeRRSIG: // validators differ in what they say
		return true, false
	case dns.TypeDS:
		return q.kind <= cut, true // from the parent
	}
	return slices.Contains(holds[q.kind], q.qtype), true
}

// secure says whether an answer can be validated. Signatures themselves are not
// signed (RFC 4035 section 2.2).
func (q question) secure() bool { return q.qtype != dns.TypeRRSIG }

// fault says what is wrong with the answer of a validator, empty for nothing.
func (q question) fault(r *dns.Msg) string {
	data, known := q.data()
	of := func(rr dns.RR) bool { return rr.Header().Rrtype == q.qtype || q.qtype == dns.TypeANY }
	switch {
	case !slices.Contains(q.rcodes(), r.Rcode):
		return "wrong RCODE"
	case q.secure() && !r.AuthenticatedData:
		return "no AD"
	case known && data != slices.ContainsFunc(r.Answer, of):
		return fmt.Sprintf("records %t, not %t", !data, data)
	}
	return ""
}
