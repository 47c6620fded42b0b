package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/go-json-experiment/json/jsontext"
)

// change is a document that Vault is to have another version of.
type change struct {
	Document string   `json:"document"`
	Action   string   `json:"action"`            // create, update, delete, hold or release
	Replaces string   `json:"replaces,omitzero"` // the version that was read
	Members  []string `json:"members,omitempty"` // what differs in an update
	body     []byte
}

// String is the change as people read it. What somebody has deleted in Vault may
// have been meant to go.
func (c change) String() string {
	switch {
	case c.Action == update:
		return fmt.Sprintf("update %s@%s: %s", c.Document, c.Replaces, strings.Join(c.Members, ", "))
	case c.Action == create && c.Replaces != "":
		return fmt.Sprintf("create %s, which was deleted as version %s", c.Document, c.Replaces)
	case c.Action == release:
		return fmt.Sprintf("enable %s@%s again, which an apply that was interrupted has disabled", c.Document, c.Replaces)
	case c.Action == hold:
		return "disable " + c.Document + " for the time"
	}
	return c.Action + " " + c.Document
}

// What is done with a document.
const (
	create = "create"
	update = "update"
	remove = "delete"
	hold   = "hold" // for a while, by "enabled": false

	release = "release" // from a hold that an apply has left behind
)

// changes returns what makes of the documents held those that are wanted, in the
// order of paths.
func (p *planning) changes(found *plan, wanted, held *store.Snapshot) ([]change, error) {
	list := []change{}
	for _, d := range wanted.Documents {
		c := change{Document: d.Path, Action: create}
		was := held.Document(d.Path)
		switch {
		case d.Path == store.IndexPath:
			continue
		case was != nil:
			c.Replaces = was.Version
		}
		var err error
		if c.body, err = p.merge(found, &d, was); err != nil {
			return nil, err
		}
		if !isObject(c.body) {
			found.Refusals = append(found.Refusals, fmt.Sprintf("%s is no JSON object, and Vault takes nothing else: correct it, as persistctl lint %s says", filepath.Join(found.Dir, d.Path+".json"), found.Dir))
			continue
		}
		if was != nil && !was.Withdrawn {
			c.Action = update
			if c.Members = differences(was.Body, c.body); len(c.Members) == 0 {
				continue
			}
		}
		list = append(list, c)
	}
	besides, err := p.besides(found, wanted, held)
	return append(list, besides...), err
}

// isObject reports whether body is a JSON object.
func isObject(body []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(body, &members) == nil && members != nil
}

// besides returns the changes of documents that DIR does not have. Where it has
// but a part of them, another part's are none of its business.
func (p *planning) besides(found *plan, wanted, held *store.Snapshot) ([]change, error) {
	whole := wanted.Document(store.ConfigPath) != nil
	var list []change
	for _, d := range held.Documents {
		switch {
		case wanted.Document(d.Path) != nil || d.Withdrawn || !isRemovable(d.Path):
		case p.remove:
			list = append(list, change{Document: d.Path, Action: remove, Replaces: d.Version})
		case !isHeld(&d):
			found.Kept = append(found.Kept, d.Path)
		case !whole:
			found.LeftDisabled = append(found.LeftDisabled, d.Path)
		default:
			body, err := released(&d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.ID(), err)
			}
			list = append(list, change{Document: d.Path, Action: release, Replaces: d.Version, Members: differences(d.Body, body), body: body})
		}
	}
	return list, nil
}

// merge returns what is to become of the document was, nil where there is none.
func (p *planning) merge(found *plan, wanted, was *store.Document) ([]byte, error) {
	switch {
	case was != nil && wanted.Path == store.ControlPath:
		return mergeControl(found, wanted, was)
	case was != nil && wanted.Path == store.ConfigPath:
		return p.mergeConfig(found, wanted, was)
	}
	return wanted.Body, nil
}

// isRemovable reports whether a document may be deleted: config and control go
// on to hold without, and must not be.
func isRemovable(path string) bool { return strings.Contains(path, "/") }

// mergeControl returns the control document of Vault with the stops and the
// freeze that DIR has besides. Nothing is lifted.
func mergeControl(found *plan, wanted, held *store.Document) ([]byte, error) {
	if held.Withdrawn {
		return nil, errDeleted(held)
	}
	add, err := policy.ParseControl(wanted.Body)
	if err != nil {
		return nil, fmt.Errorf("the control document in %s %w", found.Dir, err)
	}
	c, err := policy.ParseControl(held.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %w", held.ID(), err)
	}
	ours := map[policy.Scope]bool{}
	changed := false
	for _, s := range add.Stops() {
		ours[s.Scope] = true
		added, err := c.Stop(s.Scope, s.Reason)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", held.ID(), err)
		}
		changed = changed || added
	}
	for _, s := range c.Stops() {
		if !ours[s.Scope] {
			found.StopsKept = append(found.StopsKept, s.Scope.String())
		}
	}
	if at, why := add.Freeze(); !at.IsZero() {
		set, err := c.SetFreeze(at, why)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", held.ID(), err)
		}
		changed = changed || set
	}
	if !changed {
		return held.Body, nil
	}
	return c.JSON(), nil
}

// differences names the members in which two documents differ, those of the
// objects in them too. It shows no values: one may be a secret in a wrong place.
func differences(was, is []byte) []string {
	if equal(was, is) {
		return nil
	}
	var a, b map[string]any
	if json.Unmarshal(was, &a) != nil || json.Unmarshal(is, &b) != nil {
		return []string{"the whole document"}
	}
	list := compareMembers("", a, b)
	for _, name := range slices.Sorted(maps.Keys(b)) {
		inner, isObject := b[name].(map[string]any)
		if before, ok := a[name].(map[string]any); ok && isObject {
			list = slices.DeleteFunc(list, func(s string) bool { return s == "~"+shown(name) })
			list = append(list, compareMembers(shown(name), before, inner)...)
		}
	}
	if len(list) == 0 {
		return []string{"a member that stands twice"}
	}
	return list
}

// equal reports whether two JSON texts say the same (RFC 8785).
func equal(a, b []byte) bool {
	x, y := jsontext.Value(slices.Clone(a)), jsontext.Value(slices.Clone(b))
	return x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}

func compareMembers(path string, was, is map[string]any) []string {
	var list []string
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, had := was[name]
		after, has := is[name]
		field := shown(name)
		if path != "" {
			field = fmt.Sprintf("%s[%q]", path, field)
		}
		switch {
		case !had:
			list = append(list, "+"+field)
		case !has:
			list = append(list, "-"+field)
		case !reflect.DeepEqual(before, after):
			list = append(list, "~"+field)
		}
	}
	return list
}

// shown is the name of a member as it may be shown: neither long nor such as no
// name, URI or scope is.
func shown(name string) string {
	const most = 80
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7F }) {
		return "…"
	}
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// changed is s with changes, written at the instant at.
func changed(s *store.Snapshot, changes []change, at time.Time) *store.Snapshot {
	next := *s
	next.Documents = slices.Clone(s.Documents)
	next.Braked = at
	for _, c := range changes {
		hash := sha256.Sum256(c.body)
		d := store.Document{Path: c.Document, Version: following(s.Document(c.Document), hash), Created: at, Confirmed: at, Body: c.body, Hash: hash, Withdrawn: c.Action == remove}
		i, there := slices.BinarySearchFunc(next.Documents, d.Path, func(d store.Document, path string) int { return strings.Compare(d.Path, path) })
		if there {
			next.Documents[i] = d
		} else {
			next.Documents = slices.Insert(next.Documents, i, d)
		}
	}
	return &next
}

// following is the version that a store makes after that of was, nil for none, of a body
// with the hash: the next number in Vault, and in a directory a part of the hash.
func following(was *store.Document, hash [sha256.Size]byte) string {
	if was == nil {
		return "1"
	}
	if was.Version == store.FileVersion(was.Hash) {
		return store.FileVersion(hash)
	}
	n, _ := strconv.Atoi(was.Version) // 0 where there is none
	return strconv.Itoa(n + 1)
}
