package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Terraform itself finds nothing to say of the files.
func TestTerraformIsValidAndFormatted(t *testing.T) {
	a := configured(t, ours(t))
	a.does("validate", "-no-color")
	a.does("fmt", "-check", "-recursive", "-no-color")
}

// What is applied is what persistctl prints, no second run has anything to do, and
// documents and keys alone stay when it is destroyed.
func TestTerraformMakesWhatTheGuideHasAndTakesItAway(t *testing.T) {
	a := configured(t, ours(t))
	before := a.holds()
	log := filepath.Join(t.TempDir(), "audit.log")
	a.with(map[string]any{"teams": []string{"web", "ops"}, "audit_file": log, "server_cidrs": []string{"192.0.2.0/24", "2001:db8::53/128"}})
	a.apply()
	for name, args := range printed {
		text, err := a.Client.Sys().GetPolicyWithContext(t.Context(), "persist-"+name)
		if want := persistctl(t, append([]string{"vault-policy"}, args...)...); err != nil || text != want {
			t.Errorf("persist-%s is not what persistctl vault-policy %s prints, but %q, %v", name, strings.Join(args, " "), text, err)
		}
	}
	kept, err := a.Client.Logical().ReadWithContext(t.Context(), "persist/config")
	if err != nil || fmt.Sprint(kept.Data["max_versions"]) != "50" {
		t.Errorf("Expected fifty versions to be kept, got %v, %v", kept, err)
	}
	text, err := os.ReadFile(log)
	must(t, err)
	for _, path := range []string{"sys/mounts/persist", "sys/mounts/persist-keys", "sys/policies/acl/persist-server", "sys/auth/approle", "identity/entity", "persist/config"} {
		if !strings.Contains(string(text), `"path":"`+path+`"`) {
			t.Errorf("Expected the audit log to have %s", path)
		}
	}
	state, err := os.ReadFile(filepath.Join(a.dir, "terraform.tfstate"))
	if err != nil || !strings.Contains(string(state), a.output("server_role_id")) || strings.Contains(string(state), a.RootToken) {
		t.Errorf("Expected a state with role IDs and without the token, got %v", err)
	}
	a.with(map[string]any{"teams": []string{"web"}})
	a.apply()
	a.takesAway(before)
}

// Where AppRole is in use already Terraform has one of its own, and what others
// log in by stays when it is destroyed.
func TestTerraformLeavesTheAppRoleOfOthersAlone(t *testing.T) {
	a := configured(t, ours(t))
	roleID, secretID := a.stranger("other")
	before := a.holds()
	a.with(map[string]any{"approle_mount": "persist-approle"})
	a.apply()
	a.takesAway(before)
	enter(t, a.Vault, roleID, secretID)
}

// Who logs in may what the guide says, path by path, and nothing besides.
func TestTokensOfTerraformAreForWhatTheirHoldersDo(t *testing.T) {
	a := configured(t, ours(t))
	loopback := []string{"127.0.0.0/8"}
	variables := map[string]any{"teams": []string{"web", "ops"}, "server_cidrs": loopback, "pipeline_cidrs": loopback}
	a.with(variables)
	a.apply()
	alice, bob := login(t, a.Vault, "alice", nil), login(t, a.Vault, "bob", nil)
	webRole, webSecret := a.stranger("web-pipeline")
	opsRole, opsSecret := a.stranger("ops-pipeline")
	variables["admins"], variables["key_makers"] = []string{a.entity("alice")}, []string{a.entity("bob")}
	variables["team_logins"] = map[string]any{"web": a.alias(webRole), "ops": a.alias(opsRole)}
	a.with(variables)
	a.apply()
	member := either(team(), readerMay())
	member["persist/metadata/accounts/web/"] = "list" // a folder, for which Vault takes the rule of persist/metadata/*
	web, ops := enter(t, a.Vault, webRole, webSecret), enter(t, a.Vault, opsRole, opsSecret)
	for _, c := range []struct {
		holder, token string
		may           map[string]string
	}{
		{"the server", a.enterAs("server", 3600), serverMay()},
		{"the pipeline", a.enterAs("apply", 900), pipelineMay()},
		{"an admin", alice, either(adminMay(), readerMay())},
		{"who makes keys", bob, keyMakerMay()},
		{"the team web", web.ClientToken, member},
	} {
		if diff := cmp.Diff(c.may, capabilities(t, a.Vault, c.token)); diff != "" {
			t.Errorf("What %s may do (-should +may):\n%s", c.holder, diff)
		}
	}
	a.writesItsOwnAccountsAlone(web.ClientToken, "web", "ops")
	a.writesItsOwnAccountsAlone(ops.ClientToken, "ops", "web")
}

// stranger makes an AppRole that has no policy.
func (a *applied) stranger(role string) (roleID, secretID string) {
	a.t.Helper()
	roleID, secretID, err := a.AppRole(a.t.Context(), "approle", role, map[string]any{"token_no_default_policy": true, "token_ttl": "10m"})
	must(a.t, err)
	return roleID, secretID
}

// alias is what team_logins has of an AppRole.
func (a *applied) alias(roleID string) map[string]string {
	a.t.Helper()
	methods, err := a.Client.Sys().ListAuthWithContext(a.t.Context())
	must(a.t, err)
	return map[string]string{"mount_accessor": methods["approle/"].Accessor, "name": roleID}
}

// entity is the ID of an entity.
func (a *applied) entity(name string) string {
	a.t.Helper()
	entity, err := a.Client.Logical().ReadWithContext(a.t.Context(), "identity/entity/name/"+name)
	must(a.t, err)
	return fmt.Sprint(entity.Data["id"])
}

// enterAs logs in to a role of Terraform's, whose tokens have its one policy and
// last for so many seconds.
func (a *applied) enterAs(role string, seconds int) string {
	a.t.Helper()
	secret, err := a.Client.Logical().WriteWithContext(a.t.Context(), "auth/approle/role/persist-"+role+"/secret-id", nil)
	must(a.t, err)
	auth := enter(a.t, a.Vault, a.output(role+"_role_id"), fmt.Sprint(secret.Data["secret_id"]))
	if !slices.Equal(auth.Policies, []string{"persist-" + role}) || auth.LeaseDuration != seconds {
		a.t.Errorf("Expected a token of persist-%s alone for %d seconds, got %v for %d", role, seconds, auth.Policies, auth.LeaseDuration)
	}
	return auth.ClientToken
}

// writesItsOwnAccountsAlone has a team write beside another.
func (a *applied) writesItsOwnAccountsAlone(token, own, other string) {
	a.t.Helper()
	client, err := a.Client.Clone()
	must(a.t, err)
	client.SetToken(token)
	kv := client.KVv2("persist")
	account := map[string]any{"account_uri": "https://ca.example/1", "domains": map[string]any{}}
	_, err = kv.Put(a.t.Context(), "accounts/"+own+"/ca/prod", account)
	must(a.t, err)
	if _, err := kv.Put(a.t.Context(), "accounts/"+other+"/ca/own", account); err == nil || !strings.Contains(err.Error(), "permission denied") {
		a.t.Errorf("Expected %s to be denied a document of %s, got %v", own, other, err)
	}
}

// either is what somebody may do who has both policies.
func either(one, other map[string]string) map[string]string {
	all := maps.Clone(one)
	for path, more := range other {
		list := append(strings.Fields(all[path]), strings.Fields(more)...)
		slices.Sort(list)
		all[path] = strings.Join(slices.Compact(list), " ")
	}
	return all
}

// A slip is found before anything is made, and told in the words of the variable.
func TestTerraformRefusesASlipAndSaysWhatToWrite(t *testing.T) {
	a := configured(t, ours(t))
	const network = ". Write each as ADDRESS/LENGTH with no bit set"
	for _, c := range []struct {
		message  string
		variable string
		value    any
	}{
		{"A team is 1 to 63 of a-z, 0-9 and -", "teams", []string{"+"}},
		{"team_logins has ops, and teams has not: add it there", "team_logins", map[string]any{"ops": map[string]any{"mount_accessor": "auth_approle_1", "name": "role"}}},
		{"pipeline_cidrs: 192.0.2.1" + network, "server_cidrs", []string{"192.0.2.1"}},
		{"192.0.2.1/24" + network, "server_cidrs", []string{"192.0.2.1/24"}},
		{"2001:DB8::/32" + network, "server_cidrs", []string{"2001:DB8::/32"}},
		{"ns1.example.net" + network, "server_cidrs", []string{"ns1.example.net"}},
		{"192.0.2.1, 192.0.2.2" + network, "pipeline_cidrs", []string{"192.0.2.0/24", "192.0.2.1", "192.0.2.2"}},
	} {
		a.with(map[string]any{c.variable: c.value})
		a.refuses(c.message)
	}
}

// Terraform reads what delegate prints, for whatever shape a label has, and hands
// a resource the records of the zone file.
func TestTerraformTakesADelegationForAnyResource(t *testing.T) {
	const resource = `resource "terraform_data" "persist" {
  for_each = local.persist_delegation
  input    = each.value
}

output "records" {
  value = [for r in terraform_data.persist : r.output]
}
`
	keys := filepath.Join(t.TempDir(), "keys")
	persistctl(t, "keys", "init", "--dir", keys, "--name", "example")
	for name, args := range map[string][]string{
		"targets": {"--all", "../../" + policies, "--zone", "persist.example.net", "--targets"},
		"labels":  {"example.com", "192.0.2.1", "bücher.example", "--ns", "ns1.example.net,ns2.example.net", "--keys", keys},
		"nothing": {"--overlay", "example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			a := configured(t, map[string]string{"main.tf": resource, "persist.tf": delegated(t, append(args, "--terraform")...)})
			a.does("fmt", "-check", "-no-color")
			a.does("validate", "-no-color")
			a.apply()
			var outputs []struct {
				Name, Type string
				TTL        uint32
				Records    []string
			}
			must(t, json.Unmarshal([]byte(a.does("output", "-no-color", "-json", "records")), &outputs))
			got := map[string]bool{}
			for _, r := range outputs {
				for _, data := range r.Records {
					got[fmt.Sprintf("%s\t%d\tIN\t%s\t%s", r.Name, r.TTL, r.Type, data)] = true
				}
			}
			if diff := cmp.Diff(inZoneFile(t, delegated(t, args...)), got); diff != "" {
				t.Errorf("Records differ (-zone file +Terraform):\n%s", diff)
			}
		})
	}
}
