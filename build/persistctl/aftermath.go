package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// remaining is what stops and freezes do not end.
type remaining struct {
	Names    int           `json:"names"`    // that lose records
	Narrowed int           `json:"narrowed"` // that keep theirs, without the wildcard or the account of an overlap
	Subtrees int           `json:"subtrees"` // of the names that lose records, whose subtrees do so too
	Accounts []accountLeft `json:"accounts"`
	Bound    *lastTrace    `json:"revocation,omitempty"`
	Idle     []string      `json:"stops_nothing,omitempty"`
	frozen   bool
}

// accountLeft is an account at a CA that is valid there all the same.
type accountLeft struct {
	Issuer string `json:"issuer"`
	URI    string `json:"account_uri"`
	Names  int    `json:"names"`
}

// lookAround finds what remains after a stop. It comes after the stop is
// written, which must not wait for it, and an error is only told.
func (b *braking) lookAround(ctx context.Context, done *braked) {
	lib, err := b.docs.loadFit(ctx, b.dir, b.now)
	if err != nil {
		done.Unknown = err.Error()
		return
	}
	done.Remains = b.remains(lib, !b.freeze.or(b.now).IsZero())
}

// remains says what the scopes stop, of all grants where rotation is frozen, in
// a library that has the stops.
func (b *braking) remains(lib *library, frozen bool) *remaining {
	others := slices.DeleteFunc(slices.Clone(lib.Stops()), func(s policy.Scope) bool { return slices.Contains(b.scopes, s) })
	running := withoutControl(lib.snapshot)
	free := policy.Compile(nil, running, policy.Brakes{Stops: others, Freeze: lib.Freeze()})
	after := policy.Compile(free, running, policy.Brakes{Stops: lib.Stops(), Freeze: lib.Freeze()})
	affected, stays := changedBy(free, after), isServed(after)
	if frozen {
		affected, stays = slices.Collect(free.Grants()), func(*policy.Grant) bool { return false }
	}
	affected = slices.DeleteFunc(affected, func(g *policy.Grant) bool { return g.Withheld != "" })
	r := &remaining{frozen: frozen, Accounts: []accountLeft{}}
	r.countNames(affected, stays)
	r.countAccounts(free, affected, after, b.now)
	r.Bound = b.stanza.lastTrace(free, affected, later(b.now, b.freeze.Time)).near(&b.docs)
	for _, s := range lib.Idle() {
		if slices.Contains(b.scopes, s) {
			r.Idle = append(r.Idle, s.String())
		}
	}
	return r
}

// withoutControl is s without the control document.
func withoutControl(s *store.Snapshot) *store.Snapshot { return without(s, store.ControlPath) }

// without is s without the document at path.
func without(s *store.Snapshot, path string) *store.Snapshot {
	rest := *s
	rest.Documents = slices.DeleteFunc(slices.Clone(s.Documents), func(d store.Document) bool { return d.Path == path })
	return &rest
}

// changedBy returns the grants of before that are others in after, the book that
// was compiled after it: a grant that says the same is the same pointer. A stop
// below a subtree changes what that is there, though not the grant.
func changedBy(before, after *policy.Book) []*policy.Grant {
	var list []*policy.Grant
	for g := range before.Grants() {
		if !slices.Contains(after.Lookup(g.FQDN), g) {
			list = append(list, g)
		}
	}
	return append(list, stoppedBelow(before, after)...)
}

// isServed says of a grant in another book whether book has it too, perhaps
// without its wildcard.
func isServed(book *policy.Book) func(*policy.Grant) bool {
	return func(g *policy.Grant) bool {
		return slices.ContainsFunc(book.Lookup(g.FQDN), func(now *policy.Grant) bool { return now.Path() == g.Path() && now.Withheld == "" })
	}
}

// countNames counts the names of grants: a name of which all stay is narrowed.
func (r *remaining) countNames(grants []*policy.Grant, stays func(*policy.Grant) bool) {
	withdrawn, subtrees := map[record.FQDN]bool{}, map[record.FQDN]bool{}
	for _, g := range grants {
		gone := !stays(g)
		withdrawn[g.FQDN] = withdrawn[g.FQDN] || gone
		if gone && g.Subtree && !g.FQDN.IsAddress() {
			subtrees[g.FQDN] = true
		}
	}
	r.Subtrees = len(subtrees)
	for _, is := range withdrawn {
		if is {
			r.Names++
		} else {
			r.Narrowed++
		}
	}
}

// countAccounts counts the names of each account that is stopped.
func (r *remaining) countAccounts(book *policy.Book, grants []*policy.Grant, after *policy.Book, at time.Time) {
	issuers := namesOfIssuers(book)
	index := map[accountLeft]int{}
	for _, g := range grants {
		for _, uri := range stoppedOf(g, after, at) {
			a := accountLeft{Issuer: issuers[g.Issuer], URI: uri}
			at, ok := index[a]
			if !ok {
				at = len(r.Accounts)
				index[a] = at
				r.Accounts = append(r.Accounts, a)
			}
			r.Accounts[at].Names++
		}
	}
}

// stoppedOf are the accounts of a grant that has other records in after: those
// that it names there no longer, or all of them where the records are narrowed.
func stoppedOf(g *policy.Grant, after *policy.Book, at time.Time) []string {
	all := g.AccountURIs(at)
	for _, now := range after.Lookup(g.FQDN) {
		if now.Path() != g.Path() {
			continue
		}
		named := now.AccountURIs(at)
		gone := slices.DeleteFunc(slices.Clone(all), func(uri string) bool { return slices.Contains(named, uri) })
		if len(gone) > 0 {
			return gone
		}
	}
	return all
}

func (r *remaining) text(w io.Writer) {
	for _, s := range r.Idle {
		fmt.Fprintf(w, "%s stops nothing that is granted: is it a slip, or meant for what is granted later?\n", s)
	}
	if len(r.Accounts) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s. It ends no validation and no certificate that a CA has. What you have to do:\n", r.what())
	fmt.Fprintln(w, "- At the CA, deactivate the accounts, which ends everything at once (RFC 8555 section 7.3.6), if they are stolen, and revoke certificates (section 7.6):")
	rows := make([][]string, 0, len(r.Accounts))
	for _, a := range r.Accounts {
		rows = append(rows, []string{"    " + a.Issuer, a.URI, counted(a.Names, "name")})
	}
	table(w, rows...)
	fmt.Fprintln(w, "- In CAA, name the accounts that may go on (accounturi, RFC 8657), or no CA: it is looked at for each certificate, whatever was validated before. persistctl caa NAME prints the records of what is still granted.")
	if r.Bound != nil {
		fmt.Fprintln(w)
		r.Bound.text(w)
	}
}

const narrowing = "the wildcard or the overlap ends, and the name itself is granted as before"

// what says what becomes of the records.
func (r *remaining) what() string {
	names := counted(r.Names, "name")
	if r.Subtrees > 0 {
		names += fmt.Sprintf(", and at every name in the subtrees of %d of them", r.Subtrees)
	}
	switch {
	case r.frozen:
		return "The records end by themselves at " + names
	case r.Narrowed == 0:
		return "The records are withdrawn at " + names
	case r.Names == 0:
		return "No records are withdrawn, and " + counted(r.Narrowed, "name") + " narrowed: " + narrowing
	}
	return fmt.Sprintf("The records are withdrawn at %s, and %s narrowed: %s", names, counted(r.Narrowed, "name"), narrowing)
}

// stillHeld finds what keeps stopped what the scopes covered.
func (b *braking) stillHeld(ctx context.Context, done *resumed) {
	lib, err := b.docs.loadFit(ctx, b.dir, b.now)
	if err != nil {
		done.Unknown = err.Error()
		return
	}
	running := withoutControl(lib.snapshot)
	free := policy.Compile(nil, running, policy.Brakes{})
	names := map[string]map[string]bool{} // what keeps grants stopped, of which names
	for _, g := range changedBy(free, policy.Compile(free, running, policy.Brakes{Stops: b.scopes})) {
		for _, now := range lib.At(g.FQDN) {
			if stop, ok := strings.CutPrefix(now.Withheld, "stopped: "); ok && now.Path() == g.Path() {
				if names[stop] == nil {
					names[stop] = map[string]bool{}
				}
				names[stop][string(g.FQDN)] = true
			}
		}
	}
	for _, stop := range slices.Sorted(maps.Keys(names)) {
		done.Held = append(done.Held, fmt.Sprintf("%s is still stopped, which covers %d of the names", stop, len(names[stop])))
	}
	if at := lib.Freeze(); !at.IsZero() {
		done.Held = append(done.Held, "rotation still stands still from "+stamp(at)+" on")
	}
}
