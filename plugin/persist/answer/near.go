package answer

import (
	"github.com/miekg/dns"
)

// near has room for what nearly every granted name has, one TXT record and its
// signature, in one piece of memory. Records that lie about cost an answer more
// in waiting for memory, and in garbage collection, than all else about it.
type near struct {
	txt     dns.TXT
	strings [1]string
	sig     dns.RRSIG
	rrs     [2]dns.RR
}

// hold returns copies of signed that lie in n, or signed itself where that has
// no room for it.
func (n *near) hold(signed []dns.RR) []dns.RR {
	if len(signed) != len(n.rrs) {
		return signed
	}
	txt, isTXT := signed[0].(*dns.TXT)
	sig, isSig := signed[1].(*dns.RRSIG)
	if !isTXT || !isSig {
		return signed
	}
	n.txt, n.sig = *txt, *sig
	if len(txt.Txt) == len(n.strings) {
		copy(n.strings[:], txt.Txt)
		n.txt.Txt = n.strings[:]
	}
	n.rrs = [2]dns.RR{&n.txt, &n.sig}
	return n.rrs[:]
}
