package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

const (
	mount    = "persist"
	zone     = "example.com."
	canary   = "canary.example.com" // is written after each fault, and nothing else happens to it
	teamSize = 4                    // account documents
	homeSize = 6                    // names in each
)

// edit is what people do to documents. Each is done to a name, or to the account
// document that it is in, which chance has picked.
type edit func(e *editor, name string)

var edits = map[string]edit{
	"add":     func(e *editor, name string) { e.say(name, claim{until: e.soon()}) },
	"rotate":  func(e *editor, name string) { e.say(name, claim{}) },
	"remove":  func(e *editor, name string) { e.say(name, claim{said: nxname}) },
	"disable": func(e *editor, name string) { e.say(name, claim{said: nodata}) },
	"stop":    func(e *editor, name string) { e.stop(e.scopeOf(name)) },
	"resume":  func(e *editor, _ string) { e.resume() },
	"break":   func(e *editor, name string) { e.breakDown(e.home[name], name) },
	"mend":    func(e *editor, _ string) { e.mend() },
	"delete":  func(e *editor, name string) { e.remove(e.home[name]) },
}

// usual are the edits that chance picks from: most add what others take away.
var usual = []string{
	"add", "add", "add", "add", "add", "rotate", "rotate", "rotate", "remove", "remove", "disable", "disable",
	"stop", "stop", "resume", "resume", "break", "break", "mend", "mend", "delete",
}

// editor writes documents, and notes what it has written.
type editor struct {
	*world
	vault  *parts.Vault
	rand   *rand.Rand
	usual  []string                    // edits
	names  []string                    // that they are made to
	says   map[string]map[string]claim // by account document
	scopes []string                    // that are stopped, the oldest first
	broken []string                    // documents, the oldest first
	untils int64                       // handed out
	made   map[string]int              // edits
	err    error                       // the first one
}

// documents are those that are never edited.
var documents = map[string]string{
	"config":     `{"schema": 1}`,
	"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"]}`,
	"teams/web":  `{"domains": ["example.com"], "issuers": ["ca"]}`,
	"teams/b":    `{"domains": ["b.example.com"], "issuers": ["ca"]}`,
}

// fill writes everything for the first time.
func (e *editor) fill(ctx context.Context) {
	for _, path := range slices.Sorted(maps.Keys(documents)) {
		e.put(ctx, path, documents[path], statement{})
	}
	for _, team := range []string{"web", "b"} {
		for i := range teamSize {
			e.found(fmt.Sprintf("accounts/%s/ca/a%d", team, i))
		}
	}
	e.add("accounts/web/ca/canary", canary)
	for path := range e.says {
		e.write(ctx, path, nil)
	}
	// Some names are withheld all the time.
	e.scopes = []string{"domain:stopped.example.com"}
	e.brake(ctx)
}

// found makes an account document with names that are edited.
func (e *editor) found(path string) {
	team := strings.Split(path, "/")[1]
	suffix := map[string]string{"web": "example.com", "b": "b.example.com"}[team]
	number := strings.TrimPrefix(path, "accounts/"+team+"/ca/a")
	for i := range homeSize {
		name := fmt.Sprintf("%s-%d.%s", number, i, suffix)
		e.add(path, name)
		e.names = append(e.names, name)
	}
	if number == "0" {
		e.add(path, "withheld."+suffix)
		e.says[path]["withheld."+suffix] = claim{said: nodata}
		e.add(path, "stopped."+suffix)
	}
}

// add grants a name.
func (e *editor) add(path, name string) {
	if e.says[path] == nil {
		e.says[path] = map[string]claim{}
		e.model.accounts[path] = fmt.Sprintf("https://ca.example/acct/%d", len(e.says))
	}
	e.says[path][name] = claim{}
	e.model.home[name] = path
}

// edit makes the next edit, to whatever chance picks.
func (e *editor) edit() {
	what, name := e.usual[e.rand.IntN(len(e.usual))], e.names[e.rand.IntN(len(e.names))]
	edits[what](e, name)
	e.made[what]++
}

// soon is a persistUntil that no other record has.
func (e *editor) soon() int64 {
	e.untils++
	return e.model.begin.Add(1000*time.Hour).Unix() + e.untils
}

// say has a document that is valid, and is there, say something else of a name.
func (e *editor) say(name string, c claim) {
	path := e.home[name]
	if e.says[path][name] = c; c.said == nxname {
		delete(e.says[path], name)
	}
	e.broken = slices.DeleteFunc(e.broken, func(p string) bool { return p == path })
	e.write(e.ctx, path, nil)
}

// write writes an account document as it should be, or, where faults are given,
// with those in place of members.
func (e *editor) write(ctx context.Context, path string, faults map[string]any) {
	domains := map[string]any{}
	for name, c := range e.says[path] {
		switch {
		case c.said == nodata:
			domains[name] = map[string]any{"enabled": false}
		case c.until != 0:
			domains[name] = map[string]any{"until": c.until}
		default:
			domains[name] = map[string]any{"until": map[string]any{"floor": e.model.floor.Seconds(), "step": e.model.step.Seconds()}}
		}
	}
	body := map[string]any{"account_uri": e.model.accounts[path], "domains": domains}
	maps.Copy(body, faults)
	s := statement{claims: maps.Clone(e.says[path])}
	if faults != nil {
		s.broken, s.claims = true, map[string]claim{}
	}
	e.put(ctx, path, text(body), s)
}

// breakDown writes a document that is not valid. Half of those can be read well
// enough to see that a name is gone from it.
func (e *editor) breakDown(path, name string) {
	if slices.Contains(e.broken, path) || e.lastOf(path).deleted {
		return
	}
	e.broken = append(e.broken, path)
	if e.rand.IntN(2) == 0 {
		e.write(e.ctx, path, map[string]any{"domains": 7})
		return
	}
	delete(e.says[path], name)
	e.write(e.ctx, path, map[string]any{"comment": "no such member"})
	d := e.model.documents[path]
	d.statements[len(d.statements)-1].claims[name] = claim{gone: true}
}

// mend writes the document that has been broken for longest.
func (e *editor) mend() {
	if len(e.broken) > 0 {
		path := e.broken[0]
		e.broken = e.broken[1:]
		e.write(e.ctx, path, nil)
	}
}

// remove deletes the newest version of a document, unless it was deleted.
func (e *editor) remove(path string) {
	last := e.lastOf(path)
	if last.deleted {
		return
	}
	e.broken = slices.DeleteFunc(e.broken, func(p string) bool { return p == path })
	s := statement{version: last.version, deleted: true}
	e.note(path, s, func() error { return e.vault.Delete(e.ctx, mount, path) })
}

func (e *editor) lastOf(path string) statement {
	d := e.model.documents[path]
	return d.statements[len(d.statements)-1]
}

// scopeOf is a scope that a name is in.
func (e *editor) scopeOf(name string) string {
	path := e.home[name]
	switch e.rand.IntN(6) {
	case 0:
		return "account:" + strings.TrimPrefix(path, "accounts/")
	case 1:
		return "uri:" + e.model.accounts[path]
	}
	return "domain:" + name
}

func (e *editor) stop(scope string) {
	if !slices.Contains(e.scopes, scope) {
		e.scopes = append(e.scopes, scope)
		e.brake(e.ctx)
	}
}

// resume lifts the stop that has lasted longest, but for the first.
func (e *editor) resume() {
	if len(e.scopes) > 1 {
		e.scopes = slices.Delete(e.scopes, 1, 2)
		e.brake(e.ctx)
	}
}

// brake writes the control document.
func (e *editor) brake(ctx context.Context) {
	s, stop := statement{stops: map[string]bool{}}, map[string]any{}
	for _, scope := range e.scopes {
		stop[scope] = map[string]any{"by": "chaos"}
		kind, what, _ := strings.Cut(scope, ":")
		for name, path := range e.home {
			switch kind {
			case "domain":
				s.stops[name] = s.stops[name] || name == what
			case "account":
				s.stops[name] = s.stops[name] || path == "accounts/"+what
			case "uri":
				s.stops[name] = s.stops[name] || e.model.accounts[path] == what
			}
		}
	}
	e.put(ctx, "control", text(map[string]any{"stop": stop}), s)
}

// put writes a new version.
func (e *editor) put(ctx context.Context, path, body string, s statement) {
	s.version = 1
	if d := e.model.documents[path]; d != nil {
		s.version += e.lastOf(path).version
	}
	e.note(path, s, func() error { return e.vault.Put(ctx, mount, path, body) })
}

// note does what makes a statement, and notes it.
func (e *editor) note(path string, s statement, do func() error) {
	s.began = e.now()
	err := persevere(do)
	s.done = e.now()
	if e.err == nil && err != nil {
		e.err = fmt.Errorf("%s at %v: %w", path, s.began, err)
	}
	d := e.model.documents[path]
	if d == nil {
		d = &document{}
		e.model.documents[path] = d
	}
	d.statements = append(d.statements, s)
}

// persevere tries until it succeeds: a Vault that was just unsealed answers
// before it can write.
func persevere(do func() error) (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
