package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// pathOf is where a document of each kind may stand.
var pathOf = map[string]string{"config": "config", "issuers": "issuers/ca", "teams": "teams/web", "accounts": "accounts/web/ca/a", "control": "control"}

func TestSchemasThatAreShippedAreThoseOfTheReader(t *testing.T) {
	for _, kind := range policy.Kinds {
		want, _ := policy.Schema(kind)
		file := filepath.Join("../../../build/schemas", kind+".json")
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date (%v): run bin/persistctl schema %s > build/schemas/%s.json", file, err, kind, kind)
		}
	}
	if _, ok := policy.Schema("index"); ok {
		t.Error("Expected no schema of a document that says nothing")
	}
}

// The reader names the members that it asks for where it finds one that it did
// not: they are those of the schema, both ways, wherever an object stands.
func TestSchemasKnowTheMembersOfTheReader(t *testing.T) {
	const uri, unknown = policytest.AccountURI, "unheard_of"
	objects := map[string]map[string][]string{ // kind → body → the way to the object in the schema
		"config":  {`{"unheard_of": 1}`: {}},
		"control": {`{"unheard_of": 1}`: {}},
		"issuers": {
			`{"unheard_of": 1}`:            {},
			`{"until": {"unheard_of": 1}}`: {"properties", "until", "anyOf", "2"},
		},
		"teams": {
			`{"unheard_of": 1}`: {},
			`{"accounts": {"` + uri + `": {"unheard_of": 1}}}`:            {"properties", "accounts", "additionalProperties"},
			`{"accounts": {"` + uri + `": {"proof": {"unheard_of": 1}}}}`: {"properties", "accounts", "additionalProperties", "properties", "proof"},
		},
		"accounts": {
			`{"unheard_of": 1}`:                                            {},
			`{"until": {"unheard_of": 1}}`:                                 {"properties", "until", "anyOf", "2"},
			`{"domains": {"example.com": {"unheard_of": 1}}}`:              {"properties", "domains", "anyOf", "2", "additionalProperties"},
			`{"overlap": {"unheard_of": 1}}`:                               {"properties", "overlap"},
			`{"domains": {"example.com": {"overlap": {"unheard_of": 1}}}}`: {"properties", "domains", "anyOf", "2", "additionalProperties", "properties", "overlap"},
			`{"domains": {"example.com": {"until": {"unheard_of": 1}}}}`:   {"properties", "domains", "anyOf", "2", "additionalProperties", "properties", "until", "anyOf", "2"},
		},
	}
	for _, kind := range policy.Kinds {
		if want, got := len(objects[kind]), closedObjects(schemaOf(t, kind)); got != want {
			t.Errorf("%s: the schema has %d objects of known members, and %d are held against the reader", kind, got, want)
		}
		for body, way := range objects[kind] {
			object := descend(t, schemaOf(t, kind), way)
			got := slices.Sorted(maps.Keys(object["properties"].(map[string]any)))
			if want := asked(t, kind, body, unknown); !cmp.Equal(got, want) {
				t.Errorf("%s, %s: the schema differs from the reader (-reader +schema):\n%s", kind, body, cmp.Diff(want, got))
			}
		}
	}
}

// asked are the members that the reader asks for in the object that holds the
// unknown one.
func asked(t *testing.T, kind, body, unknown string) []string {
	t.Helper()
	for _, r := range faultsOf(kind, body) {
		if members, ok := strings.CutPrefix(r.Reason, "is unknown here: the members are "); ok && strings.HasSuffix(r.Field, unknown) {
			return strings.Split(members, ", ")
		}
	}
	t.Fatalf("%s, %s: the reader takes an unknown member", kind, body)
	return nil
}

// closedObjects counts the schemas in s of objects that have members and no
// others. Members of empty ones are not looked into.
func closedObjects(s any) int {
	n := 0
	switch s := s.(type) {
	case map[string]any:
		if s["properties"] != nil && s["additionalProperties"] == false {
			n++
		}
		for _, inner := range s {
			n += closedObjects(inner)
		}
	case []any:
		for _, inner := range s {
			n += closedObjects(inner)
		}
	}
	return n
}

func descend(t *testing.T, s map[string]any, way []string) map[string]any {
	t.Helper()
	var at any = s
	for _, step := range way {
		switch here := at.(type) {
		case map[string]any:
			at = here[step]
		case []any:
			at = here[step[0]-'0']
		}
	}
	object, ok := at.(map[string]any)
	if !ok {
		t.Fatalf("There is no schema at %v", way)
	}
	return object
}

// inexpressible are the faults that the reader finds and a schema cannot.
var inexpressible = regexp.MustCompile(`thumbprint is not 32 octets|is no form|names no form|has no scheme|account URI .* contains|is no scope|slug of an issuers document|` +
	`is missing or empty|names nothing|names no domain|a label has|ends in a number|together above max_until|is not a positive whole number|has [0-9]+ octets, and|the issuer-domain-name`)

// What breaks a schema is rejected by the reader, always, and what the reader
// rejects breaks the schema, but for the few things that it cannot express.
func TestSchemasAndTheReaderAgreeOnRandomDocuments(t *testing.T) {
	for _, kind := range policy.Kinds {
		t.Run(kind, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(len(kind))))
			s, validator := schemaOf(t, kind), validatorOf(t, kind)
			good, bad := 0, 0
			for range 1500 {
				document := generate(t, random, s)
				if random.IntN(3) > 0 {
					document = spoil(random, document)
				}
				body, err := json.Marshal(document)
				if err != nil {
					t.Fatal(err)
				}
				broken, faults := validator.Validate(decode(t, body)), faultsOf(kind, string(body))
				plain := slices.IndexFunc(faults, func(r policy.Rejection) bool { return !inexpressible.MatchString(r.Reason) })
				switch {
				case broken != nil && len(faults) == 0:
					t.Fatalf("The schema refuses what the reader takes:\n%s\n%v", body, broken)
				case broken == nil && plain >= 0:
					t.Fatalf("The schema takes what the reader refuses:\n%s\n%v", body, faults[plain])
				case broken == nil:
					good++
				default:
					bad++
				}
			}
			if good < 400 || bad < 150 {
				t.Errorf("Expected many documents of both kinds, got %d good and %d bad ones", good, bad)
			}
		})
	}
}

// The documents of examples and of the other tests are such that the schema
// takes them.
func TestSchemasTakeTheStandardDocuments(t *testing.T) {
	for path, body := range standard().With(documents{"control": `{"stop": {"domain:example.com": {"by": "alice"}}, "freeze_at": "2036-01-01T00:00:00Z"}`}) {
		kind, _, _ := strings.Cut(path, "/")
		if err := validatorOf(t, kind).Validate(decode(t, []byte(body))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func faultsOf(kind, body string) []policy.Rejection {
	return policy.Faults(&store.Document{Path: pathOf[kind], Version: "1", Created: written, Body: []byte(body)})
}

func schemaOf(t *testing.T, kind string) map[string]any {
	t.Helper()
	text, ok := policy.Schema(kind)
	if !ok {
		t.Fatalf("There is no schema of %s", kind)
	}
	return decode(t, text).(map[string]any)
}

func validatorOf(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource(kind, schemaOf(t, kind)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(kind)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode keeps numbers as they are written.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// samples are strings that match the patterns of the schemas.
var samples = map[string][]string{
	`^[0-9]+$`: {"0", "10000"},
	`^0*1$`:    {"1", "01"},
	`.`:        {"a.example.com", "b.example.com", "c.example.net."},
	`[^, ]`:    {"letsencrypt", "web"},
	`^[^a-z]*(uri|hash|opaque)([^a-z]+(uri|hash|opaque))*[^a-z]*$`:                                                {"uri", "opaque, uri"},
	`^\+?([0-9]+d?|([0-9]*\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$`:                                                    {"7200", "1d", "2h30m"},
	`^(\+?[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))$`: {"1798761600", "2027-03-01T00:00:00Z", "2027-03-01T00:00:00.5+01:00"},
	`^[A-Za-z][A-Za-z0-9+.-]*:[!-:<-~]+$`:                                                                         {"https://ca.example/acct/", "https://ca.example/acct/123"},
	`^(acct:|[A-Za-z][A-Za-z0-9+.-]*:(//[!-.0-:<-~]+/[!-:<-~]*|/?[!-.0-:<-~][!-:<-~]*|/))$`:                       {"https://ca.example/acct/", "acct:", "acct:7", "urn:/x", "x:/"},
	`^[A-Za-z0-9._-]{0,64}$`:                {"", "prod", "eu.1"},
	`^[a-z0-9-]{1,63}$`:                     {"letsencrypt", "web"},
	`^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$`: {policytest.Thumbprint},
	`^(all|(issuer|team):[a-z0-9-]{1,63}|account:[a-z0-9-]{1,63}/[a-z0-9-]{1,63}/[a-z0-9-]{1,63}|uri:.+|domain:.+)$`: {"all", "team:web", "account:web/ca/a", "uri:https://ca.example/acct/123", "domain:example.com"},
}

// generate makes a random value that the schema s takes.
func generate(t *testing.T, random *rand.Rand, s map[string]any) any {
	t.Helper()
	if choice, ok := s["anyOf"].([]any); ok {
		return generate(t, random, choice[random.IntN(len(choice))].(map[string]any))
	}
	if enum, ok := s["enum"].([]any); ok {
		return enum[random.IntN(len(enum))]
	}
	switch s["type"] {
	case "string":
		return text(t, random, s)
	case "integer":
		return []any{s["minimum"], s["maximum"], json.Number("1798761600"), json.Number("7200")}[pick(random, s)]
	case "array":
		return []any{generate(t, random, s["items"].(map[string]any))}
	case "object":
		return object(t, random, s)
	}
	return "anything"
}

// pick chooses among the bounds of an integer and a number between them.
func pick(random *rand.Rand, s map[string]any) int {
	most, _ := s["maximum"].(json.Number).Int64()
	return []int{0, map[bool]int{true: 3, false: 2}[most < 1798761600]}[random.IntN(2)]
}

func text(t *testing.T, random *rand.Rand, s map[string]any) string {
	t.Helper()
	pattern, ok := s["pattern"].(string)
	if !ok {
		return ""
	}
	list, ok := samples[pattern]
	if !ok {
		t.Fatalf("Write samples for the pattern %s", pattern)
	}
	return list[random.IntN(len(list))]
}

// object has what is required, some of the rest, and where names are free one
// of those.
func object(t *testing.T, random *rand.Rand, s map[string]any) map[string]any {
	t.Helper()
	o := map[string]any{}
	required, _ := s["required"].([]any)
	properties, _ := s["properties"].(map[string]any)
	for name, member := range properties {
		if slices.Contains(required, any(name)) || random.IntN(3) == 0 {
			o[name] = generate(t, random, member.(map[string]any))
		}
	}
	if names, ok := s["propertyNames"].(map[string]any); ok {
		values, ok := s["additionalProperties"].(map[string]any)
		if !ok {
			values = map[string]any{}
		}
		o[fmt.Sprint(generate(t, random, names))] = generate(t, random, values)
	}
	if s["patternProperties"] != nil && random.IntN(4) == 0 {
		o["x_ticket"] = "CHG-1234"
	}
	return o
}

// junk is what stands in wrong places.
var junk = []any{nil, true, 1, -1, 1.5, "", "x", "Z 1", []any{}, []any{1}, []any{"x"}, map[string]any{}, map[string]any{"x": 1}}

// spoil replaces, removes or renames something in v, or nothing.
func spoil(random *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			break
		}
		name := slices.Sorted(maps.Keys(v))[random.IntN(len(v))]
		switch random.IntN(6) {
		case 0:
			delete(v, name)
		case 1:
			v[name+"x"] = v[name]
		default:
			v[name] = spoil(random, v[name])
		}
		return v
	case []any:
		if len(v) > 0 && random.IntN(2) == 0 {
			return []any{spoil(random, v[0])}
		}
	}
	return junk[random.IntN(len(junk))]
}
