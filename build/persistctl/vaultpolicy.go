package main

import (
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

func newVaultPolicy(out *output) *cobra.Command {
	policies := group("vault-policy", "Print the Vault policies that persist needs",
		newVaultPolicyAdmin(out),
		newVaultPolicyApply(out),
		newVaultPolicyKeys(out),
		newVaultPolicyServer(out),
		newVaultPolicySigner(out),
		newVaultPolicyTeam(out),
	)
	policies.Long = "Print policies in HCL, for vault policy write. No Vault is asked."
	return policies
}

// serverPolicy lets a token read what the server reads, and do nothing else.
// Vault knows reading a document from listing a folder by the path alone, so
// metadata is only to be listed, unless the audit log is to say who changed what.
var serverPolicy = template.Must(template.New("server").Parse(
	`# The DNS server of persist: it reads documents and keys, and writes nothing.
path "{{.Mount}}/data/config"     { capabilities = ["read"] }
path "{{.Mount}}/data/control"    { capabilities = ["read"] }
path "{{.Mount}}/data/index"      { capabilities = ["read"] }
path "{{.Mount}}/data/issuers/*"  { capabilities = ["read"] }
path "{{.Mount}}/data/teams/*"    { capabilities = ["read"] }
path "{{.Mount}}/data/accounts/*" { capabilities = ["read"] }
path "{{.Mount}}/metadata/*"      { capabilities = ["list"{{if .Authors}}, "read"{{end}}] }
{{- with .Keys}}

# Its key document, and no other, with the bundles where the KSK is kept away.
path "{{.Mount}}/data/{{.Path}}"         { capabilities = ["read"] }
path "{{.Mount}}/data/{{.Path}}-bundles" { capabilities = ["read"] }
{{- end}}

# Its own token, which it renews, and gives back, where it logs in by itself.
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
`))

func newVaultPolicyServer(out *output) *cobra.Command {
	var mount, keys string
	var authors bool
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Print the policy of the DNS server's token",
		Long: `Print the policy, in HCL, of the token that the DNS server has: it may list and
read the documents, read the one key document of --keys and its bundles, and renew
and revoke itself, and nothing else. Leave out --keys where keys are in a directory, and for
people and pipelines that run persistctl.`,
		Example: `  persistctl vault-policy server --keys persist-keys/example
  persistctl vault-policy server --mount team-a/persist > server.hcl`,
		Args: arity(0, 0),
	}
	cmd.Flags().StringVar(&mount, "mount", defaultMount, "`MOUNT` of the documents, like persist or team-a/persist")
	cmd.Flags().StringVar(&keys, "keys", "", "`MOUNT/PATH` of the key document, as in the Corefile's keys vault MOUNT/PATH; MOUNT is the part before the first slash")
	cmd.Flags().BoolVar(&authors, "authors", false, "let it read metadata too, so that its audit log says who wrote documents")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		values := struct {
			Mount   string
			Keys    *place
			Authors bool
		}{Mount: strings.Trim(mount, "/"), Authors: authors}
		if err := checkVaultPath("mount", values.Mount); err != nil {
			return err
		}
		if keys != "" {
			p, err := vaultPlace("keys", keys)
			if err != nil {
				return err
			}
			values.Keys = &p
			p.warnBeside(cmd.ErrOrStderr(), values.Mount)
		}
		return printPolicy(out, cmd, serverPolicy, values)
	}
	return cmd
}

// vaultPlace reads the value of a flag that is the place of a document.
func vaultPlace(flag, path string) (place, error) {
	source := keySource{vault: path, vaultFlag: flag}
	p, err := source.place()
	if err == nil {
		err = checkVaultPath(flag, path)
	}
	return p, err
}

// transitPlace reads the value of a flag that is a key in Transit: the mount may
// have slashes.
func transitPlace(flag, path string) (mount, key string, err error) {
	i := strings.LastIndex(path, "/")
	if i < 1 || i == len(path)-1 {
		return "", "", usagef("--%s %q is not MOUNT/KEY of a key in Vault's Transit engine", flag, path)
	}
	return path[:i], path[i+1:], checkVaultPath(flag, path)
}

var vaultPath = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// checkVaultPath refuses what would end the string in HCL, and what would stand
// for other paths too in a policy.
func checkVaultPath(flag, path string) error {
	if !vaultPath.MatchString(path) {
		return usagef("--%s %q is no path for a policy: write parts of letters, digits, dot, hyphen and underscore, with a slash between", flag, path)
	}
	return nil
}
