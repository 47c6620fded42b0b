package servers

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// Resolve returns what the resolver says of the RRset with a name and type. An
// answer is bogus if the resolver gives it only where it need not validate it. Alias
// is the last name that CNAME records lead to. It fails where no resolver is known.
func (f Finder) Resolve(ctx context.Context, name string, qtype uint16) (View, error) {
	r, err := f.resolver()
	if err != nil {
		return View{}, err
	}
	name = dns.CanonicalName(name)
	v := View{Server: string(r)}
	reply, err := r.reply(ctx, new(dns.Msg).SetQuestion(name, qtype).SetEdns0(payload, true))
	if err != nil {
		v.Err = err
		if reply == nil || reply.Rcode != dns.RcodeServerFailure {
			return v, nil
		}
		if reply, err = r.loose(ctx, name, qtype); err != nil {
			return v, nil
		}
		v.Err, v.Bogus = nil, fmt.Errorf("%w, and the data where it need not validate it", v.Err)
	}
	v.Secure = v.Bogus == nil && reply.AuthenticatedData
	v.follow(reply.Answer, name, qtype)
	return v, nil
}

// follow takes the RRset from the answer section of a resolver, in which aliases
// come before what they lead to.
func (v *View) follow(answer []dns.RR, name string, qtype uint16) {
	for _, rr := range answer {
		switch alias, ok := rr.(*dns.CNAME); {
		case dns.CanonicalName(rr.Header().Name) != name:
		case rr.Header().Rrtype == qtype:
			v.RRs = append(v.RRs, rr)
		case ok:
			name = dns.CanonicalName(alias.Target)
			v.Alias = name
		}
	}
}
