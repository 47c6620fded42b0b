package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// leastOverlap leaves time for refresh, TTL and a client: a number without a unit is
// of seconds, and 14 was meant to be days.
const leastOverlap = time.Hour

// replacing is what an account replace command was asked for.
type replacing struct {
	docs            documents
	old, new        string // account URIs
	thumbprint      string
	overlap, settle time.Duration
	approve, write  bool
	now             time.Time
}

const replaceHelp = `Change every account document of the account at OLD-URI to that at NEW-URI, which must
be of the same issuer. Without --write nothing is written, and what would be is
printed: the documents, the names whose records change, and what is to be done at
the CA.

Each document is changed in place: one write brings the new account, and keeps the
old one in an overlap that ends by itself, at the same instant in all documents. So
there is no moment with neither, a stop of a document goes on to hold, and max_grants
counts each name once. The ACME clients may change over at any time between. With
--overlap 0 the old account goes at once, as after a theft. With both URIs the other way
round it goes back while the overlap lasts: the accounts change places.

Where a team document approves accounts by name, an admin must have approved the new
one: what to add is printed, and nothing is written before it is there, since servers
would reject the account. With --approve, and a token that may, the approval is written
first, and the accounts when every server has read it (--settle).

Each document is written by check-and-set against the version that was compared. The
command may be interrupted and run again: it changes what is left, with the end of the
overlap that the others have. The exit status is 1 if it is refused.`

func newAccountReplace(out *output) *cobra.Command {
	var r replacing
	cmd := &cobra.Command{
		Use:   "replace OLD-URI NEW-URI [DIR | --vault[=ADDRESS]]",
		Short: "Replace an account by another in all documents, with an overlap that ends by itself",
		Long:  replaceHelp,
		Example: `  persistctl account replace https://acme-v02.api.letsencrypt.org/acme/acct/123 https://acme-v02.api.letsencrypt.org/acme/acct/456 docs/example/policies --approve
  persistctl account replace https://acme-v02.api.letsencrypt.org/acme/acct/123 https://acme-v02.api.letsencrypt.org/acme/acct/456 --vault --approve --overlap 14d`,
		Args: arity(2, 3),
	}
	r.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.old, r.new = args[0], args[1]
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		found, err := r.run(ctx, argument(args, 2), out.people(cmd.OutOrStdout()))
		if err == nil {
			err = out.programs(cmd.OutOrStdout(), found)
		}
		if err == nil && len(found.Refusals) > 0 {
			err = errFound
		}
		return err
	}
	return cmd
}

func (r *replacing) register(flags *pflag.FlagSet) {
	r.docs.register(flags)
	flags.StringVar(&r.thumbprint, "thumbprint", "", "SHA-256 thumbprint `T` of the new account's key (RFC 7638), for the hash form; default the one that the team document has")
	durationFlag(flags, &r.overlap, "overlap", 7*24*time.Hour, "`DURATION` for which the old account stays")
	durationFlag(flags, &r.settle, "settle", 75*time.Second, "wait for this `DURATION` between approvals and accounts, so that every server has read the ones before the others: refresh and the time of a scan")
	flags.BoolVar(&r.approve, "approve", false, "have team documents approve the new account too, which takes an admin's token")
	flags.BoolVar(&r.write, "write", false, "write the documents")
}

// replacement is what a replacement changes, and what comes of it.
type replacement struct {
	Old        string           `json:"account_uri"`
	New        string           `json:"replaced_by"`
	Until      time.Time        `json:"overlap_until,omitzero"` // zero: there is none
	Changes    []change         `json:"changes"`
	Replaced   []string         `json:"replaced_already"` // documents
	Names      []effect         `json:"names"`
	Approvals  []approvalNeeded `json:"approvals_needed"`
	Rejections []remark         `json:"rejections"` // what is rejected that was not before
	Refusals   []string         `json:"refusals"`   // why nothing is written
	Written    bool             `json:"written"`

	approving []change // of the team documents that an admin is to change first
}

// approvalNeeded is what an admin is to add to accounts of a team document.
type approvalNeeded struct {
	Document    string   `json:"document"`
	URI         string   `json:"account_uri"`
	Thumbprints []string `json:"thumbprints"`
}

func (r *replacing) run(ctx context.Context, dir string, progress io.Writer) (*replacement, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	r.now = time.Now().UTC().Truncate(time.Second)
	lib, err := r.docs.loadFit(ctx, dir, r.now)
	if err != nil {
		return nil, err
	}
	found, err := r.plan(lib)
	if err != nil {
		return nil, err
	}
	found.text(progress)
	if !r.write || len(found.Refusals) > 0 || len(found.Changes) == 0 {
		return found, nil
	}
	w, err := r.docs.writer(dir)
	if err != nil {
		return nil, err
	}
	return found, found.apply(ctx, w, r.settle, progress)
}

func (r *replacing) check() error {
	for _, uri := range []string{r.old, r.new} {
		if err := record.CheckAccountURI(uri); err != nil {
			return usageError{err}
		}
	}
	switch {
	case r.old == r.new:
		return usagef("the account is to be replaced by another, and both are %s", r.old)
	case r.overlap < 0:
		return usagef("--overlap %s: write how long the old account stays, or 0", r.overlap)
	case r.overlap > 0 && r.overlap < leastOverlap:
		return usagef("--overlap %s is over before clients can change over, as servers and caches need minutes to have the new records: write %s or more, like 14d, or 0 to have the old account go at once", r.overlap, leastOverlap)
	case r.thumbprint == "":
		return nil
	}
	if err := record.CheckThumbprint(r.thumbprint); err != nil {
		return usagef("--thumbprint: %w", err)
	}
	return nil
}

// plan compares the documents with those that are wanted.
func (r *replacing) plan(lib *library) (*replacement, error) {
	found := &replacement{Old: r.old, New: r.new, Changes: []change{}, Replaced: []string{}, Names: []effect{}, Approvals: []approvalNeeded{}, Refusals: []string{}}
	var left []policy.AccountFacts
	for _, a := range lib.Accounts() {
		switch {
		case a.URI == r.old:
			left = append(left, a)
		case a.URI == r.new && a.Former == r.old:
			found.Replaced = append(found.Replaced, versioned(lib.Book, a.Path))
			found.Until = later(found.Until, a.Until)
		}
	}
	if len(left)+len(found.Replaced) == 0 {
		return nil, fmt.Errorf("no account document is of %s: write its URI byte for byte as the CA gave it, or see persistctl account uses", r.old)
	}
	found.endOverlap(r)
	r.approveIn(found, lib, left)
	for _, a := range left {
		r.change(found, lib, a)
	}
	found.foresee(lib, r)
	return found, nil
}

// endOverlap has the overlap end with that of documents that are replaced already.
func (f *replacement) endOverlap(r *replacing) {
	switch {
	case r.overlap == 0:
		f.Until = time.Time{}
	case !f.Until.After(r.now):
		f.Until = r.now.Add(r.overlap)
	}
}

// change adds the change of an account document.
func (r *replacing) change(found *replacement, lib *library, a policy.AccountFacts) {
	d := lib.snapshot.Document(a.Path)
	body, err := policy.ReplaceAccount(d.Body, r.new, r.thumbprint, found.Until, r.now)
	if err != nil {
		found.Refusals = append(found.Refusals, fmt.Sprintf("%s %v", d.ID(), err))
		return
	}
	found.Changes = append(found.Changes, updated(d, body))
}

// approveIn finds the team documents that must approve the new account, and adds
// their changes where that was asked for.
func (r *replacing) approveIn(found *replacement, lib *library, left []policy.AccountFacts) {
	for _, t := range lib.Teams() {
		path := "teams/" + t.Slug
		d := lib.snapshot.Document(path)
		if d == nil || !slices.ContainsFunc(left, func(a policy.AccountFacts) bool { return a.Team == t.Slug }) {
			continue
		}
		body, err := policy.ApproveAccount(d.Body, r.new, r.thumbprint)
		if err != nil {
			found.Refusals = append(found.Refusals, fmt.Sprintf("%s: %v", d.ID(), err))
			continue
		}
		c := updated(d, body)
		switch {
		case len(c.Members) == 0:
		case r.approve:
			found.Changes = append(found.Changes, c)
		default:
			found.approving = append(found.approving, c)
			found.Approvals = append(found.Approvals, approvalNeeded{d.ID(), r.new, r.thumbprints()})
		}
	}
	if n := len(found.Approvals); n > 0 {
		found.Refusals = append(found.Refusals, "an admin has not approved the new account in "+counted(n, "team document"))
	}
}

// thumbprints are those of the new account's key that are known.
func (r *replacing) thumbprints() []string {
	if r.thumbprint == "" {
		return []string{}
	}
	return []string{r.thumbprint}
}

// updated is the change of a document to another body.
func updated(d *store.Document, body []byte) change {
	return change{Document: d.Path, Action: update, Replaces: d.Version, Members: differences(d.Body, body), body: body}
}

// foresee says what the changes mean, once an admin has approved the account, and
// why they are refused.
func (f *replacement) foresee(lib *library, r *replacing) {
	after := policy.Compile(nil, changed(lib.snapshot, slices.Concat(f.approving, f.Changes), r.now), policy.Brakes{})
	p := &plan{}
	p.compare(lib.Book, after)
	f.Names = append(f.Names, p.Names...)
	f.Rejections = newlyRejected(lib.Book, after)
	if n := len(f.Rejections); n > 0 {
		f.Refusals = append(f.Refusals, "servers would newly reject "+counted(n, "thing"))
		if len(lib.Thumbprints(r.old)) > 0 && len(after.Thumbprints(r.new)) == 0 {
			f.Refusals = append(f.Refusals, "no thumbprint of the new account's key is known, and the old one has one for the hash form: write --thumbprint T")
		}
	}
	if p.lost() > 0 {
		f.Refusals = append(f.Refusals, counted(p.lost(), "name")+" would lose all records")
	}
}

// apply writes the changes, approvals first.
func (f *replacement) apply(ctx context.Context, w store.Writer, settle time.Duration, progress io.Writer) error {
	slices.SortStableFunc(f.Changes, func(a, b change) int { return cmp.Compare(rank(b), rank(a)) })
	for i, c := range f.Changes {
		err := context.Cause(ctx)
		if err == nil && i > 0 && rank(c) != rank(f.Changes[i-1]) {
			if settle > 0 {
				fmt.Fprintf(progress, "waiting %s for servers to read the approvals\n", settle)
			}
			err = wait(ctx, w, settle)
		}
		if err == nil {
			err = step{c}.take(ctx, w)
		}
		if err != nil {
			return fmt.Errorf("%d of %d written, run this again for the rest: %w", i, len(f.Changes), err)
		}
		fmt.Fprintf(progress, "%d of %d written: %s\n", i+1, len(f.Changes), c)
	}
	f.Written = true
	if err := touchIndex(ctx, w); err != nil {
		return fmt.Errorf("all documents are written, and servers find them at their next refresh, because index is not: %w", err)
	}
	fmt.Fprintln(progress, "All of it is written.")
	return nil
}

func (f *replacement) text(w io.Writer) {
	for _, path := range f.Replaced {
		fmt.Fprintf(w, "%s is replaced already\n", path)
	}
	for _, c := range f.Changes {
		fmt.Fprintln(w, c)
	}
	addresses(false).effects(w, f.Names)
	sayRejected(w, f.Rejections)
	for _, a := range f.Approvals {
		fmt.Fprintf(w, "%s does not approve it: have an admin add %q: {\"thumbprints\": %q} under accounts, or run this with --approve\n", a.Document, a.URI, a.Thumbprints)
	}
	for _, why := range f.Refusals {
		fmt.Fprintln(w, "refused:", why)
	}
	fmt.Fprintf(w, "%s to write, %s with other records.\n", counted(len(f.Changes), "document"), counted(len(f.Names), "name"))
	if len(f.Refusals) == 0 {
		f.atTheCA(w)
	}
}

// atTheCA says what nobody but the holder of the accounts can do.
func (f *replacement) atTheCA(w io.Writer) {
	fmt.Fprintln(w, "\nWhat you have to do yourself:")
	if f.Until.IsZero() {
		fmt.Fprintf(w, "- At the CA, deactivate %s, which ends everything at once (RFC 8555 section 7.3.6). The records of the old account go with this, and validations that the CA has already do not.\n", f.Old)
		fmt.Fprintf(w, "- Have the ACME clients use %s.\n", f.New)
		return
	}
	fmt.Fprintf(w, "- In CAA, where it names accounts, name %s beside the old one (accounturi, RFC 8657).\n", f.New)
	fmt.Fprintf(w, "- Have the ACME clients use it, from when servers and caches have its records, refresh and TTL later, and before %s, when those of the old account go.\n", stamp(f.Until))
	fmt.Fprintf(w, "- After that, at the CA, deactivate %s (RFC 8555 section 7.3.6), and have it taken out of CAA and out of accounts of team documents; lint warns of overlaps that are over.\n", f.Old)
}
