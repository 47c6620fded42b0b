package main

import (
	"crypto/elliptic"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// run runs a command line and returns its exit status and what it prints.
func run(args ...string) (status int, out, complaint string) {
	var o, c strings.Builder
	status = execute(args, &o, &c)
	return status, o.String(), c.String()
}

// What the directory of a CA of draft 02 says is in the document, and the
// document is good: to the schema, to lint, and to a server.
func TestADirectoryOfDraft02BecomesADocumentWithTheHash(t *testing.T) {
	ca := newScriptedCA(t)
	ca.says("/directory", directoryWith(`"issuerDomainNames": ["ca.example", "ca.example.net"], "accountHashPrefix": "https://ca.example/account-hash/"`))

	status, out, said := run("issuer", "probe", ca.url+"/directory", "--ca", ca.root, "--account", "https://ca.example/acct/123")
	if status != exitOK {
		t.Fatalf("Expected status 0, got %d: %s", status, said)
	}
	if !strings.Contains(said, "draft-ietf-acme-dns-persist-02 or later") || !strings.Contains(said, "in an order only: see --order") {
		t.Errorf("Expected to be told the draft, and what is not known, got %q", said)
	}
	want := map[string]any{
		"issuer_domain_names":  []any{"ca.example", "ca.example.net"},
		"account_uri_prefixes": []any{"https://ca.example/acct/"},
		"account_hash_prefix":  "https://ca.example/account-hash/",
		"forms":                []any{"hash"},
		"wildcard":             true,
		"until":                map[string]any{"mode": "rolling", "floor": "96h", "step": "24h"},
		"max_until":            "2160h",
		"x_source":             ca.url + "/directory",
		"x_date":               time.Now().UTC().Format(time.DateOnly),
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("The document (-want +got):\n%s", diff)
	}
	holdsGood(t, out)

	// By the hash of the draft's test vectors (section 10.2), a server publishes it.
	records := recordsAt(t, policytest.Documents{"issuers/ca": out}.Account(`"thumbprints": ["`+policytest.Thumbprint+`"], "domains": {"example.com": {}}`))
	if len(records) != 1 || !strings.HasPrefix(records[0], "ca.example; accounturi=https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw; ") {
		t.Errorf("Expected the hashed URI of the draft, got %q", records)
	}
}

// What is wrong here is told before anything is asked of the CA, and who cannot reach it
// is told where documents are that need no directory.
func TestAProbeThatReachesNoCASaysWhereDocumentsAre(t *testing.T) {
	ca := newScriptedCA(t)
	asked := false
	ca.HandleFunc("GET /directory", func(http.ResponseWriter, *http.Request) { asked = true })
	status, _, said := run("issuer", "probe", ca.url+"/directory", "--ca", ca.root, "--key", filepath.Join(t.TempDir(), "nokey.pem"))
	if status != exitFailed || asked || !strings.Contains(said, "nokey.pem: no such file") {
		t.Errorf("Expected the key to be looked for first, got %d, asked %v: %s", status, asked, said)
	}
	status, _, said = run("issuer", "probe", "https://127.0.0.1:1/directory")
	if status != exitFailed || !strings.Contains(said, "connection refused") || !strings.Contains(said, "are in build/policies/issuers") {
		t.Errorf("Expected to be told of ready documents, got %d: %s", status, said)
	}
}

// recordsAt are the records of example.com by documents that stand beside the
// usual ones.
func recordsAt(t *testing.T, documents policytest.Documents) []string {
	t.Helper()
	dir := t.TempDir()
	policytest.Standard().With(documents).Write(t, dir)
	var shown struct {
		Grants []struct {
			Records []string `json:"records"`
		} `json:"grants"`
	}
	if err := json.Unmarshal([]byte(persistctl(t, "show", "example.com", dir, "-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, g := range shown.Grants {
		list = append(list, g.Records...)
	}
	return list
}

// holdsGood holds an issuer document against the schema, by another
// implementation of JSON Schema, and against persistctl lint.
func holdsGood(t *testing.T, document string) {
	t.Helper()
	if err := conforms(t, document); err != nil {
		t.Errorf("Expected a document that conforms to the schema, got %v", err)
	}
	dir := t.TempDir()
	policytest.Documents{"config": `{"schema": 1}`, "issuers/probed": document}.Write(t, dir)
	if out := persistctl(t, "lint", dir); out != "2 documents, 0 grants, 0 rejections, 0 warnings\n" {
		t.Errorf("Expected nothing to complain of, got %s", out)
	}
}

func conforms(t *testing.T, document string) error {
	t.Helper()
	text, _ := policy.Schema("issuers")
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("issuers.json", schema); err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("issuers.json").Validate(instance)
}

// What a directory does not say has to be filled in, and lint asks for the same.
func TestADirectoryThatSaysNothingLeavesTheRestToDo(t *testing.T) {
	for name, c := range map[string]struct {
		meta, account string
		status        int
		draft         string
		names         []string
		check, todo   []string // what each begins with
	}{
		"nothing": {"", "", exitFailed, "The directory has neither", nil, nil, []string{"account_uri_prefixes is missing", "issuer_domain_names is missing"}},
		"caaIdentities": {`"caaIdentities": ["letsencrypt.org"]`, "", exitFailed, "The directory has neither", []string{"letsencrypt.org"},
			[]string{"issuer_domain_names: they are the directory's caaIdentities"}, []string{"account_uri_prefixes is missing"}},
		"caaIdentities and an account": {`"caaIdentities": ["letsencrypt.org"]`, "https://ca.example/acct/1", exitOK, "The directory has neither", []string{"letsencrypt.org"},
			[]string{"issuer_domain_names: they are", "account_uri_prefixes: all accounts must start with https://ca.example/acct/"}, nil},
		"names alone": {`"issuerDomainNames": ["ca.example"], "caaIdentities": ["other.example"]`, "https://ca.example/acct/1", exitOK, "The directory has only one of", []string{"ca.example"},
			[]string{"account_uri_prefixes: "}, nil},
		"what is no name": {`"issuerDomainNames": ["ca_1;example"], "accountHashPrefix": "https://ca.example/h/"`, "https://ca.example/acct/1", exitFailed, "The directory has issuerDomainNames and", []string{"ca_1;example"},
			[]string{"forms: ", "account_uri_prefixes: "}, []string{"issuer_domain_names "}},
	} {
		t.Run(name, func(t *testing.T) {
			ca := newScriptedCA(t)
			ca.says("/directory", directoryWith(c.meta))
			args := []string{"issuer", "probe", ca.url + "/directory", "--ca", ca.root}
			if c.account != "" {
				args = append(args, "--account", c.account)
			}
			status, out, _ := run(append(args, "-o", "json")...)
			var got struct {
				Draft    string          `json:"draft"`
				Document json.RawMessage `json:"document"`
				Check    []string        `json:"check"`
				ToDo     []string        `json:"to_do"`
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if status != c.status || !strings.HasPrefix(got.Draft, c.draft) {
				t.Errorf("Expected status %d and %q, got %d and %q", c.status, c.draft, status, got.Draft)
			}
			begin(t, "check", c.check, got.Check)
			begin(t, "to_do", c.todo, got.ToDo)
			var document struct {
				Names []string `json:"issuer_domain_names"`
			}
			if err := json.Unmarshal(got.Document, &document); err != nil || !cmp.Equal(document.Names, c.names) {
				t.Errorf("Expected the names %q, got %q, %v", c.names, document.Names, err)
			}
			_, printed, told := run(args...)
			dir := t.TempDir()
			policytest.Documents{"config": `{"schema": 1}`, "issuers/ca": printed}.Write(t, dir)
			if linted, _, _ := run("lint", dir); linted != c.status {
				t.Errorf("Expected lint to say the same of what is printed, got status %d", linted)
			}
			if n := strings.Count(told, "to do: "); n != len(c.todo) {
				t.Errorf("Expected %d things to do on standard error, got\n%s", len(c.todo), told)
			}
		})
	}
}

func begin(t *testing.T, what string, want, got []string) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: expected %d lines, got %q", what, len(want), got)
		return
	}
	for i, line := range got {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%s: expected %q, got %q", what, want[i], line)
		}
	}
}

// An order shows what a directory does not: whether there is the challenge, how
// it is spelled, and whom a record has to name. The account shows what URIs
// start with.
func TestAnOrderShowsWhatTheDirectoryDoesNot(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	for name, c := range map[string]struct {
		offers, draft string
		names         []string
		check         int
	}{
		"by draft 02":   {`{"type": "dns-01"}, {"type": "dns-persist-01", "issuerDomainNames": ["new.example"]}`, "offers dns-persist-01, as draft-ietf-acme-dns-persist-02 spells it.", []string{"new.example"}, 1},
		"by draft 01":   {`{"type": "dns-persist-01", "issuer-domain-names": ["old.example", "ca.example"]}`, "offers dns-persist-01, as draft-ietf-acme-dns-persist-01 and earlier ones spell it.", []string{"old.example", "ca.example"}, 1},
		"without names": {`{"type": "dns-persist-01"}`, "offers dns-persist-01, as draft-ietf-acme-dns-persist-01", []string{"ca.example"}, 2},
		"not at all":    {`{"type": "dns-01"}, {"type": "http-01"}`, "An order for example.com does not offer dns-persist-01: the CA would take no record.", []string{"ca.example"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t, key)
			h.offers = c.offers
			status, out, said := run("issuer", "probe", h.ca.url+"/directory", "--ca", h.ca.root, "--key", keyFile(t, inPKCS8(t, key)), "--order", "example.com")
			if status != exitOK || !strings.Contains(said, c.draft) || strings.Count(said, "check: ") != c.check {
				t.Errorf("Expected status 0, %q and %d lines to check, got %d and %q", c.draft, c.check, status, said)
			}
			var document struct {
				Names    []string `json:"issuer_domain_names"`
				Prefixes []string `json:"account_uri_prefixes"`
			}
			if err := json.Unmarshal([]byte(out), &document); err != nil {
				t.Fatal(err)
			}
			if !cmp.Equal(document.Names, c.names) || !cmp.Equal(document.Prefixes, []string{h.ca.url + "/acct/"}) {
				t.Errorf("Expected the names %q and the prefix of %s, got %+v", c.names, h.url, document)
			}
			if diff := cmp.Diff([]string{"/new-account", "/new-order", "/authz/1", "/authz/1"}, h.posts); diff != "" {
				t.Errorf("Requests (-want +got):\n%s", diff)
			}
			holdsGood(t, out)
		})
	}
}

func TestWithoutAnOrderTheKeyFindsTheAccountAlone(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	h := newHolder(t, key)
	args := []string{"issuer", "probe", h.ca.url + "/directory", "--ca", h.ca.root, "--key"}
	status, out, said := run(append(args, keyFile(t, inPKCS8(t, key)))...)
	if status != exitOK || !strings.Contains(out, `"`+h.ca.url+`/acct/"`) || !strings.Contains(said, "see --order") || !cmp.Equal(h.posts, []string{"/new-account"}) {
		t.Errorf("Expected the prefix of one request, got status %d after %q: %s%s", status, h.posts, out, said)
	}
	status, out, said = run(append(args, keyFile(t, inPKCS8(t, ecKey(t, elliptic.P256()))))...)
	if status != exitFailed || out != "" || !strings.Contains(said, "the CA has no account of the key with the thumbprint") {
		t.Errorf("Expected another key to be refused, got status %d: %s%s", status, out, said)
	}
}

func TestWhatIsNoDirectoryOfTheCAIsRefused(t *testing.T) {
	ca, other := newScriptedCA(t), newScriptedCA(t)
	other.says("/directory", directoryWith(""))
	ca.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.url+"/directory", http.StatusFound)
	})
	ca.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(ca.url, "https", "http", 1)+"/directory", http.StatusFound)
	})
	ca.HandleFunc("GET /circle", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/circle", http.StatusFound)
	})
	ca.HandleFunc("GET /problem", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"type": "urn:ietf:params:acme:error:serverInternal", "detail": "down"}`))
	})
	ca.says("/page", "<html>")
	ca.says("/other", `{"issuer": "https://ca.example"}`)
	ca.says("/typed", `{"newNonce": "CA/a", "newAccount": "CA/c", "meta": {"caaIdentities": "ca.example"}}`)
	ca.says("/list", `["newNonce"]`)
	ca.says("/twice", `{"newNonce": "CA/a", "newNonce": "CA/b", "newAccount": "CA/c"}`)
	ca.says("/large", `{"newNonce": "`+strings.Repeat("a", mostACME)+`"}`)
	for path, want := range map[string]string{
		"/elsewhere": "redirects from",
		"/plain":     "redirects from",
		"/circle":    "redirects more than 5 times",
		"/problem":   `answers 503 Service Unavailable, "urn:ietf:params:acme:error:serverInternal": "down"`,
		"/missing":   "answers 404 Not Found, and not with a directory",
		"/page":      "is no ACME directory (RFC 8555 section 7.1.1), which is a JSON object",
		"/typed":     "is no ACME directory (RFC 8555 section 7.1.1): its member meta.caaIdentities is of another type than there",
		"/list":      "is no ACME directory (RFC 8555 section 7.1.1), which is a JSON object",
		"/other":     "newNonce and newAccount are no https URLs in it",
		"/twice":     "is no ACME directory",
		"/large":     "answers with more than 262144 octets",
	} {
		status, out, said := run("issuer", "probe", ca.url+path, "--ca", ca.root)
		if status != exitFailed || out != "" || !strings.Contains(said, want) {
			t.Errorf("%s: expected status 1 and %q, got %d, %q and %q", path, want, status, out, said)
		}
	}
	if status, _, said := run("issuer", "probe", ca.url+"/page"); status != exitFailed || !strings.Contains(said, "for a CA with a root of its own, write --ca FILE") {
		t.Errorf("Expected a hint at --ca, got %d and %q", status, said)
	}
}

func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	ca := newScriptedCA(t)
	ca.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/directory", http.StatusMovedPermanently)
	})
	ca.says("/directory", directoryWith(`"caaIdentities": ["ca.example"]`))
	if status, _, said := run("issuer", "probe", ca.url+"/", "--ca", ca.root, "--account", "https://ca.example/acct/1"); status != exitOK {
		t.Errorf("Expected status 0, got %d: %s", status, said)
	}
}

func TestAProbeSaysWhatToWriteInstead(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`"http://ca.example/directory" is no https URL: write it like`: {"http://ca.example/directory"},
		`"ca.example" is no https URL`:                                 {"ca.example"},
		"empty.pem holds no certificate in PEM":                        {"https://ca.example/directory", "--ca", empty},
		"--account: the account URI has no scheme":                     {"https://ca.example/directory", "--account", "123"},
		"has nothing after a slash of its path":                        {"https://ca.example/directory", "--account", "https://ca.example/acct/"},
		"https://ca.example has nothing after":                         {"https://ca.example/directory", "--account", "https://ca.example"},
		"--order example.com takes an account: write --key FILE too":   {"https://ca.example/directory", "--order", "example.com"},
		"--order: ": {"https://ca.example/directory", "--order", "_validation-persist.example.com", "--key", "account.pem"},
	} {
		if status, _, said := run(append([]string{"issuer", "probe"}, args...)...); status != exitUsage || !strings.Contains(said, want) {
			t.Errorf("%q: expected status 2 and %q, got %d and %q", args, want, status, said)
		}
	}
}
