package policy_test

import (
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// configOf is a config document with the given members, nil for none.
func configOf(members string) *store.Document {
	if members == "-" {
		return nil
	}
	return documents{"config": members}.Snapshot(1, read).Document("config")
}

func TestAnotherStoreIsRefused(t *testing.T) {
	const any, prod, prod3 = "", "prod", "prod 3"
	for _, c := range []struct {
		name, pin, known, config string
		want                     string // part of the refusal; empty: it is taken
	}{
		{"nothing says which", any, "-", `{"schema": 1}`, ""},
		{"the first one", any, "-", `{"schema": 1, "store_id": "lab", "generation": 7}`, ""},
		{"it gets an id", any, `{"schema": 1}`, `{"schema": 1, "store_id": "prod"}`, ""},
		{"the one pinned", prod, "-", `{"schema": 1, "store_id": "prod"}`, ""},
		{"of the generation pinned", prod3, "-", `{"schema": 1, "store_id": "prod", "generation": "3"}`, ""},
		{"of a later one", prod3, "-", `{"schema": 1, "store_id": "prod", "generation": 4}`, ""},
		{"wrong in other ways", prod3, "-", `{"store_id": "prod", "generation": 3, "typo": 1}`, ""},
		{"another", prod, "-", `{"schema": 1, "store_id": "lab"}`, `has store_id "lab", and the Corefile pins "prod"`},
		{"without id", prod, "-", `{"schema": 1}`, `has store_id "", and the Corefile pins "prod": is it the right Vault, and the right mount? Or has somebody written config without it? Then write it again (vault kv patch MOUNT/config store_id=prod)`},
		{"unreadable", prod, "-", `{"schema": 1, "store_id": "prod"`, `has store_id ""`},
		{"with two ids", prod, "-", `{"schema": 1, "store_id": "prod", "store_id": "lab"}`, `has store_id ""`},
		{"id no string", prod, "-", `{"schema": 1, "store_id": {"prod": 1}}`, `has store_id ""`},
		{"older", prod3, "-", `{"schema": 1, "store_id": "prod", "generation": 2}`, "has generation 2, and the Corefile pins 3: was it restored from a backup? Look at all documents, then write generation 3"},
		{"no generation", prod3, "-", `{"schema": 1, "store_id": "prod"}`, "has generation 0"},
		{"generation no number", prod3, "-", `{"schema": 1, "store_id": "prod", "generation": "four"}`, "has generation 0"},
		{"replaced", any, `{"schema": 1, "store_id": "prod"}`, `{"schema": 1, "store_id": "lab"}`, `has store_id "lab", and was read before "prod"`},
		{"replaced by one without", any, `{"schema": 1, "store_id": "prod"}`, `{"schema": 1}`, `has store_id "", and was read before "prod": is it the right Vault, and the right mount? Or has somebody written config without it?`},
		{"restored", any, `{"schema": 1, "store_id": "prod", "generation": 5}`, `{"schema": 1, "store_id": "prod", "generation": 4}`, "has generation 4, and was read before 5"},
		{"restored without id", any, `{"schema": 1, "generation": 5}`, `{"schema": 1}`, "has generation 0, and was read before 5"},
		{"restored above the pin", prod3, `{"schema": 1, "store_id": "prod", "generation": 5}`, `{"schema": 1, "store_id": "prod", "generation": 4}`, "was read before 5"},
		{"moved to what is pinned", prod, `{"schema": 1, "store_id": "lab", "generation": 9}`, `{"schema": 1, "store_id": "prod"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			pin := policy.Pin{}
			if id, generation, _ := strings.Cut(c.pin, " "); id != "" {
				var err error
				if pin, err = policy.ParsePin(id, generation); err != nil {
					t.Fatal(err)
				}
			}
			err := pin.Check(configOf(c.config), configOf(c.known))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Expected a refusal with %q, got %v", c.want, err)
			}
		})
	}
}

func TestWhatNoStoreCanHaveIsNoPin(t *testing.T) {
	for _, c := range [][2]string{{"", ""}, {"a b", ""}, {strings.Repeat("x", 65), ""}, {"prod", "-1"}, {"prod", "1.5"}, {"prod", "x"}} {
		if _, err := policy.ParsePin(c[0], c[1]); err == nil || !strings.Contains(err.Error(), "write") {
			t.Errorf("%q: expected an error that says what to write, got %v", c, err)
		}
	}
}

func TestConfigWithABadStoreIDIsInvalid(t *testing.T) {
	b := policy.Compile(nil, standard().With(documents{"config": `{"schema": 1, "store_id": "a b", "generation": -1}`}).Snapshot(1, read), policy.Brakes{})
	expectRejection(t, b, `config@1: store_id: is "a b": write 1 to 64 of`)
	expectRejection(t, b, `config@1: generation: -1`)
}
