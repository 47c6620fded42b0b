package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// value is one JSON value as it is written. Members of objects stay in order
// and may repeat: what a repetition means is for the reader of the object to
// say, and a name withdrawn in one place must not be lost to the other.
type value struct {
	kind    jsontext.Kind
	text    string // of a string, unquoted; of a number, as written
	members []member
	items   []value
}

type member struct {
	name  string
	value value
}

// parseJSON reads body as one JSON value in UTF-8 (RFC 8259). The error names
// the place and never quotes the text, which may be a private key.
func parseJSON(body []byte) (value, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	v, err := readValue(dec)
	if err == nil {
		if _, err = dec.ReadToken(); errors.Is(err, io.EOF) {
			return v, nil
		}
	}
	at := dec.InputOffset()
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = wrong.ByteOffset
	}
	return value{}, notJSON(body, at)
}

// byteOrderMark is what some editors put before a text in UTF-8.
var byteOrderMark = []byte("\uFEFF")

// notJSON says where body is no JSON, from an octet on, counted from 0. Lines and
// columns, in octets, count from 1.
func notJSON(body []byte, octet int64) error {
	if bytes.HasPrefix(body, byteOrderMark) {
		return errors.New("begins with a byte order mark, which is not JSON (RFC 8259 section 8.1): save it as UTF-8 without one")
	}
	good := body[:octet]
	line, column := 1+bytes.Count(good, []byte("\n")), len(good)-bytes.LastIndexByte(good, '\n')
	return fmt.Errorf("is not JSON from octet %d on (line %d, column %d)", octet, line, column)
}

// parseObject is parseJSON for what must be an object.
func parseObject(body []byte) (value, error) {
	v, err := parseJSON(body)
	switch {
	case err != nil:
		return value{}, fmt.Errorf("%w: write one JSON object, {…}", err)
	case !v.isObject():
		return value{}, fmt.Errorf("is %s: write one JSON object, {…}", v)
	}
	return v, nil
}

func readValue(dec *jsontext.Decoder) (value, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return value{}, err
	}
	v := value{kind: tok.Kind()}
	switch v.kind {
	case jsontext.KindString, jsontext.KindNumber:
		v.text = tok.String()
	case jsontext.KindBeginObject:
		err = v.readMembers(dec)
	case jsontext.KindBeginArray:
		err = v.readItems(dec)
	}
	return v, err
}

func (v *value) readMembers(dec *jsontext.Decoder) error {
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		m := member{name: name.String()}
		if m.value, err = readValue(dec); err != nil {
			return err
		}
		v.members = append(v.members, m)
	}
	_, err := dec.ReadToken()
	return err
}

func (v *value) readItems(dec *jsontext.Decoder) error {
	for dec.PeekKind() != jsontext.KindEndArray {
		item, err := readValue(dec)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := dec.ReadToken()
	return err
}

// says reports whether v is the literal, or the string that "vault kv put"
// makes of it.
func (v value) says(literal string) bool {
	switch v.kind {
	case jsontext.KindString:
		return v.text == literal
	case jsontext.KindTrue:
		return literal == "true"
	case jsontext.KindFalse:
		return literal == "false"
	}
	return false
}

// mostShown is how much of a string a message shows, in octets.
const mostShown = 64

// String describes v for a message. Long strings are cut: a message is no
// place for what somebody pasted by mistake.
func (v value) String() string {
	switch v.kind {
	case jsontext.KindString:
		if len(v.text) > mostShown {
			return fmt.Sprintf("%q…", v.text[:mostShown])
		}
		return fmt.Sprintf("%q", v.text)
	case jsontext.KindNumber:
		return v.text[:min(len(v.text), mostShown)]
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return v.kind.String()
}

func (v value) isObject() bool { return v.kind == jsontext.KindBeginObject }

// quote is s as a message shows it.
func quote(s string) string { return value{kind: jsontext.KindString, text: s}.String() }

// member returns the member name of an object, the first where it is repeated,
// nil if there is none.
func (v *value) member(name string) *value {
	for i := range v.members {
		if v.members[i].name == name {
			return &v.members[i].value
		}
	}
	return nil
}

// set sets the member name of an object and returns it.
func (v *value) set(name string, to value) *value {
	if at := v.member(name); at != nil {
		*at = to
		return at
	}
	v.members = append(v.members, member{name, to})
	return &v.members[len(v.members)-1].value
}

// drop removes the member name of an object, as often as it stands there.
func (v *value) drop(name string) {
	v.members = slices.DeleteFunc(v.members, func(m member) bool { return m.name == name })
}

// indented is the text of v as people read it, where v was read or is made of
// strings, with a line feed at the end.
func (v value) indented() []byte {
	var text bytes.Buffer
	_ = v.write(jsontext.NewEncoder(&text, jsontext.AllowDuplicateNames(true), jsontext.WithIndent("  ")))
	return text.Bytes()
}

// write is the inverse of readValue.
func (v value) write(enc *jsontext.Encoder) error {
	switch v.kind {
	case jsontext.KindString:
		return enc.WriteToken(jsontext.String(v.text))
	case jsontext.KindNumber:
		return enc.WriteValue(jsontext.Value(v.text))
	case jsontext.KindBeginObject:
		return v.writeMembers(enc)
	case jsontext.KindBeginArray:
		return v.writeItems(enc)
	case jsontext.KindTrue, jsontext.KindFalse:
		return enc.WriteToken(jsontext.Bool(v.kind == jsontext.KindTrue))
	}
	return enc.WriteToken(jsontext.Null)
}

func (v value) writeMembers(enc *jsontext.Encoder) error {
	err := enc.WriteToken(jsontext.BeginObject)
	for _, m := range v.members {
		if err == nil {
			err = enc.WriteToken(jsontext.String(m.name))
		}
		if err == nil {
			err = m.value.write(enc)
		}
	}
	if err != nil {
		return err
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (v value) writeItems(enc *jsontext.Encoder) error {
	err := enc.WriteToken(jsontext.BeginArray)
	for _, item := range v.items {
		if err == nil {
			err = item.write(enc)
		}
	}
	if err != nil {
		return err
	}
	return enc.WriteToken(jsontext.EndArray)
}
