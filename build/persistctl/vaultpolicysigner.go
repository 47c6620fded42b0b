package main

import (
	"text/template"

	"github.com/spf13/cobra"
)

// signerPolicy lets a token do what persistctl keys sign does, and nothing else.
var signerPolicy = template.Must(template.New("signer").Parse(
	`# The job that signs bundles: it reads one key document, signs with one KSK, and
# writes the bundles beside the document.
path "{{.Keys.Mount}}/data/{{.Keys.Path}}"         { capabilities = ["read"{{if .Roll}}, "update"{{end}}] }
path "{{.Keys.Mount}}/data/{{.Keys.Path}}-bundles" { capabilities = ["create", "read", "update"] }
{{- with .Transit}}
path "{{.Mount}}/keys/{{.Path}}" { capabilities = ["read"] }
path "{{.Mount}}/sign/{{.Path}}" { capabilities = ["update"] }
{{- if $.Roll}}
path "{{.Mount}}/keys/{{.Path}}/rotate" { capabilities = ["update"] }
{{- end}}
{{- end}}
{{- with .KSK}}
path "{{.Mount}}/data/{{.Path}}" { capabilities = ["read"{{if $.Roll}}, "update"{{end}}] }
{{- end}}
`))

// signerPaths is what the policy of a signing job is about.
type signerPaths struct {
	keys, transit, ksk string // as on the command line
	roll               bool   // whether the job rolls the KSK too
}

func newVaultPolicySigner(out *output) *cobra.Command {
	var s signerPaths
	cmd := &cobra.Command{
		Use:   "signer --keys MOUNT/PATH (--transit MOUNT/KEY | --ksk MOUNT/PATH)",
		Short: "Print the policy of the job that signs bundles",
		Long: `Print the policy, in HCL, of the token that persistctl keys sign has: it may read
the key document of --keys, write its bundles, and sign with the key of --transit
or read the KSK document of --ksk, and nothing else. With --roll it may do what
keys roll-ksk does, too: write the key document, and rotate the key in Transit or
add one to the KSK document.`,
		Example: `  persistctl vault-policy signer --keys persist-keys/example --transit transit/example-ksk
  persistctl vault-policy signer --keys persist-keys/example --transit transit/example-ksk --roll
  persistctl vault-policy signer --keys persist-keys/example --ksk persist-ksk/example > signer.hcl`,
		Args: arity(0, 0),
	}
	cmd.Flags().StringVar(&s.keys, "keys", "", "`MOUNT/PATH` of the key document, as in the Corefile's keys vault MOUNT/PATH; MOUNT is the part before the first slash")
	cmd.Flags().StringVar(&s.transit, "transit", "", "`MOUNT/KEY` of the KSK in Vault's Transit engine, where MOUNT is the part before the last slash")
	cmd.Flags().StringVar(&s.ksk, "ksk", "", "`MOUNT/PATH` of the KSK document; MOUNT is the part before the first slash")
	cmd.Flags().BoolVar(&s.roll, "roll", false, "let the job roll the KSK too, as keys roll-ksk does")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		values, err := s.parse()
		if err != nil {
			return err
		}
		return printPolicy(out, cmd, signerPolicy, values)
	}
	return cmd
}

// signerValues is what signerPolicy is filled with.
type signerValues struct {
	Keys, Transit, KSK *place
	Roll               bool
}

func (s signerPaths) parse() (signerValues, error) {
	v := signerValues{Roll: s.roll}
	if (s.transit == "") == (s.ksk == "") {
		return v, usagef("where is the KSK? write one of --transit MOUNT/KEY and --ksk MOUNT/PATH")
	}
	keys, err := vaultPlace("keys", s.keys)
	if err != nil {
		return v, err
	}
	v.Keys = &keys
	if s.ksk != "" {
		ksk, err := vaultPlace("ksk", s.ksk)
		v.KSK = &ksk
		return v, err
	}
	mount, key, err := transitPlace("transit", s.transit)
	v.Transit = &place{mount, key}
	return v, err
}
