package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// importedAccount is an account at an issuer, and its records that stand.
type importedAccount struct {
	issuer     policy.IssuerFacts
	uri        string
	thumbprint string // of the key that was hashed; empty where none was
	names      map[record.FQDN][]*importedGrant
	order      []record.FQDN // of names, as they were found
}

// importedGrant is what one grant publishes: records that say the same in
// several forms.
type importedGrant struct {
	wildcard bool
	until    time.Time
	forms    []record.Form
	from     []foundRecord
}

// accountOf finds the issuer and the account that a record is of, and in which
// form it names that.
func (i *importing) accountOf(r foundRecord) (issuer policy.IssuerFacts, uri, thumbprint string, form record.Form, err error) {
	named := false
	for _, issuer = range i.issuers {
		if !slices.Contains(issuer.Names, r.Issuer) {
			continue
		}
		named = true
		if issuer.Names[0] != r.Issuer {
			return issuer, "", "", "", fmt.Errorf("names the CA %s, for which issuers/%s publishes %s: publish the other one, or change the order of issuer_domain_names", r.Issuer, issuer.Slug, issuer.Names[0])
		}
		if rest, ok := strings.CutPrefix(r.AccountURI, issuer.HashPrefix+"sha-256/"); ok && issuer.HashPrefix != "" && record.CheckThumbprint(rest) == nil {
			uri, thumbprint, err = i.unhash(issuer, r)
			return issuer, uri, thumbprint, record.FormHash, err
		}
		if slices.ContainsFunc(issuer.Prefixes, func(p string) bool { return len(r.AccountURI) > len(p) && strings.HasPrefix(r.AccountURI, p) }) {
			return issuer, r.AccountURI, "", plainForm(issuer), nil
		}
	}
	if named {
		return issuer, "", "", "", fmt.Errorf("names the account %s, which starts with the account_uri_prefixes of no issuers document that has %s", r.AccountURI, r.Issuer)
	}
	return issuer, "", "", "", fmt.Errorf("names the CA %s, which no valid issuers document has among its issuer_domain_names: write one, see persistctl issuer probe", r.Issuer)
}

// plainForm is the form of a record that is not hashed: uri and opaque look
// alike.
func plainForm(issuer policy.IssuerFacts) record.Form {
	if slices.Contains(issuer.Forms, record.FormOpaque) {
		return record.FormOpaque
	}
	return record.FormURI
}

// unhash finds the account that a hashed URI stands for among those that the team
// document approves.
func (i *importing) unhash(issuer policy.IssuerFacts, r foundRecord) (uri, thumbprint string, err error) {
	for uri, thumbprints := range i.approved {
		for _, t := range thumbprints {
			if record.HashAccountURI(issuer.HashPrefix, r.name, t, uri) == r.AccountURI {
				return uri, t, nil
			}
		}
	}
	return "", "", fmt.Errorf("names an account by a hash (draft-ietf-acme-dns-persist-02 section 4.1) that is of no account and thumbprint which teams/%s approves: add them there, under accounts", i.team)
}

// add adds a record to its account.
func (i *importing) add(r foundRecord) error {
	issuer, uri, thumbprint, form, err := i.accountOf(r)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(i.accounts, func(a *importedAccount) bool { return a.issuer.Slug == issuer.Slug && a.uri == uri })
	if at < 0 {
		at = len(i.accounts)
		i.accounts = append(i.accounts, &importedAccount{issuer: issuer, uri: uri, names: map[record.FQDN][]*importedGrant{}})
	}
	a := i.accounts[at]
	if a.thumbprint != "" && thumbprint != "" && a.thumbprint != thumbprint {
		return errors.New("hashes another key of the account than the records before it: a grant hashes the current key alone")
	}
	if thumbprint != "" {
		a.thumbprint = thumbprint
	}
	until := r.Until
	if i.rolling {
		until = time.Time{}
	}
	a.add(r, until, form)
	return nil
}

// add adds a record to the grant that says the same in another form, or to a new
// one.
func (a *importedAccount) add(r foundRecord, until time.Time, form record.Form) {
	for _, g := range a.names[r.name] {
		if g.wildcard == r.Wildcard && g.until.Equal(until) {
			g.from = append(g.from, r)
			if !slices.Contains(g.forms, form) {
				g.forms = append(g.forms, form)
				slices.Sort(g.forms)
			}
			return
		}
	}
	if a.names[r.name] == nil {
		a.order = append(a.order, r.name)
	}
	a.names[r.name] = append(a.names[r.name], &importedGrant{r.Wildcard, until, []record.Form{form}, []foundRecord{r}})
}

// importedDocument is an account document that was made of records.
type importedDocument struct {
	path  string
	from  map[record.FQDN]*importedGrant
	about struct {
		URI         string                    `json:"account_uri"`
		Thumbprints []string                  `json:"thumbprints,omitempty"`
		Note        string                    `json:"note,omitempty"`
		Domains     map[string]importedDomain `json:"domains"`
	}
}

// importedDomain is what a grant asks for.
type importedDomain struct {
	Wildcard bool          `json:"wildcard,omitempty"`
	Until    string        `json:"until,omitempty"`
	Forms    []record.Form `json:"forms,omitempty"`
}

// documents makes documents of the account. A document has one grant for a name,
// so records of a name that differ go to one document after the other.
func (a *importedAccount) documents(i *importing) []*importedDocument {
	var list []*importedDocument
	for _, name := range a.order {
		for n, g := range a.names[name] {
			if n == len(list) {
				list = append(list, a.document(i, n))
			}
			d := importedDomain{Wildcard: g.wildcard}
			switch {
			case i.rolling: // the issuer's
			case g.until.IsZero():
				d.Until = policy.None.String()
			default:
				d.Until = stamp(g.until)
			}
			if !slices.Equal(g.forms, a.issuer.Forms) {
				d.Forms = g.forms
			}
			list[n].about.Domains[string(name)] = d
			list[n].from[name] = g
		}
	}
	return list
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// document returns the nth document of the account, without grants.
func (a *importedAccount) document(i *importing, n int) *importedDocument {
	last := a.uri[strings.LastIndex(strings.TrimSuffix(a.uri, "/"), "/")+1:]
	slug := strings.Trim(unfit.ReplaceAllString(strings.ToLower(last), "-"), "-")
	if others := slices.ContainsFunc(i.accounts, func(o *importedAccount) bool {
		return o != a && o.issuer.Slug == a.issuer.Slug && strings.HasSuffix(o.uri, "/"+last)
	}); slug == "" || len(slug) > 20 || others {
		hash := sha256.Sum256([]byte(a.uri))
		slug = hex.EncodeToString(hash[:6])
	}
	d := &importedDocument{from: map[record.FQDN]*importedGrant{}}
	d.path = fmt.Sprintf("accounts/%s/%s/%s-%s", i.team, a.issuer.Slug, i.name, slug)
	if n > 0 {
		d.path += fmt.Sprintf("-%d", n+1)
	}
	d.about.URI, d.about.Note, d.about.Domains = a.uri, i.note, map[string]importedDomain{}
	if a.thumbprint != "" {
		d.about.Thumbprints = []string{a.thumbprint}
	}
	return d
}

// drop takes a name out of the document.
func (d *importedDocument) drop(name record.FQDN) []foundRecord {
	from := d.from[name].from
	delete(d.from, name)
	delete(d.about.Domains, string(name))
	return from
}

func (d *importedDocument) body() []byte {
	text, _ := json.MarshalIndent(d.about, "", "  ") // strings and maps of them
	return append(text, '\n')
}

// added is s with the documents, written at the instant at.
func added(s *store.Snapshot, documents []*importedDocument, at time.Time) *store.Snapshot {
	changes := make([]change, 0, len(documents))
	for _, d := range documents {
		changes = append(changes, change{Document: d.path, Action: create, body: d.body()})
	}
	return changed(s, changes, at)
}

// same returns what tells the record r among those that are published. With
// --rolling the persistUntil is another one.
func (i *importing) same(r foundRecord) func(zone.Published) bool {
	return func(p zone.Published) bool {
		got := p.Record
		if i.rolling {
			got.Until = r.Until
		}
		return got == r.Record
	}
}
