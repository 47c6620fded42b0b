package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
)

var (
	terraformCommand = flag.String("terraform", "", "apply build/terraform by `COMMAND`, terraform or tofu or the path of one")
	vaultProvider    = flag.String("terraform-vault", "", "with the provider of Vault in `FILE`, as make terraform builds it")
)

// applied is a copy of build/terraform, or of another configuration, and the Vault
// it is applied to.
type applied struct {
	*parts.Vault

	t   *testing.T
	dir string
	env []string
}

// offline are settings of Terraform with which it asks nobody for anything.
const offline = `disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path = %q
  }
}
`

// configured copies the files into a directory that is initialised.
func configured(t *testing.T, files map[string]string) *applied {
	t.Helper()
	if *terraformCommand == "" {
		t.Skip("It takes programs that are not built for make test: make terraform")
	}
	a := &applied{Vault: parts.NewVault(t, parts.VaultOptions{}), t: t, dir: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(a.dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	settings := filepath.Join(t.TempDir(), "terraformrc")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, offline, mirror(t)), 0o600))
	a.env = append(os.Environ(), "HOME="+t.TempDir(), "TF_CLI_CONFIG_FILE="+settings, "TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"VAULT_ADDR="+a.Address, "VAULT_TOKEN="+a.RootToken)
	a.does("init", "-no-color")
	return a
}

// mirror is a directory from which terraform and tofu install the provider.
func mirror(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		version := filepath.Join(dir, registry, "hashicorp/vault/5.9.0", runtime.GOOS+"_"+runtime.GOARCH)
		must(t, os.MkdirAll(version, 0o700))
		must(t, os.Symlink(*vaultProvider, filepath.Join(version, "terraform-provider-vault_v5.9.0")))
	}
	return dir
}

// ours are the files of build/terraform, without what Terraform itself may have
// left there.
func ours(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.tf", "policies/*.hcl"} {
		files, err := filepath.Glob(filepath.Join(terraform, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("There are no files %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			must(t, err)
			name, err := filepath.Rel(terraform, file)
			must(t, err)
			all[name] = string(text)
		}
	}
	return all
}

// run runs a command of Terraform and returns its status and all that it says.
func (a *applied) run(args ...string) (int, string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), *terraformCommand, args...)
	cmd.Dir, cmd.Env = a.dir, a.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		a.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// does runs a command that must succeed.
func (a *applied) does(args ...string) string {
	a.t.Helper()
	status, out := a.run(args...)
	if status != 0 {
		a.t.Fatalf("%s %s: status %d\n%s", *terraformCommand, strings.Join(args, " "), status, out)
	}
	return out
}

// with sets the variables for all that comes.
func (a *applied) with(variables map[string]any) {
	a.t.Helper()
	text, err := json.Marshal(variables)
	must(a.t, err)
	must(a.t, os.WriteFile(filepath.Join(a.dir, "terraform.tfvars.json"), text, 0o600))
}

// apply brings Vault to what the files say, after which there must be nothing
// more to do.
func (a *applied) apply() {
	a.t.Helper()
	a.does("apply", "-auto-approve", "-no-color")
	if status, out := a.run("plan", "-detailed-exitcode", "-no-color"); status != 0 {
		a.t.Errorf("Expected nothing to be left to do, got status %d:\n%s", status, out)
	}
}

// refuses has apply fail with a message that says what to write, and change
// nothing.
func (a *applied) refuses(message string) {
	a.t.Helper()
	a.refusesTo("apply", message)
}

// refusesTo is that for a command which may change something.
func (a *applied) refusesTo(command, message string) {
	a.t.Helper()
	before := a.holds()
	status, out := a.run(command, "-auto-approve", "-no-color")
	if said := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "); status != 1 || !strings.Contains(said, message) {
		a.t.Errorf("Expected %q, got status %d:\n%s", message, status, out)
	}
	if diff := cmp.Diff(before, a.holds()); diff != "" {
		a.t.Errorf("Expected nothing to be changed (-before +after):\n%s", diff)
	}
}

// takesAway has all destroyed but the two mounts with what is in them, beside what was
// there before; and those are no part of it until they are given up.
func (a *applied) takesAway(before map[string][]string) {
	a.t.Helper()
	mounts := []string{"persist/", "persist-keys/"}
	for _, mount := range mounts {
		_, err := a.Client.KVv2(strings.TrimSuffix(mount, "/")).Put(a.t.Context(), "kept", map[string]any{"by": "takesAway"})
		must(a.t, err)
	}
	a.refusesTo("destroy", "Instance cannot be destroyed")
	a.does("state", "rm", "-no-color", "vault_mount.documents", "vault_mount.keys")
	a.does("destroy", "-auto-approve", "-no-color")
	want := maps.Clone(before)
	want["mounts"] = slices.Sorted(slices.Values(slices.Concat(before["mounts"], mounts)))
	if diff := cmp.Diff(want, a.holds()); diff != "" {
		a.t.Errorf("Expected what was there before, and the mounts (-want +after):\n%s", diff)
	}
	for _, mount := range mounts {
		if _, err := a.Client.KVv2(strings.TrimSuffix(mount, "/")).Get(a.t.Context(), "kept"); err != nil {
			a.t.Errorf("Expected what is in %s to be kept, got %v", mount, err)
		}
	}
}

// output is a value that the configuration gives out.
func (a *applied) output(name string) string {
	a.t.Helper()
	return a.does("output", "-no-color", "-raw", name)
}

// holds is all that Vault has which Terraform could have made, by kind.
func (a *applied) holds() map[string][]string {
	a.t.Helper()
	all := map[string][]string{}
	mounts, err := a.Client.Sys().ListMountsWithContext(a.t.Context())
	must(a.t, err)
	all["mounts"] = slices.Sorted(maps.Keys(mounts))
	methods, err := a.Client.Sys().ListAuthWithContext(a.t.Context())
	must(a.t, err)
	all["auth methods"] = slices.Sorted(maps.Keys(methods))
	devices, err := a.Client.Sys().ListAuditWithContext(a.t.Context())
	must(a.t, err)
	all["audit devices"] = slices.Sorted(maps.Keys(devices))
	for _, path := range []string{"sys/policies/acl", "identity/group/name", "identity/entity/name", "identity/entity-alias/id"} {
		list, err := a.Client.Logical().ListWithContext(a.t.Context(), path)
		must(a.t, err)
		all[path] = nil
		if list == nil {
			continue
		}
		for _, key := range list.Data["keys"].([]any) {
			all[path] = append(all[path], fmt.Sprint(key))
		}
	}
	return all
}
