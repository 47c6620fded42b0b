package policy

import (
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Grant is an account's permission to validate one FQDN. It is never changed
// after it was handed out, and as long as it says the same it is the same
// pointer from one book to the next.
type Grant struct {
	FQDN      record.FQDN
	Team      string // slugs of the documents it rests on
	Issuer    string
	Account   string
	Subtree   bool // names below are granted too
	Until     Until
	NotBefore time.Time       // zero: from the beginning
	Records   []record.Record // one for each form and issuer, without persistUntil; empty where Withheld is not
	Withheld  string          // why nothing is served, empty if nothing speaks against it
}

// Path is the path of the account document that holds the grant.
func (g *Grant) Path() string { return g.place().path() }

func (g *Grant) place() place { return place{g.Team, g.Issuer, g.Account} }

// equal reports whether g and h say the same.
func (g *Grant) equal(h *Grant) bool {
	return g.FQDN == h.FQDN && g.place() == h.place() && g.Subtree == h.Subtree && g.Until == h.Until &&
		g.NotBefore.Equal(h.NotBefore) && g.Withheld == h.Withheld && slices.Equal(g.Records, h.Records)
}
