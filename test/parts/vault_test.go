package parts

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// must fails the test if any step failed.
func must(tb testing.TB, steps ...error) {
	tb.Helper()
	for i, err := range steps {
		if err != nil {
			tb.Fatalf("Step %d: %v", i+1, err)
		}
	}
}

func TestVaultStoresVersionsOfDocuments(t *testing.T) {
	ctx := t.Context()
	v := NewVault(t, VaultOptions{})
	must(t,
		v.Mount(ctx, "persist"),
		v.Put(ctx, "persist", "teams/web", `{"domains": {"a": {}, "b": {}}}`),
		v.Patch(ctx, "persist", "teams/web", `{"domains": {"a": null}}`),
	)
	kv := v.Client.KVv2("persist")
	got, err := kv.Get(ctx, "teams/web")
	must(t, err)
	if got.VersionMetadata.Version != 2 || fmt.Sprint(got.Data) != "map[domains:map[b:map[]]]" {
		t.Fatalf("After a patch there is version %d with %v", got.VersionMetadata.Version, got.Data)
	}

	must(t, v.Delete(ctx, "persist", "teams/web"))
	if got, err = kv.Get(ctx, "teams/web"); err != nil || got.Data != nil {
		t.Fatalf("A deleted document is read as %v, %v", got.Data, err)
	}
	must(t, v.Undelete(ctx, "persist", "teams/web", 2))
	if got, err = kv.Get(ctx, "teams/web"); err != nil || got.Data == nil {
		t.Fatalf("An undeleted document is read as %v, %v", got.Data, err)
	}
	must(t, v.Destroy(ctx, "persist", "teams/web", 2))
	if got, err = kv.Get(ctx, "teams/web"); err != nil || !got.VersionMetadata.Destroyed {
		t.Fatalf("A destroyed document is read as %+v, %v", got, err)
	}
	must(t, v.Purge(ctx, "persist", "teams/web"))
	if _, err = kv.Get(ctx, "teams/web"); err == nil {
		t.Fatal("A purged document can still be read")
	}
}

func TestVaultSealsAndUnseals(t *testing.T) {
	ctx := t.Context()
	v := NewVault(t, VaultOptions{})
	must(t, v.Seal(ctx))
	status, err := v.Client.Sys().SealStatusWithContext(ctx)
	if must(t, err); !status.Sealed {
		t.Fatal("The server is not sealed")
	}
	must(t, v.Unseal(ctx))
	if status, err = v.Client.Sys().SealStatusWithContext(ctx); err != nil || status.Sealed {
		t.Fatalf("The server is still sealed: %v, %v", status, err)
	}
}

func TestVaultTokensAndRolesHaveTheirPolicies(t *testing.T) {
	ctx := t.Context()
	v := NewVault(t, VaultOptions{TLS: true})
	must(t,
		v.Mount(ctx, "persist"),
		v.Put(ctx, "persist", "config", `{"schema": 1}`),
		v.Policy(ctx, "reader", `path "persist/data/*" { capabilities = ["read"] }`),
	)
	read := func(token string) error {
		client, err := v.Client.CloneWithHeaders()
		must(t, err)
		client.SetToken(token)
		_, err = client.KVv2("persist").Get(ctx, "config")
		return err
	}
	allowed, err := v.Token(ctx, time.Minute, "reader")
	must(t, err)
	must(t, read(allowed))
	must(t, v.Revoke(ctx, allowed))
	if err := read(allowed); err == nil || !strings.Contains(err.Error(), "invalid token") {
		t.Fatalf("A revoked token gets %v", err)
	}

	role, secret, err := v.AppRole(ctx, "approle", "server", map[string]any{"token_policies": "reader", "token_ttl": "10m"})
	must(t, err)
	login, err := v.Client.Logical().WriteWithContext(ctx, "auth/approle/login", map[string]any{"role_id": role, "secret_id": secret})
	must(t, err)
	must(t, read(login.Auth.ClientToken))
}

func TestVaultServesHTTPSOnlyToThoseWhoTrustItsCertificate(t *testing.T) {
	v := NewVault(t, VaultOptions{TLS: true})
	if _, err := v.Client.Sys().HealthWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.Address+"/v1/sys/health", nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		response.Body.Close()
		t.Fatal("A client without the CA is served")
	}
}

func TestVaultClientIgnoresTheEnvironment(t *testing.T) {
	t.Setenv(api.EnvVaultAddress, "http://127.0.0.1:1")
	t.Setenv(api.EnvVaultAgentAddr, "http://127.0.0.1:1")
	t.Setenv(api.EnvVaultNamespace, "elsewhere")
	t.Setenv(api.EnvVaultToken, "other")
	v := NewVault(t, VaultOptions{})
	must(t, v.Mount(t.Context(), "persist"))
}

func TestProcessEndsWhenAsked(t *testing.T) {
	command, err := Program("vaultd")
	must(t, err)
	p, err := Start(exec.Command(command))
	must(t, err)
	must(t, p.Await(t.Context(), func(s string) bool { return strings.Contains(s, "root_token") }))
	must(t, p.Stop())
	select {
	case <-p.Exited():
	default:
		t.Fatal("It still runs")
	}
}

func TestAwaitTellsWhyAProgramIsNotReady(t *testing.T) {
	command, err := Program("vaultd")
	must(t, err)
	p := Run(t, exec.Command(command, "-listen", "nowhere"))
	err = p.Await(t.Context(), func(string) bool { return false })
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Fatalf("The error is %v, without the program's own words", err)
	}
}

func TestProgramSaysHowToBuildWhatIsMissing(t *testing.T) {
	_, err := Program("missing")
	if err == nil || !strings.Contains(err.Error(), "make bin/missing") {
		t.Fatal(err)
	}
}

func TestRootIsFoundFromBelow(t *testing.T) {
	root, err := Root()
	must(t, err)
	if _, err := os.Stat(root + "/test/parts/process.go"); err != nil {
		t.Fatal(err)
	}
}

func TestBackupIsPutBackAsItWas(t *testing.T) {
	v := NewVault(t, VaultOptions{Backups: true})
	ctx := t.Context()
	must(t, v.Mount(ctx, "persist"), v.Put(ctx, "persist", "kept", `{"n": 1}`))
	before, err := v.Client.KVv2("persist").Get(ctx, "kept")
	must(t, err)
	restore, err := v.Backup(ctx)
	must(t, err, v.Put(ctx, "persist", "kept", `{"n": 2}`), v.Put(ctx, "persist", "new", `{}`), restore(ctx))
	after, err := v.Client.KVv2("persist").Get(ctx, "kept")
	must(t, err)
	if after.VersionMetadata.Version != 1 || !after.VersionMetadata.CreatedTime.Equal(before.VersionMetadata.CreatedTime) {
		t.Errorf("Expected the version of before, got %+v", after.VersionMetadata)
	}
	if _, err := v.Client.KVv2("persist").Get(ctx, "new"); err == nil {
		t.Error("Expected what is newer than the backup to be gone")
	}
}

func TestAKilledVaultIsStartedAgainWithAllThatItHasStored(t *testing.T) {
	v := NewVault(t, VaultOptions{Backups: true})
	ctx := t.Context()
	must(t, v.Mount(ctx, "persist"), v.Put(ctx, "persist", "kept", `{"n": 1}`))
	token, err := v.Token(ctx, time.Minute, "default")
	must(t, err)
	v.Kill()
	if _, err := v.Client.KVv2("persist").Get(ctx, "kept"); err == nil {
		t.Fatal("Expected a killed Vault not to answer")
	}
	must(t, v.Restart(ctx), v.Put(ctx, "persist", "kept", `{"n": 2}`))
	after, err := v.Client.KVv2("persist").Get(ctx, "kept")
	must(t, err)
	if after.VersionMetadata.Version != 2 {
		t.Errorf("Expected the versions to go on, got %+v", after.VersionMetadata)
	}
	must(t, v.Revoke(ctx, token))
}
