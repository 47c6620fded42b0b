package audit

import (
	"maps"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// Replay is what was served as of a line, by what the lines up to it say. The
// zero Replay is that of a log without lines.
type Replay struct {
	zones map[string]map[record.FQDN]map[string]*told // by origin, name and account
}

// told is what an account has at a name.
type told struct {
	texts []string
	class class
	stale bool
}

// Take takes the next line.
func (r *Replay) Take(l Line) {
	account := l.Team + "/" + l.Issuer + "/" + l.Account
	switch l.Event {
	case Started, Lost:
		r.zones = nil
	case Left:
		delete(r.zones, l.Zone)
	case Serving:
		for _, name := range l.Names {
			r.set(l, name, account)
		}
	case Added, Altered, Begun:
		r.set(l, l.Name, account)
	case Removed, Expired:
		delete(r.zones[l.Zone][l.Name], account)
	case Rotated:
		r.rotate(l)
	case Stale, Vouched:
		for _, accounts := range r.zones[l.Zone] {
			if t := accounts[account]; t != nil && t.class == (class{l.Floor, l.Step}) {
				t.stale = l.Event == Stale
			}
		}
	}
}

func (r *Replay) set(l Line, name record.FQDN, account string) {
	if r.zones == nil {
		r.zones = map[string]map[record.FQDN]map[string]*told{}
	}
	if r.zones[l.Zone] == nil {
		r.zones[l.Zone] = map[record.FQDN]map[string]*told{}
	}
	if r.zones[l.Zone][name] == nil {
		r.zones[l.Zone][name] = map[string]*told{}
	}
	r.zones[l.Zone][name][account] = &told{l.New, class{l.Floor, l.Step}, l.Stale}
}

func (r *Replay) rotate(l Line) {
	for _, accounts := range r.zones[l.Zone] {
		for account, t := range accounts {
			if t.class != (class{l.Floor, l.Step}) || slices.Contains(l.Except, account) || len(l.Old) != 1 || len(l.New) != 1 {
				continue
			}
			moved := slices.Clone(t.texts)
			for i, text := range moved {
				if rest, ok := strings.CutSuffix(text, l.Old[0]); ok {
					moved[i] = rest + l.New[0]
				}
			}
			t.texts = moved
		}
	}
}

// Zones are the origins of the zones that were told of, sorted.
func (r *Replay) Zones() []string { return slices.Sorted(maps.Keys(r.zones)) }

// Served is what each name of a zone has, names without a record left out; the
// records of a name are sorted and each stands once (RFC 2181 section 5).
func (r *Replay) Served(origin string) map[record.FQDN][]string {
	all := map[record.FQDN][]string{}
	for name, accounts := range r.zones[origin] {
		var texts []string
		for _, t := range accounts {
			if !t.stale {
				texts = append(texts, t.texts...)
			}
		}
		if len(texts) > 0 {
			slices.Sort(texts)
			all[name] = slices.Compact(texts)
		}
	}
	return all
}
