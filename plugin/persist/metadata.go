package persist

import (
	"context"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
)

// Metadata implements metadata.Provider. The functions run only where another
// plugin asks for a label.
func (p *Persist) Metadata(ctx context.Context, state request.Request) context.Context {
	a := p.authority(state.Name())
	if a == nil || !contains(a.Zone(), state.Name()) {
		return ctx
	}
	place := func() zone.Place {
		if book := a.Book(); book != nil {
			return a.Zone().Find(book, state.Name())
		}
		return zone.Place{}
	}
	metadata.SetValueFunc(ctx, "persist/zone", func() string { return a.Zone().Origin })
	metadata.SetValueFunc(ctx, "persist/fqdn", func() string {
		if at := place(); len(at.Grants) > 0 {
			return string(at.FQDN)
		}
		return ""
	})
	metadata.SetValueFunc(ctx, "persist/accounts", func() string { return accounts(place().Grants) })
	return ctx
}

// accounts lists the TEAM/ISSUER/NAME of every account granted the name.
func accounts(grants []*policy.Grant) string {
	names := make([]string, len(grants))
	for i, g := range grants {
		names[i] = g.Team + "/" + g.Issuer + "/" + g.Account
	}
	return strings.Join(names, ",")
}
