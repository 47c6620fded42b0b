package dnssec

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/miekg/dns"
)

// Bundles are the signed RRsets of keys of any number of zones, for weeks ahead.
// As a document they are written:
//
//	{ "schema": 1,
//	  "name": "example",
//	  "zones": {
//	    "example.com.": [{"from": "…", "until": "…", "records": ["example.com. 3600 IN DNSKEY …", …]}] } }
//
// The name is that of the key set. Nothing in it is secret, and servers verify
// all of it.
type Bundles struct {
	name  string
	zones map[string][]*bundle // by canonical name
}

// NewBundles returns bundles of no zone, for the keys k.
func NewBundles(k *KeySet) *Bundles {
	return &Bundles{name: k.Name, zones: map[string][]*bundle{}}
}

// bundlesDocument is the document.
type bundlesDocument struct {
	Schema int                        `json:"schema"`
	Name   string                     `json:"name"`
	Zones  map[string][]writtenBundle `json:"zones"`
}

type writtenBundle struct {
	From    instant  `json:"from"`
	Until   instant  `json:"until"`
	Records []string `json:"records"`
}

// ParseBundles reads a document of bundles. What it says is only believed when
// UseBundles has verified it.
func ParseBundles(raw []byte) (*Bundles, error) {
	var d bundlesDocument
	if err := json.Unmarshal(raw, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("bundles: %w", explain(err))
	}
	if d.Schema != 1 {
		return nil, fmt.Errorf("bundles: schema is %d, and this version reads 1 only", d.Schema)
	}
	b := &Bundles{name: d.Name, zones: map[string][]*bundle{}}
	for name, list := range d.Zones {
		switch canonical := dns.CanonicalName(name); {
		case canonical != name:
			return nil, fmt.Errorf("bundles: zone %q is not written like %q", name, canonical)
		case !isZone(name):
			return nil, fmt.Errorf("bundles: zone %q is not a domain name", name)
		}
		for i, written := range list {
			if written.From.IsZero() || written.Until.IsZero() {
				return nil, fmt.Errorf("bundles: zones[%q][%d] lacks from or until", name, i)
			}
			one, err := parseBundle(span{written.From.time(), written.Until.time()}, written.Records)
			if err != nil {
				return nil, fmt.Errorf("bundles: zones[%q][%d].%w", name, i, err)
			}
			b.zones[name] = append(b.zones[name], one)
		}
		b.sort(name)
	}
	return b, nil
}

// sort puts the bundles of a zone into the order of time.
func (b *Bundles) sort(zone string) {
	slices.SortStableFunc(b.zones[zone], func(x, y *bundle) int { return x.from.Compare(y.from) })
}

// Marshal writes the document, indented, the zones in the order of their names.
func (b *Bundles) Marshal() ([]byte, error) {
	d := bundlesDocument{Schema: 1, Name: b.name, Zones: map[string][]writtenBundle{}}
	for name, list := range b.zones {
		for _, one := range list {
			d.Zones[name] = append(d.Zones[name], writtenBundle{instant(one.from), instant(one.until), one.lines()})
		}
	}
	raw, err := json.Marshal(d, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(raw, '\n'), err
}

// Zones returns the names of the zones that have bundles, in their order.
func (b *Bundles) Zones() []string { return slices.Sorted(maps.Keys(b.zones)) }

// End returns the instant at which the last bundle of a zone ends, zero where
// there is none. Keys that have changed may end it before.
func (b *Bundles) End(zone string) time.Time {
	list := b.zones[dns.CanonicalName(zone)]
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].until
}

// Prune drops the bundles of every zone that are over at the instant at, and
// zones that have no others.
func (b *Bundles) Prune(at time.Time) {
	for name, list := range b.zones {
		b.zones[name] = slices.DeleteFunc(list, func(one *bundle) bool { return one.until.Add(margin).Before(at) })
		if len(b.zones[name]) == 0 {
			delete(b.zones, name)
		}
	}
}
