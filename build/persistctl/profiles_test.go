package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
)

// profiles are the directory of the issuer documents that are shipped.
const profiles = "../policies"

// accountsOf are URIs of accounts at the CAs of the profiles, as the CAs give
// them.
var accountsOf = map[string]string{
	"letsencrypt":           "https://acme-v02.api.letsencrypt.org/acme/acct/85247630",
	"letsencrypt-staging":   "https://acme-staging-v02.api.letsencrypt.org/acme/acct/85247630",
	"google-trust-services": "https://dv.acme-v02.api.pki.goog/account/BBVKP0RO-Ezg09bPT4QXjA",
	"sectigo":               "acct:1234567@sectigo.com",
	"digicert":              "https://digicert.com/account/1234567",
	"pebble":                "https://localhost:14000/my-account/2b4f5e1d7c6a9083",
}

// readProfiles returns the text of each profile by its name.
func readProfiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(profiles, "issuers", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("There are no profiles: %v", err)
	}
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = string(text)
	}
	return all
}

func TestProfilesAreGoodAndSayWhereTheyComeFrom(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(profiles, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := readProfiles(t)
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			holdsGood(t, text)
			var from struct {
				Source []string `json:"x_source"`
				Date   string   `json:"x_date"`
				Note   string   `json:"x_note"`
			}
			if err := json.Unmarshal([]byte(text), &from); err != nil {
				t.Fatal(err)
			}
			if _, err := time.Parse(time.DateOnly, from.Date); err != nil || len(from.Source) == 0 || from.Note == "" {
				t.Errorf("Expected sources, a date and a note, got %+v, %v", from, err)
			}
			for _, source := range from.Source {
				if err := checkHTTPS(source); err != nil {
					t.Error(err)
				}
			}
			if !strings.Contains(string(readme), "](issuers/"+name+".json)") {
				t.Error("Expected the README to name it")
			}
		})
	}
	if len(accountsOf) != len(all) {
		t.Errorf("There are %d profiles, and accounts of %d CAs", len(all), len(accountsOf))
	}
}

// With all profiles side by side, each CA's account is served by its own and
// refused by any other.
func TestProfilesTakeAccountsOfTheirOwnCAAlone(t *testing.T) {
	all := readProfiles(t)
	for name := range all {
		for of, uri := range accountsOf {
			t.Run(name+", account of "+of, func(t *testing.T) {
				documents := policytest.Documents{"config": `{"schema": 1}`, "teams/web": `{"domains": ["example.com"], "issuers": ["` + name + `"], "wildcard": true}`}
				for slug, text := range all {
					documents["issuers/"+slug] = text
				}
				documents["accounts/web/"+name+"/a"] = `{"account_uri": "` + uri + `", "domains": {"example.com": {"wildcard": true}}}`
				book := documents.Compile(t)
				domain, _, err := record.ParseFQDN("example.com")
				if err != nil {
					t.Fatal(err)
				}
				served := slices.ContainsFunc(book.Lookup(domain), func(g *policy.Grant) bool { return g.Withheld == "" })
				rejections := book.Rejections()
				if served != (name == of) || (len(rejections) > 0) == (name == of) {
					t.Errorf("Served: %t, rejected: %v", served, rejections)
				}
				if name != of && !strings.Contains(rejections[0].Reason, "starts with none of the account_uri_prefixes of issuers/"+name) {
					t.Errorf("Expected it to be refused for its prefix, got %v", rejections[0])
				}
			})
		}
	}
}
