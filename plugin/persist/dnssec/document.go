package dnssec

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// document is a key document, as it is written:
//
//	{ "schema": 1,
//	  "name": "example",
//	  "algorithm": 13,
//	  "validity": {"data": "72h", "dnskey": "336h"},
//	  "dnskey_ttl": 3600,
//	  "zsks": [{"seed": "…", "start": "2026-12-01T00:00:00Z", "lifetime": "720h"}],
//	  "ksks": [{"seed": "…", "publish": "…", "active": "…", "cds": "…", "ds_seen": "…", "retire": "…", "remove": "…"}],
//	  "zones": ["example.com."], "cuts": ["."], "ds_ttl": 86400,
//	  "hold": "…", "hold_reason": "…",
//	  "insecure": "…" }
//
// A KSK that is kept away from the servers has "public_key" in the place of
// "seed", and where Vault's Transit engine holds it "transit": "MOUNT/KEY" and
// "version": 1.
//
// Everything that a signature depends on is in here, so that two servers with
// the same document cannot disagree. Of what has been served, name, algorithm,
// seeds and the start, lifetime and epoch of ZSKs must not change: other keys
// would sign from one moment to the next.
type document struct {
	Schema    int       `json:"schema"`
	Name      string    `json:"name"`
	Algorithm uint8     `json:"algorithm"`
	Validity  validity  `json:"validity"`
	TTL       uint32    `json:"dnskey_ttl"`
	ZSKs      []zskSeed `json:"zsks"`
	KSKs      []kskSeed `json:"ksks"`
	Zones     []string  `json:"zones,omitempty"`      // whose parents' DS is waited for in a roll-over
	Cuts      []string  `json:"cuts,omitempty"`       // the same of every cut of these zones
	DSTTL     uint32    `json:"ds_ttl,omitzero"`      // of their DS in the roll-over, the longest, in seconds
	Hold      instant   `json:"hold,omitzero"`        // at which the lives of KSKs stand still
	Reason    string    `json:"hold_reason,omitzero"` // why they do, for people
	Insecure  instant   `json:"insecure,omitzero"`    // from which the parent shall have no DS
}

// validity is how long signatures are valid from inception to expiration.
type validity struct {
	Data   hours `json:"data"`
	DNSKEY hours `json:"dnskey"`
}

// zskSeed is a seed and the life of the keys derived from it. Its first key is
// that of the epoch with the number Epoch, and signs from Start on.
type zskSeed struct {
	Seed     seed    `json:"seed"`
	Start    instant `json:"start"`
	Lifetime hours   `json:"lifetime"`
	Epoch    uint32  `json:"epoch,omitzero"`
}

// kskSeed is a seed and the life of its key. A key that is kept away from the
// servers has its public half in the place of the seed.
type kskSeed struct {
	Seed seed `json:"seed,omitzero"`
	awayKSK
	Publish instant `json:"publish"`
	Active  instant `json:"active"`
	CDS     instant `json:"cds,omitzero"`     // from which the parent shall point to it; zero: active
	Seen    instant `json:"ds_seen,omitzero"` // at which its DS was seen at every server of every parent
	Retire  instant `json:"retire,omitzero"`
	Remove  instant `json:"remove,omitzero"`
}

// parseDocument reads and checks a key document. The error names the member
// that is wrong and never quotes what it says.
func parseDocument(raw []byte) (*document, error) {
	d := defaults()
	if err := json.Unmarshal(raw, d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("key document: %w", explain(err))
	}
	for i := range d.ZSKs {
		if d.ZSKs[i].Lifetime == 0 {
			d.ZSKs[i].Lifetime = defaultLifetime
		}
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("key document: %w", err)
	}
	return d, nil
}

// marshal writes the document, indented.
func (d *document) marshal() ([]byte, error) {
	raw, err := json.Marshal(d, jsontext.WithIndent("  "))
	return append(raw, '\n'), err
}

// explain says what is wrong with the form of a document.
func explain(err error) error {
	var (
		syntax   *jsontext.SyntacticError
		semantic *json.SemanticError
		f        fault
	)
	switch {
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return fault(member(syntax.JSONPointer) + " stands twice: keep one of them")
	case errors.As(err, &syntax):
		return fault(fmt.Sprintf("is not JSON from octet %d on", syntax.ByteOffset))
	case !errors.As(err, &semantic):
		return fault("is not JSON")
	case errors.Is(semantic.Err, json.ErrUnknownName):
		return fault(member(semantic.JSONPointer) + " is unknown here: remove it or correct its name")
	case errors.As(semantic.Err, &f):
		return fault(member(semantic.JSONPointer) + " " + string(f))
	}
	return fault(member(semantic.JSONPointer) + " is no such value: write " + wanted(semantic.GoType))
}

// wanted says in words what JSON value a Go type takes.
func wanted(t reflect.Type) string {
	switch {
	case t == nil:
		return "another one"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Struct:
		return "an object, {…}"
	case t.Kind() == reflect.Slice:
		return "a list, […]"
	}
	return "a whole number in range"
}

// member names the place that p points to, as jq does.
func member(p jsontext.Pointer) string {
	var path string
	for token := range p.Tokens() {
		switch _, err := strconv.Atoi(token); {
		case err == nil:
			path += "[" + token + "]"
		case path == "":
			path = short(token)
		default:
			path += "." + short(token)
		}
	}
	if path == "" {
		return "it"
	}
	return path
}

// short is a member's name as a message may show it: a long one might be a
// seed that slipped.
func short(name string) string {
	if len(name) > 32 {
		return fmt.Sprintf("(a name of %d octets)", len(name))
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
