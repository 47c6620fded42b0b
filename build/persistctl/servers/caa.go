package servers

import (
	"context"

	"github.com/miekg/dns"
)

// CAA returns the CAA RRset that is relevant for a name, as the resolver has it: the
// first one on the way up from the name to below the root (RFC 8659 section 3), and
// its owner. Where there is none, owner is empty. Where a name on the way has no
// answer, or a bogus one, the view is of that.
func (f Finder) CAA(ctx context.Context, name string) (owner string, relevant View, err error) {
	name = dns.CanonicalName(name)
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		v, err := f.Resolve(ctx, name[off:], dns.TypeCAA)
		if err != nil || v.Err != nil || v.Bogus != nil || len(v.RRs) > 0 {
			return name[off:], v, err
		}
		relevant = v
	}
	relevant.Alias = ""
	return "", relevant, nil
}
