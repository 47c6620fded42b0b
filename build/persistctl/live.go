package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"
)

// live is the part of a check command that asks DNS.
type live struct {
	on         bool
	finder     servers.Finder
	hashPrefix string
	now        func() time.Time // when signatures are held against the clock
}

// onlyLive are the flags that make no sense without --live.
var onlyLive = []string{"resolver", "server", "parent-server", "without-server", "ipv4", "port", "hash-prefix"}

func (l *live) register(flags *pflag.FlagSet) {
	l.now = time.Now
	flags.BoolVar(&l.on, "live", false, "ask DNS: every server of the zone, and a resolver")
	flags.Var((*resolverAddress)(&l.finder.Resolver), "resolver", "`IP[:PORT]` of the validating resolver, with --live (default the system's)")
	flags.Var((*endpoints)(&l.finder.Own), "server", "`IP:PORT` of a server to ask in the place of those that are found, with --live; may be repeated")
	flags.Var((*endpoints)(&l.finder.Parents), "parent-server", "`IP:PORT` of a server to ask for the delegation in the place of those of the parent that are found, with --live; may be repeated")
	flags.StringSliceVar(&l.finder.Without, "without-server", nil, "`SERVER`, an IP, IP:PORT or name, not to be asked, with --live; may be repeated")
	flags.BoolVar(&l.finder.IPv4, "ipv4", false, "ask servers at their IPv4 addresses only, with --live")
	flags.Uint16Var(&l.finder.Port, "port", 53, "`PORT` of the servers that are found, with --live")
	flags.StringVar(&l.hashPrefix, "hash-prefix", "", "accountHashPrefix `URI` of the CA's directory, with --live and without documents")
}

// check refuses what would be of no effect.
func (l *live) check(flags *pflag.FlagSet) error {
	if l.on {
		if l.hashPrefix != "" {
			if err := record.CheckAccountURI(l.hashPrefix); err != nil {
				return usagef("--hash-prefix: %w", err)
			}
		}
		return nil
	}
	for _, name := range onlyLive {
		if flags.Changed(name) {
			return usagef("--%s is about what DNS says: write --live too", name)
		}
	}
	return nil
}

// sight asks DNS, and judges what it says by the rule sets and, where there are any,
// by the documents.
func (c *checking) sight(ctx context.Context, dir string, q record.Question, rules []record.Rules) (*sight, error) {
	q.HashPrefix = c.live.hashPrefix
	if dir == "" && c.docs.vault == "" {
		return c.see(ctx, nil, q, rules)
	}
	lib, err := c.docs.loadFit(ctx, dir, later(q.At, c.live.now()))
	if err != nil {
		return nil, err
	}
	return c.see(ctx, lib.Book, q, rules)
}

// see is sight with a book, nil where there are no documents.
func (c *checking) see(ctx context.Context, book *policy.Book, q record.Question, rules []record.Rules) (*sight, error) {
	if book != nil {
		q = completed(q, book)
	}
	s := &sight{asked: newAsked(q), told: newTold()}
	j := judge{q: q, rules: rules}
	if c.stanza.unledTo(q.FQDN) == "" {
		j.target = c.stanza.target(q.FQDN)
	}
	if book != nil {
		s.look(book, c.stanza, s.asked)
		s.explain(book, c.stanza, s.asked)
		j.documented = c.stanza.documented(book, q.FQDN, c.live.now())
		s.begins = begins(book, q)
	}
	err := s.ask(ctx, &c.live, j)
	if book != nil {
		s.overlaps(c.stanza.grantsAt(book, q.FQDN), q, rules, s.Verdicts)
	}
	if s.Status == statusBogus {
		s.doubtVerdicts()
	}
	return s, err
}

// ask fills in what DNS says.
func (s *sight) ask(ctx context.Context, l *live, j judge) error {
	said, err := l.finder.Resolve(ctx, s.Owner, dns.TypeTXT)
	if err != nil {
		return err
	}
	s.Resolver = j.resolved(s.Owner, said)
	from := s.Owner
	if len(l.finder.Own) > 0 && said.Alias != "" {
		from = said.Alias // which those that are given are servers of
	}
	t := trail{live: l, judge: j, seen: map[string]bool{}}
	s.Servers = t.follow(ctx, from)
	s.Delegation = slices.Compact(t.noted)
	s.Verdicts, _ = decide(j.q, j.rules, s.texts())
	s.conclude(j)
	return ctx.Err()
}

// doubtVerdicts takes back that anything is accepted: no CA judges what does not
// validate.
func (s *sight) doubtVerdicts() {
	for i := range s.Verdicts {
		v := &s.Verdicts[i]
		v.Bogus, v.Accepted, v.acceptable = true, false, v.Accepted
	}
}

// trail is where CNAME records lead.
type trail struct {
	live  *live
	judge judge
	seen  map[string]bool
	noted []string // in what zones and their parents differ
}

// longestTrail is how many names are asked for: about as many as resolvers do.
const longestTrail = 11

// follow returns what every server says of the records with an owner, and of those
// that aliases there lead to.
func (t *trail) follow(ctx context.Context, owner string) []liveView {
	t.seen[owner] = true
	answers, delegation, err := t.live.finder.Views(ctx, owner, dns.TypeTXT, t.live.now())
	if delegation != nil {
		t.noted = append(t.noted, delegation.Differences()...)
	}
	if err == nil && len(answers) == 0 {
		err = fmt.Errorf("every server of the zone of %s is left out", owner)
	}
	if err != nil {
		return []liveView{t.judge.served(owner, servers.View{Err: err})}
	}
	var views, below []liveView
	led := map[string][]liveView{}
	for _, a := range answers {
		v := t.judge.served(owner, a)
		if v.Status == "" { // an alias
			next, asked := led[v.Alias]
			if !asked {
				next = t.lead(ctx, v.Alias)
				led[v.Alias] = next
				below = append(below, next...)
			}
			v.Status, v.Reason = atTarget(v.Alias, next)
		}
		views = append(views, v)
	}
	return append(views, below...)
}

// lead follows one alias, unless it leads to nowhere.
func (t *trail) lead(ctx context.Context, alias string) []liveView {
	switch {
	case t.seen[alias]:
		return []liveView{t.judge.served(alias, servers.View{Err: fmt.Errorf("the CNAME records lead in a circle, to %s", alias)})}
	case len(t.seen) >= longestTrail:
		return []liveView{t.judge.served(alias, servers.View{Err: fmt.Errorf("more than %d CNAME records follow each other", longestTrail)})}
	}
	return t.follow(ctx, alias)
}
