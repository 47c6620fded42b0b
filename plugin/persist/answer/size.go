package answer

import (
	"github.com/miekg/dns"
)

// MaxUDP is the largest response sent over UDP and the size advertised, in
// octets: what crosses practically every path without fragments (RFC 9715
// section 3.2).
const MaxUDP = 1232

// Size is that of the response which answers a question for TXT at owner with
// rrs, in octets: with EDNS, without options.
func Size(owner string, rrs []dns.RR) int {
	m := new(dns.Msg).SetQuestion(owner, dns.TypeTXT).SetEdns0(MaxUDP, true)
	m.Answer, m.Compress = rrs, true
	return m.Len()
}

// grown tells of a set that is too big for UDP, unless it was so before.
func (a *Authority) grown(owner string, s *set, before, now bool) {
	if now && !before && a.Outgrown != nil {
		a.Outgrown(owner, Size(owner, s.signed))
	}
}
