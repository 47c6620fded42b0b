package parts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// Vault is a running Vault server: unsealed, without audit devices, and what it
// stores does not outlive it.
type Vault struct {
	Address   string
	RootToken string
	UnsealKey string
	CA        string      // PEM file that vouches for the server; empty over plain http
	Client    *api.Client // with the root token

	process *Process
	dir     string // of the certificate and of the storage
}

// VaultOptions are what a Vault can be started with.
type VaultOptions struct {
	TLS     bool // serve https, with a certificate of its own
	Backups bool // have [Vault.Backup], [Vault.Kill] and [Vault.Restart]; bin/vaultd alone can do it
}

// NewVault starts a Vault for the time of a test.
func NewVault(tb testing.TB, options VaultOptions) *Vault {
	tb.Helper()
	v, err := StartVault(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return v
}

// StartVault starts the vault or bao command that PERSIST_VAULT_BIN names, else
// bin/vaultd, and returns when it serves.
func StartVault(ctx context.Context, options VaultOptions) (*Vault, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		return nil, err
	}
	v := &Vault{dir: dir}
	if command := os.Getenv("PERSIST_VAULT_BIN"); command != "" && !options.Backups {
		err = v.startDev(ctx, command, options)
	} else {
		err = v.startOwn(ctx, options)
	}
	if err == nil {
		err = v.connect()
	}
	if err != nil {
		return nil, errors.Join(err, v.Stop())
	}
	return v, nil
}

// startOwn runs bin/vaultd, whose greeting tells all.
func (v *Vault) startOwn(ctx context.Context, options VaultOptions) error {
	command, err := Program("vaultd")
	if err != nil {
		return fmt.Errorf("%w, or name a vault command in PERSIST_VAULT_BIN", err)
	}
	var args []string
	if options.TLS {
		args = append(args, "-tls", v.dir)
	}
	if options.Backups {
		args = append(args, "-data", v.data())
	}
	greeting, err := v.run(ctx, exec.Command(command, args...), greeted) // #nosec G204 -- built by make
	if err != nil {
		return err
	}
	var hello struct {
		Address   string `json:"address"`
		RootToken string `json:"root_token"`
		UnsealKey string `json:"unseal_key"`
		CA        string `json:"ca"`
	}
	err = json.Unmarshal([]byte(greeting), &hello)
	v.Address, v.RootToken, v.UnsealKey, v.CA = hello.Address, hello.RootToken, hello.UnsealKey, hello.CA
	return err
}

// greeted is the greeting of bin/vaultd.
var greeted = regexp.MustCompile(`(?m)^(\{.*\})$`)

// startDev runs a vault or bao command as a development server.
func (v *Vault) startDev(ctx context.Context, command string, options VaultOptions) error {
	port, err := FreePort()
	if err != nil {
		return err
	}
	v.RootToken = "root"
	v.Address = fmt.Sprintf("http://127.0.0.1:%d", port)
	args := []string{"server", "-dev", "-dev-no-store-token", "-dev-root-token-id=" + v.RootToken, fmt.Sprintf("-dev-listen-address=127.0.0.1:%d", port)}
	if options.TLS {
		args = append(args, "-dev-tls", "-dev-tls-cert-dir="+v.dir)
		v.Address = strings.Replace(v.Address, "http:", "https:", 1)
		v.CA = filepath.Join(v.dir, "vault-ca.pem")
	}
	v.UnsealKey, err = v.run(ctx, exec.Command(command, args...), regexp.MustCompile(`(?m)^\s*Unseal Key: (\S+)$`)) // #nosec G204 G702 -- the user's choice
	return err
}

// run starts the server and returns what its output says in the place of sign's
// subexpression.
func (v *Vault) run(ctx context.Context, cmd *exec.Cmd, sign *regexp.Regexp) (string, error) {
	var err error
	if v.process, err = Start(cmd); err != nil {
		return "", err
	}
	if err := v.process.Await(ctx, sign.MatchString); err != nil {
		return "", err
	}
	return sign.FindStringSubmatch(v.process.Output())[1], nil
}

// connect makes the client, whatever VAULT_ variables the environment has.
func (v *Vault) connect() error {
	cfg := api.DefaultConfig()
	if cfg.Error != nil {
		return cfg.Error
	}
	cfg.Address, cfg.AgentAddress = v.Address, ""
	if err := cfg.ConfigureTLS(&api.TLSConfig{CACert: v.CA}); err != nil {
		return err
	}
	client, err := api.NewClient(cfg)
	if err != nil {
		return err
	}
	client.ClearNamespace()
	client.SetToken(v.RootToken)
	v.Client = client
	return nil
}

// Stop ends the server, which forgets everything.
func (v *Vault) Stop() error {
	var err error
	if v.process != nil {
		err = v.process.Stop()
	}
	return errors.Join(err, os.RemoveAll(v.dir))
}

// Kill ends the server in the middle of whatever it does, as a failing machine
// would. What it has stored stays for [Vault.Restart].
func (v *Vault) Kill() { v.process.Kill() }

// Restart starts a server over plain http again that was killed, at the same
// address and over what it has stored, and unseals it.
func (v *Vault) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	command, err := Program("vaultd")
	if err != nil {
		return err
	}
	cmd := exec.Command(command, "-data", v.data(), "-listen", strings.TrimPrefix(v.Address, "http://")) // #nosec G204 -- built by make
	if _, err := v.run(ctx, cmd, greeted); err != nil {
		return err
	}
	return v.Unseal(ctx)
}

// Seal makes the server refuse everything until [Vault.Unseal].
func (v *Vault) Seal(ctx context.Context) error {
	return v.Client.Sys().SealWithContext(ctx)
}

// Unseal opens the server again.
func (v *Vault) Unseal(ctx context.Context) error {
	status, err := v.Client.Sys().UnsealWithContext(ctx, v.UnsealKey)
	if err == nil && status.Sealed {
		err = errors.New("still sealed")
	}
	return err
}

func (v *Vault) data() string { return filepath.Join(v.dir, "data") }

// Backup copies all that is stored and returns what puts it back, as it is to
// the bit. The server is sealed meanwhile.
func (v *Vault) Backup(ctx context.Context) (restore func(context.Context) error, err error) {
	saved, err := os.MkdirTemp(v.dir, "backup")
	if err != nil {
		return nil, err
	}
	err = v.whileSealed(ctx, func() error { return os.CopyFS(saved, os.DirFS(v.data())) })
	return func(ctx context.Context) error {
		return v.whileSealed(ctx, func() error {
			return cmp.Or(os.RemoveAll(v.data()), os.CopyFS(v.data(), os.DirFS(saved)))
		})
	}, err
}

func (v *Vault) whileSealed(ctx context.Context, do func() error) error {
	return cmp.Or(v.Seal(ctx), do(), v.Unseal(ctx))
}

// Mount enables a KV version 2 secrets engine.
func (v *Vault) Mount(ctx context.Context, mount string) error {
	return v.Client.Sys().MountWithContext(ctx, mount, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}})
}

// Put writes a new version of a document, which is a JSON object.
func (v *Vault) Put(ctx context.Context, mount, path, document string) error {
	body, err := json.Marshal(map[string]json.RawMessage{"data": json.RawMessage(document)})
	if err != nil {
		return fmt.Errorf("%s is no JSON: %w", path, err)
	}
	_, err = v.Client.Logical().WriteBytesWithContext(ctx, mount+"/data/"+path, body)
	return err
}

// Patch applies a JSON merge patch (RFC 7396) to the newest version.
func (v *Vault) Patch(ctx context.Context, mount, path, patch string) error {
	var members map[string]any
	if err := json.Unmarshal([]byte(patch), &members); err != nil {
		return fmt.Errorf("the patch of %s is no JSON object: %w", path, err)
	}
	_, err := v.Client.KVv2(mount).Patch(ctx, path, members, api.WithMergeMethod("patch"))
	return err
}

// Delete deletes the newest version; [Vault.Undelete] brings it back.
func (v *Vault) Delete(ctx context.Context, mount, path string) error {
	return v.Client.KVv2(mount).Delete(ctx, path)
}

// Undelete brings deleted versions back.
func (v *Vault) Undelete(ctx context.Context, mount, path string, versions ...int) error {
	return v.Client.KVv2(mount).Undelete(ctx, path, versions)
}

// Destroy deletes versions for good. Their numbers stay taken.
func (v *Vault) Destroy(ctx context.Context, mount, path string, versions ...int) error {
	return v.Client.KVv2(mount).Destroy(ctx, path, versions)
}

// Purge removes a document with all its versions, as if it had never been.
func (v *Vault) Purge(ctx context.Context, mount, path string) error {
	return v.Client.KVv2(mount).DeleteMetadata(ctx, path)
}

// Policy writes an access policy in HCL.
func (v *Vault) Policy(ctx context.Context, name, hcl string) error {
	return v.Client.Sys().PutPolicyWithContext(ctx, name, hcl)
}

// Token returns a new token, renewable up to an hour.
func (v *Vault) Token(ctx context.Context, ttl time.Duration, policies ...string) (string, error) {
	made, err := v.Client.Auth().Token().CreateWithContext(ctx, &api.TokenCreateRequest{
		Policies:       policies,
		TTL:            ttl.String(),
		ExplicitMaxTTL: max(ttl, time.Hour).String(),
	})
	if err != nil {
		return "", err
	}
	return made.Auth.ClientToken, nil
}

// Revoke ends a token at once.
func (v *Vault) Revoke(ctx context.Context, token string) error {
	return v.Client.Auth().Token().RevokeOrphanWithContext(ctx, token)
}

// EnableAuth enables an auth method at a mount, if there is nothing yet.
func (v *Vault) EnableAuth(ctx context.Context, mount, method string) error {
	mounts, err := v.Client.Sys().ListAuthWithContext(ctx)
	if err != nil || mounts[mount+"/"] != nil {
		return err
	}
	return v.Client.Sys().EnableAuthWithOptionsWithContext(ctx, mount, &api.EnableAuthOptions{Type: method})
}

// AppRole makes a role at the auth mount, which it enables where needed, and
// returns what logs in to it. settings are those of auth/MOUNT/role/NAME, like
// token_policies and token_ttl.
func (v *Vault) AppRole(ctx context.Context, mount, name string, settings map[string]any) (roleID, secretID string, err error) {
	if err := v.EnableAuth(ctx, mount, "approle"); err != nil {
		return "", "", err
	}
	role := "auth/" + mount + "/role/" + name
	logical := v.Client.Logical()
	_, made := logical.WriteWithContext(ctx, role, settings)
	first, read := logical.ReadWithContext(ctx, role+"/role-id")
	second, written := logical.WriteWithContext(ctx, role+"/secret-id", nil)
	if err := cmp.Or(made, read, written); err != nil {
		return "", "", err
	}
	return fmt.Sprint(first.Data["role_id"]), fmt.Sprint(second.Data["secret_id"]), nil
}
