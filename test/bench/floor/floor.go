// Package floor is a CoreDNS plugin that does the least a plugin can do for a
// signed answer: it looks the name up in a map and sends the records that stand
// there. What it serves in a second is what CoreDNS leaves to any plugin.
package floor

import (
	"context"
	"io"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// Floor answers every query for a name it knows with the same records, and
// refuses all others. It looks at neither type nor DO bit.
type Floor struct {
	answers map[string][]dns.RR // by owner, lower case with trailing dot
}

var _ plugin.Handler = (*Floor)(nil)

// Read makes a Floor of the records in a master file (RFC 1035 section 5),
// whose owners must be absolute. Records of one owner are one answer, in the
// order of the file.
func Read(r io.Reader) (*Floor, error) {
	answers := map[string][]dns.RR{}
	zone := dns.NewZoneParser(r, "", "")
	for rr, ok := zone.Next(); ok; rr, ok = zone.Next() {
		owner := strings.ToLower(rr.Header().Name)
		answers[owner] = append(answers[owner], rr)
	}
	return &Floor{answers}, zone.Err()
}

// ServeDNS implements plugin.Handler.
func (f *Floor) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	state := request.Request{W: w, Req: r}
	answer, ok := f.answers[state.Name()]
	if !ok {
		return dns.RcodeRefused, nil
	}
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative = true
	m.Answer = answer
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// Name implements plugin.Handler.
func (f *Floor) Name() string { return "floor" }
