package policy

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Grant is an account's permission to validate one FQDN. It is never changed
// after it was handed out, and as long as it says the same it is the same
// pointer from one book to the next.
type Grant struct {
	FQDN record.FQDN
	*Terms
}

// Terms are all that a grant says but the name. Grants of an account that say
// the same share them. They are comparable.
type Terms struct {
	Team      string // slugs of the documents it rests on
	Issuer    string
	Account   string
	Subtree   bool // names below are granted too: see [Book.Reach]
	Until     Until
	NotBefore time.Time // zero: from the beginning
	Withheld  string    // why nothing is served, empty if nothing speaks against it

	publishes publication
}

// Opaque reports whether the account URI is one that a CA without ACME hands out: the
// grant has the opaque form alone. It is false where the grant is withheld.
func (t *Terms) Opaque() bool { return t.publishes.forms == formOpaque }

// Path is the path of the account document that holds the grant.
func (g *Grant) Path() string { return g.place().path() }

func (t *Terms) place() place { return place{t.Team, t.Issuer, t.Account} }

// withhold has nothing served, because of why.
func (t *Terms) withhold(why string) { t.Withheld, t.publishes = why, publication{} }
