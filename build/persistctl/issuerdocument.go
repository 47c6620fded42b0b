package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// issuerDocument is an issuer document that says what is known of a CA, and for
// the rest what a server would take to be said.
type issuerDocument struct {
	Names      []string        `json:"issuer_domain_names,omitempty"`
	Prefixes   []string        `json:"account_uri_prefixes,omitempty"`
	HashPrefix string          `json:"account_hash_prefix,omitempty"`
	Forms      []record.Form   `json:"forms"`
	Wildcard   bool            `json:"wildcard"`
	Until      json.RawMessage `json:"until"`
	MaxUntil   string          `json:"max_until"`
	Source     string          `json:"x_source"`
	Date       string          `json:"x_date"`
}

// newIssuerDocument is one of which nothing is known yet but its source. Teams
// have to ask for a wildcard in a document of their own, so the issuer's allows
// it.
func newIssuerDocument(source string, at time.Time) issuerDocument {
	return issuerDocument{
		Forms:    []record.Form{record.FormURI},
		Wildcard: true,
		Until:    json.RawMessage(`{"mode": "rolling", "floor": "96h", "step": "24h"}`),
		MaxUntil: "2160h",
		Source:   source,
		Date:     at.UTC().Format(time.DateOnly),
	}
}

func (d *issuerDocument) body() []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(d) // of strings and of JSON that is written here, into memory
	return text.Bytes()
}

// faults are what a server would reject the document for at the instant at.
func (d *issuerDocument) faults(at time.Time) []string {
	const path = "issuers/probed"
	config := change{Document: store.ConfigPath, Action: create, body: []byte(`{"schema": 1}`)}
	issuer := change{Document: path, Action: create, body: d.body()}
	alone := &store.Snapshot{Listed: map[string]time.Time{"issuers": at, "teams": at, "accounts": at}}
	list := []string{}
	for _, r := range policy.Compile(nil, changed(alone, []change{config, issuer}, at), policy.Brakes{}).Rejections() {
		if r.Path == path {
			list = append(list, fmt.Sprintf("%s %s", r.Field, r.Reason))
		}
	}
	return list
}
