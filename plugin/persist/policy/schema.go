package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Kinds are the kinds of documents that have a schema, by the first part of
// their paths. The index document says nothing, so it has none.
var Kinds = []string{"config", "issuers", "teams", "accounts", "control"}

// Schema returns the JSON Schema (draft 2020-12) of a kind of documents, for
// editors and pipelines, and false if there is no such kind.
//
// It is lenient where the reader is: whatever breaks the schema is rejected by
// servers too. What a schema cannot express, such as whether a name is the
// team's to claim, only the reader finds: use persistctl lint before you write.
func Schema(kind string) ([]byte, bool) {
	top, ok := topSchemas[kind]
	if !ok {
		return nil, false
	}
	s := *top
	s.Dialect = "https://json-schema.org/draft/2020-12/schema"
	s.ID = schemaPlace + kind + ".json"
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(s) // of strings, numbers and maps of them, into memory
	return text.Bytes(), true
}

// schemaPlace is where the schemas are published.
const schemaPlace = "https://raw.githubusercontent.com/coredns-persist/persist/main/build/schemas/"

// schema is what we use of JSON Schema: draft-bhutton-json-schema-01, and
// draft-bhutton-json-schema-validation-01 for what is asserted.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Default     any                `json:"default,omitempty"`
	Type        string             `json:"type,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	Maximum     *int64             `json:"maximum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Contains    *schema            `json:"contains,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Own         map[string]*schema `json:"patternProperties,omitempty"`
	Names       *schema            `json:"propertyNames,omitempty"`
	Others      any                `json:"additionalProperties,omitempty"` // a *schema, or false
	Required    []string           `json:"required,omitempty"`
	MinMembers  int                `json:"minProperties,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	AllOf       []*schema          `json:"allOf,omitempty"`
	If          *schema            `json:"if,omitempty"`
	Then        *schema            `json:"then,omitempty"`
}

// says returns s with a description, as a member of an object has it.
func (s schema) says(format string, args ...any) *schema {
	s.Description = fmt.Sprintf(format, args...)
	return &s
}

// by returns s with the default that holds where the member is left out.
func (s schema) by(value any) schema {
	s.Default = value
	return s
}

// Scalars, in the spellings that the reader takes.
var (
	schemaFlag    = schema{Enum: []any{true, false, "true", "false"}}
	schemaText    = schema{Type: "string"}
	schemaCount   = schema{AnyOf: []*schema{schemaNumber(0, 1<<31-1), {Type: "string", Pattern: `^[0-9]+$`}}}
	schemaVersion = schema{AnyOf: []*schema{{Enum: []any{1}}, {Type: "string", Pattern: `^0*1$`}}}
	schemaInstant = schema{AnyOf: []*schema{
		schemaNumber(earliest.Unix(), latest.Unix()-1),
		{Type: "string", Pattern: `^(\+?[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))$`},
	}}
)

// Texts with a form. Whether a name is one, the reader finds.
var (
	schemaURI        = schema{Type: "string", Pattern: `^[A-Za-z][A-Za-z0-9+.-]*:[!-:<-~]+$`}
	schemaURIPrefix  = schema{Type: "string", Pattern: `^(acct:|[A-Za-z][A-Za-z0-9+.-]*:(//[!-.0-:<-~]+/[!-:<-~]*|/?[!-.0-:<-~][!-:<-~]*|/))$`}
	schemaPrefix     = schema{AnyOf: []*schema{{Enum: []any{""}}, &schemaURI}}
	schemaSlug       = schema{Type: "string", Pattern: slugs.String()}
	schemaThumbprint = schema{Type: "string", Pattern: `^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$`}
	schemaName       = schema{Type: "string", Pattern: `.`}
	schemaForm       = schema{Enum: []any{"uri", "hash", "opaque"}}
	schemaScope      = schema{Type: "string", Pattern: `^(all|(issuer|team):[a-z0-9-]{1,63}|account:[a-z0-9-]{1,63}/[a-z0-9-]{1,63}/[a-z0-9-]{1,63}|uri:.+|domain:.+)$`}
)

func schemaNumber(least, most int64) *schema {
	return &schema{Type: "integer", Minimum: &least, Maximum: &most}
}

// schemaDuration is a duration between least and most, which only one in
// seconds can be held against.
func schemaDuration(least, most time.Duration) schema {
	return schema{AnyOf: []*schema{
		schemaNumber(int64(least/time.Second), int64(most/time.Second)),
		{Type: "string", Pattern: `^\+?([0-9]+d?|([0-9]*\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$`},
	}}
}

// schemaList is a list of items as the reader takes it: an array, a string with
// commas or spaces between, or an object whose members have the names. values is
// what those may be, nil for anything.
func schemaList(item schema, values *schema) schema {
	object := &schema{Type: "object", Names: &item}
	if values != nil {
		object.Others = values
	}
	return schema{AnyOf: []*schema{{Type: "array", Items: &item}, {Type: "string"}, object}}
}

// some returns the list with one item at least.
func (s schema) some() schema {
	array, text, object := *s.AnyOf[0], *s.AnyOf[1], *s.AnyOf[2]
	array.MinItems, text.Pattern, object.MinMembers = 1, `[^, ]`, 1
	s.AnyOf = []*schema{&array, &text, &object}
	return s
}
