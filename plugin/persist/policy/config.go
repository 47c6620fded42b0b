package policy

import "github.com/coredns-persist/persist/plugin/persist/store"

// config is the sentinel: with it the store is the right one and has a format
// that is understood.
type config struct{ pin Pin }

var configs = kind[config]{
	read: func(o *object, _ *store.Document) *config {
		if _, ok := o.take("schema"); !ok {
			o.fault("schema", `is missing: write {"schema": 1}`)
		}
		return &config{readPin(o)}
	},
	narrow: func(last, _ *config, _ func(string) bool) *config { return last },
}
