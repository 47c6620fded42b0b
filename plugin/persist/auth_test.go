package persist

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns/coredns/plugin/test"

	"github.com/google/go-cmp/cmp"
)

// authStanza is a stanza with one auth property.
func authStanza(line string) string {
	return "persist {\nvault https://vault.example.net\nkeys none\nns ns1.example.net\n" + line + "\n}"
}

func TestAuthIsParsed(t *testing.T) {
	dir, err := test.WritePEMFiles(t)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for line, want := range map[string]store.VaultConfig{
		"auth token_file /run/token":                  {Auth: "token_file", TokenFile: "/run/token"},
		"auth agent":                                  {Auth: "agent"},
		"auth approle /etc/role /etc/secret":          {Auth: "approle", RoleIDFile: "/etc/role", SecretIDFile: "/etc/secret"},
		"auth approle /etc/role /etc/secret mount dc": {Auth: "approle", RoleIDFile: "/etc/role", SecretIDFile: "/etc/secret", AuthMount: "dc"},
		"auth approle /etc/role /etc/secret wrapped":  {Auth: "approle", RoleIDFile: "/etc/role", SecretIDFile: "/etc/secret", Wrapped: true},
		"auth kubernetes dns":                         {Auth: "kubernetes", Role: "dns"},
		"auth kubernetes dns /run/jwt mount k8s/west": {Auth: "kubernetes", Role: "dns", JWTFile: "/run/jwt", AuthMount: "k8s/west"},
		"auth kubernetes dns mount k8s/west":          {Auth: "kubernetes", Role: "dns", AuthMount: "k8s/west"},
		"auth jwt dns /run/jwt":                       {Auth: "jwt", Role: "dns", JWTFile: "/run/jwt"},
		"auth cert\ntls PAIR":                         {Auth: "cert"},
		"auth cert dns mount tls\ntls PAIR":           {Auth: "cert", Role: "dns", AuthMount: "tls"},
	} {
		c, err := parseStanza(authStanza(strings.Replace(line, "PAIR", cert+" "+key, 1)))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		want.Address = "https://vault.example.net"
		if want.Auth == "cert" {
			want.ClientCert, want.ClientKey = cert, key
		}
		if diff := cmp.Diff(&want, c.vault); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// What stands after auth may be a secret, and is not repeated.
func TestBadAuthIsRefused(t *testing.T) {
	for line, says := range map[string]string{
		"auth":                               "auth has 0 arguments: write auth agent |",
		"auth hvs.secret":                    "unknown method: write auth agent | approle ROLE_ID_FILE SECRET_ID_FILE [wrapped] |",
		"auth token hvs.secret":              "token does not take 1 arguments: write auth token",
		"auth token_file":                    "write auth token_file FILE",
		"auth token_file /run/token mount a": "without a login, and so without a mount",
		"auth agent mount x":                 "agent is without a login, and so without a mount",
		"auth approle /etc/role":             "write auth approle ROLE_ID_FILE SECRET_ID_FILE",
		"auth approle /etc/role /etc/s x":    "there may stand wrapped, and nothing else",
		"auth kubernetes":                    "write auth kubernetes ROLE [JWT_FILE] [mount NAME]",
		"auth cert":                          "auth cert shows a TLS client certificate: name it",
		"auth jwt dns":                       "write auth jwt ROLE FILE [mount NAME]",
	} {
		_, err := parseStanza(authStanza(line))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") && !strings.Contains(says, "secret") {
			t.Errorf("%s: expected %q, got %v", line, says, err)
		}
	}
}

func TestEveryAuthMethodOfTheStoreCanBeWritten(t *testing.T) {
	want := slices.Sorted(slices.Values(store.AuthMethods))
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(authMethods))); diff != "" {
		t.Errorf("Methods (-store +Corefile):\n%s", diff)
	}
}

func TestManualPageDescribesEveryAuthMethod(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(page)), " ")
	for name, m := range authMethods {
		if usage := strings.TrimSpace(name + " " + m.usage); !strings.Contains(words, " "+usage+" |") && !strings.Contains(words, usage+" [mount NAME]") {
			t.Errorf("The syntax lacks %q", usage)
		}
		if !strings.Contains(words, "* `"+name+"`: ") {
			t.Errorf("%s is not explained", name)
		}
	}
}
