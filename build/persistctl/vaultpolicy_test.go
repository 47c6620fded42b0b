package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"
)

// login returns a token of policies alone, of a role whose entity has metadata.
func login(t *testing.T, v *parts.Vault, role string, metadata map[string]string, policies ...string) string {
	t.Helper()
	ctx, logical := t.Context(), v.Client.Logical()
	roleID, secretID, err := v.AppRole(ctx, "approle", role, map[string]any{"token_policies": policies, "token_no_default_policy": true, "token_ttl": "10m"})
	must(t, err)
	entity, err := logical.WriteWithContext(ctx, "identity/entity", map[string]any{"name": role, "metadata": metadata})
	must(t, err)
	mounts, err := v.Client.Sys().ListAuthWithContext(ctx)
	must(t, err)
	_, err = logical.WriteWithContext(ctx, "identity/entity-alias", map[string]any{
		"name": roleID, "canonical_id": entity.Data["id"], "mount_accessor": mounts["approle/"].Accessor,
	})
	must(t, err)
	return enter(t, v, roleID, secretID).ClientToken
}

// enter logs in by AppRole.
func enter(t *testing.T, v *parts.Vault, roleID, secretID string) *api.SecretAuth {
	t.Helper()
	made, err := v.Client.Logical().WriteWithContext(t.Context(), "auth/approle/login", map[string]any{"role_id": roleID, "secret_id": secretID})
	must(t, err)
	return made.Auth
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// universe is every path that could matter, of every kind.
var universe = func() []string {
	list := []string{
		"persist/config", "persist/metadata", "persist-keys/config", "persist-keys/data/example", "persist-keys/data/example-bundles",
		"persist-keys/data/example2", "persist-keys/metadata/example", "persist-keys/destroy/example", "sys/mounts", "sys/mounts/persist",
		"sys/policies/acl/persist-server", "sys/audit/file", "auth/token/create", "auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self",
		"auth/approle/role/server/secret-id", "identity/entity", "identity/entity/name/team", "secret/data/x",
	}
	for _, path := range []string{
		"config", "control", "index", "issuers/", "issuers/ca", "teams/", "teams/web", "teams/ops", "accounts/", "accounts/web/", "accounts/web/ca/", "accounts/web/ca/a",
		"accounts/web/ca/a/b", "accounts/web/ca", "accounts/webb/ca/a", "accounts/ops/", "accounts/ops/ca/", "accounts/ops/ca/a",
	} {
		for _, way := range []string{"data", "metadata", "delete", "undelete", "destroy"} {
			if way == "metadata" || !strings.HasSuffix(path, "/") { // a folder can only be listed
				list = append(list, "persist/"+way+"/"+path)
			}
		}
	}
	return list
}()

// capabilities asks Vault what a token may do, of everything.
func capabilities(t *testing.T, v *parts.Vault, token string) map[string]string {
	t.Helper()
	answer, err := v.Client.Logical().WriteWithContext(t.Context(), "sys/capabilities", map[string]any{"token": token, "paths": universe})
	must(t, err)
	may := map[string]string{}
	for _, path := range universe {
		got := answer.Data[path].([]any)
		list := make([]string, 0, len(got))
		for _, c := range got {
			list = append(list, fmt.Sprint(c))
		}
		slices.Sort(list)
		if granted := strings.Join(list, " "); granted != "deny" {
			may[path] = granted
		}
	}
	return may
}

// Each policy is held against what its holder has to do, path by path, and may
// nothing besides. Vault itself says what that is.
func TestPoliciesAllowWhatTheirHoldersDoAndNothingElse(t *testing.T) {
	v := parts.NewVault(t, parts.VaultOptions{})
	must(t, v.Mount(t.Context(), "persist"))
	must(t, v.Mount(t.Context(), "persist-keys"))
	for _, c := range []struct {
		role     string
		args     []string
		metadata map[string]string
		may      map[string]string
	}{
		{"server", []string{"server", "--keys", "persist-keys/example"}, nil, serverMay()},
		{"server-authors", []string{"server", "--authors"}, nil, each("metadata", "list read", readerMay())},
		{"admin", []string{"admin"}, nil, adminMay()},
		{"apply", []string{"apply"}, nil, pipelineMay()},
		{"keys", []string{"keys"}, nil, keyMakerMay()},
		{"team", []string{"team"}, map[string]string{"persist_team": "web"}, team()},
		{"literal", []string{"team", "--team", "web"}, nil, team()},
		{"stranger", []string{"team"}, nil, shared()},
	} {
		t.Run(c.role, func(t *testing.T) {
			must(t, v.Policy(t.Context(), "persist-"+c.role, persistctl(t, append([]string{"vault-policy"}, c.args...)...)))
			token := login(t, v, c.role, c.metadata, "persist-"+c.role)
			if diff := cmp.Diff(c.may, capabilities(t, v, token)); diff != "" {
				t.Errorf("What the token may do (-should +may):\n%s", diff)
			}
		})
	}
}

// reads has every document that there could be.
func reads() map[string]string {
	return map[string]string{
		"persist/data/config": "read", "persist/data/control": "read", "persist/data/index": "read",
		"persist/data/issuers/ca": "read", "persist/data/teams/web": "read", "persist/data/teams/ops": "read",
		"persist/data/accounts/web/ca/a": "read", "persist/data/accounts/web/ca/a/b": "read", "persist/data/accounts/web/ca": "read",
		"persist/data/accounts/webb/ca/a": "read", "persist/data/accounts/ops/ca/a": "read",
	}
}

// readerMay is what a server without keys may do.
func readerMay() map[string]string {
	may := each("metadata", "list", reads())
	may["auth/token/renew-self"], may["auth/token/revoke-self"] = "update", "update"
	return may
}

// serverMay is what a server may do whose keys are persist-keys/example.
func serverMay() map[string]string {
	may := readerMay()
	may["persist-keys/data/example"], may["persist-keys/data/example-bundles"] = "read", "read"
	return may
}

// adminMay is what an admin of persist may do.
func adminMay() map[string]string {
	may := each("metadata", "list read", each("undelete", "update", reads()))
	for _, path := range []string{"issuers/ca", "teams/web", "teams/ops"} {
		may["persist/data/"+path], may["persist/delete/"+path] = "create delete patch read update", "update"
	}
	for _, path := range []string{"config", "control", "index"} {
		may["persist/data/"+path] = "create patch read update"
	}
	for _, path := range universe {
		if strings.HasPrefix(path, "persist/data/accounts/") {
			may[path] = "delete read"
		}
		if strings.HasPrefix(path, "persist/delete/accounts/") {
			may[path] = "update"
		}
	}
	may["auth/token/lookup-self"] = "read"
	return may
}

// pipelineMay is what a pipeline that runs persistctl apply may do.
func pipelineMay() map[string]string {
	may := map[string]string{}
	for path := range reads() {
		may[path] = "create read update"
	}
	for _, path := range universe {
		if strings.HasPrefix(path, "persist/delete/") && strings.Count(path, "/") > 2 {
			may[path] = "update"
		}
	}
	return each("metadata", "list", may)
}

// keyMakerMay is what whoever makes and rolls keys may do.
func keyMakerMay() map[string]string {
	return map[string]string{
		"persist-keys/data/example": "create read update", "persist-keys/data/example2": "create read update",
		"persist-keys/data/example-bundles": "create read update", "persist-keys/metadata/example": "list read",
	}
}

// each returns may with the capability for every path below persist/WAY.
func each(way, capability string, may map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, may)
	for _, path := range universe {
		if strings.HasPrefix(path, "persist/"+way+"/") {
			all[path] = capability
		}
	}
	return all
}

// shared is what every holder of the policy of teams may do.
func shared() map[string]string {
	return map[string]string{
		"persist/data/issuers/ca": "read", "persist/metadata/issuers/": "list", "persist/metadata/issuers/ca": "list",
		"persist/data/control": "read", "persist/data/index": "create read update",
	}
}

// team is what the team web may do.
func team() map[string]string {
	may := shared()
	may["persist/data/teams/web"] = "read"
	may["persist/data/accounts/web/ca/a"] = "create delete patch read update"
	may["persist/delete/accounts/web/ca/a"], may["persist/undelete/accounts/web/ca/a"] = "update", "update"
	for _, path := range []string{"", "ca", "ca/", "ca/a", "ca/a/b"} {
		may["persist/metadata/accounts/web/"+path] = "list read"
	}
	return may
}

// A team does its work with its own policy and the server's, and its hands end
// at its own path.
func TestATeamWritesItsOwnPathAlone(t *testing.T) {
	v := vaultWithExamples(t)
	must(t, v.Policy(t.Context(), "team", persistctl(t, "vault-policy", "team")))
	must(t, v.Policy(t.Context(), "reader", persistctl(t, "vault-policy", "server")))
	token := login(t, v, "web", map[string]string{"persist_team": "web"}, "team", "reader")
	client, err := v.Client.Clone()
	must(t, err)
	client.SetToken(token)
	ctx, kv := t.Context(), client.KVv2("persist")

	_, err = kv.Put(ctx, "accounts/web/letsencrypt/test", map[string]any{"account_uri": "https://ca.example/1", "domains": map[string]any{}})
	must(t, err)
	_, err = kv.Patch(ctx, "accounts/web/letsencrypt/test", map[string]any{"note": "x"}, api.WithMergeMethod("patch"))
	must(t, err)
	must(t, kv.Delete(ctx, "accounts/web/letsencrypt/test"))
	must(t, kv.Undelete(ctx, "accounts/web/letsencrypt/test", []int{2}))
	must(t, kv.DeleteVersions(ctx, "accounts/web/letsencrypt/test", []int{1}))
	for what, err := range map[string]error{
		"another team's account": second(kv.Put(ctx, "accounts/ops/letsencrypt/prod", map[string]any{"x": 1})),
		"its own team document":  second(kv.Put(ctx, "teams/web", map[string]any{"domains": "."})),
		"a stop":                 second(kv.Put(ctx, "control", map[string]any{"stop": ""})),
		"history":                kv.DeleteMetadata(ctx, "accounts/web/letsencrypt/test"),
		"a version for good":     kv.Destroy(ctx, "accounts/web/letsencrypt/test", []int{1}),
		"another team's version": kv.Undelete(ctx, "accounts/ops/letsencrypt/prod", []int{1}),
	} {
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("Expected %s to be denied, got %v", what, err)
		}
	}
	t.Setenv("VAULT_TOKEN", token)
	t.Setenv("VAULT_ADDR", v.Address)
	dir := t.TempDir()
	account := `{"account_uri": "https://acme-v02.api.letsencrypt.org/acme/acct/123", "domains": {"own.example.com": {}}}`
	policytest.Documents{"config": `{"schema": 1}`, "accounts/web/letsencrypt/own": account}.Write(t, dir)
	if out := persistctl(t, "apply", dir); !strings.Contains(out, "create accounts/web/letsencrypt/own") {
		t.Errorf("Expected a team to apply a repository of its own, got %s", out)
	}
	policytest.Documents{"config": `{"schema": 1}`, "accounts/ops/letsencrypt/own": account}.Write(t, dir)
	var out, complaint strings.Builder
	if status := execute([]string{"apply", dir, "--allow-rejections"}, &out, &complaint); status != exitFailed || !strings.Contains(complaint.String(), "0 of 1 written") || !strings.Contains(complaint.String(), "permission denied") {
		t.Errorf("Expected another team's path to be denied, got status %d: %s", status, complaint.String())
	}
	persistctl(t, "check", "example.com", "--vault", "--issuer", "letsencrypt.org", "--account", "https://acme-v02.api.letsencrypt.org/acme/acct/123")
}

func second[T any](_ T, err error) error { return err }

// The admin brakes, and a pipeline applies, with their own policies alone.
func TestAdminAndPipelineDoTheirWork(t *testing.T) {
	v := vaultWithExamples(t)
	t.Setenv("VAULT_ADDR", v.Address)
	must(t, v.Policy(t.Context(), "admin", persistctl(t, "vault-policy", "admin")))
	must(t, v.Policy(t.Context(), "apply", persistctl(t, "vault-policy", "apply")))

	t.Setenv("VAULT_TOKEN", login(t, v, "admin", nil, "admin"))
	stopped := persistctl(t, "stop", "team:web", "--reason", "INC-77", "--vault")
	if !strings.Contains(stopped, "by approle (entity ") {
		t.Errorf("Expected the name of the token beside the stop, got %s", stopped)
	}
	persistctl(t, "resume", "team:web", "--vault")

	t.Setenv("VAULT_TOKEN", login(t, v, "apply", nil, "apply"))
	dir := t.TempDir()
	if out := persistctl(t, "apply", "../../"+policies); strings.Contains(out, "written") {
		t.Errorf("Expected nothing to change, got %s", out)
	}
	must(t, os.WriteFile(dir+"/config.json", []byte(`{"schema": 1}`), 0o600))
	if out := persistctl(t, "apply", dir, "--delete", "--allow-mass-removal"); !strings.Contains(out, "delete accounts/web/letsencrypt/prod") || !strings.Contains(out, "All of it is written.") {
		t.Errorf("Expected all but the sentinel to be deleted, got %s", out)
	}
}
