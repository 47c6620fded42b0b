package policy

import (
	"fmt"
	"regexp"

	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/go-json-experiment/json/jsontext"
)

// Pin says which store is meant: the one whose config document has this
// store_id, and no lower generation. The zero Pin means whichever is read first.
type Pin struct {
	ID         string // empty: any
	Generation int    // not negative
}

var storeIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ParsePin reads a store_id and a generation, which may be empty.
func ParsePin(id, generation string) (p Pin, err error) {
	if !storeIDs.MatchString(id) {
		return Pin{}, fmt.Errorf("%s is no store_id: write 1 to 64 of A-Z, a-z, 0-9, dot, hyphen and underscore", quote(id))
	}
	p.ID = id
	if generation != "" {
		p.Generation, err = parseCount(value{kind: jsontext.KindString, text: generation})
	}
	return p, err
}

// Check returns why the store with the document config is not the one that p
// means, nil if it is. known is the config document that was last taken, nil if
// none was: without an ID in p the store keeps the one it had, and a generation
// never goes back. Whatever else is wrong with config, it says which store it
// is of.
func (p Pin) Check(config, known *store.Document) error {
	want, by := p, "the Corefile pins"
	if known != nil {
		held := PinOf(known)
		if want.ID == "" {
			want, by = held, "was read before"
		} else if held.ID == want.ID && held.Generation > want.Generation {
			want.Generation, by = held.Generation, "was read before"
		}
	}
	switch is := PinOf(config); {
	case want.ID != "" && is.ID == "":
		return fmt.Errorf(`has store_id "", and %s %s: is it the right Vault, and the right mount? Or has somebody written config without it? Then write it again (vault kv patch MOUNT/config store_id=%s)`, by, quote(want.ID), want.ID)
	case want.ID != "" && is.ID != want.ID:
		return fmt.Errorf("has store_id %s, and %s %s: is it the right Vault, and the right mount?", quote(is.ID), by, quote(want.ID))
	case is.Generation < want.Generation:
		return fmt.Errorf("has generation %d, and %s %d: was it restored from a backup? Look at all documents, then write generation %d into it", is.Generation, by, want.Generation, want.Generation)
	}
	return nil
}

// PinOf is what a config document says of its store, as far as that can be read.
func PinOf(config *store.Document) (p Pin) {
	top, _ := open(config)
	if top == nil {
		return Pin{}
	}
	p = readPin(top)
	if !top.sound("store_id") {
		p.ID = ""
	}
	if !top.sound("generation") {
		p.Generation = 0
	}
	return p
}

// KeepPin returns the body of a config document with the store_id and the
// generation of held, where it does not name them. It fails only if one of both is
// no JSON object.
func KeepPin(body, held []byte) ([]byte, error) {
	is, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	was, err := parseObject(held)
	if err != nil {
		return nil, err
	}
	kept := false
	for _, name := range []string{"store_id", "generation"} {
		if member := was.member(name); member != nil && is.member(name) == nil {
			is.set(name, *member)
			kept = true
		}
	}
	if !kept {
		return body, nil
	}
	return is.indented(), nil
}

// readPin reads the members of a config document that tell stores apart.
func readPin(o *object) Pin {
	p := Pin{o.text("store_id"), o.count("generation", 0)}
	if p.ID != "" && !storeIDs.MatchString(p.ID) {
		o.fault("store_id", "is %s: write 1 to 64 of A-Z, a-z, 0-9, dot, hyphen and underscore", quote(p.ID))
	}
	return p
}
