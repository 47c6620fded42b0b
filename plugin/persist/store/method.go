package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
)

// serviceAccountToken is where Kubernetes mounts a JWT of the service account.
const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" // #nosec G101 -- a file's name

// AuthMethods are what [VaultConfig] may have as Auth.
var AuthMethods = []string{"token", "token_file", "agent", "approle", "kubernetes", "jwt", "cert"}

// method is an auth method by which the server logs in. Credentials are read at
// each login: whoever hands them out replaces them while we run.
type method struct {
	name        string
	mount       string // below auth/
	look        string // what else to look at where a login is refused
	credentials func(ctx context.Context) (map[string]any, error)
}

// newMethod returns the method that cfg names.
func (v *Vault) newMethod(cfg VaultConfig) (*method, error) {
	m := &method{name: cfg.Auth, mount: cmp.Or(strings.Trim(cfg.AuthMount, "/"), cfg.Auth)}
	switch cfg.Auth {
	case "approle":
		m.approle(cfg, v.secretID(m.mount, cfg))
	case "kubernetes":
		m.jwt(cfg.Role, cmp.Or(cfg.JWTFile, serviceAccountToken), "let the pod mount the token of its service account, or name the file that has it: auth kubernetes ROLE JWT_FILE")
	case "jwt":
		m.jwt(cfg.Role, cfg.JWTFile, "have whoever signs the JWTs of this server write one there")
	case "cert":
		return m, m.cert(cfg.Role, newTLSFiles(cfg), v.client.Address())
	default:
		return nil, fmt.Errorf("unknown auth method %q: use one of %s", cfg.Auth, strings.Join(AuthMethods, ", "))
	}
	return m, nil
}

// approle logs in by a role ID and a secret ID.
func (m *method) approle(cfg VaultConfig, secretID func(context.Context) (string, error)) {
	m.look = fmt.Sprintf("are the role ID in %s and the secret ID in %s valid", cfg.RoleIDFile, cfg.SecretIDFile)
	if cfg.Wrapped {
		m.look = fmt.Sprintf("are the role ID in %s and the secret ID valid that was unwrapped from %s, or is another wrapping token needed there", cfg.RoleIDFile, cfg.SecretIDFile)
	}
	m.credentials = func(ctx context.Context) (map[string]any, error) {
		roleID, err := readLine(cfg.RoleIDFile, fmt.Sprintf("write the role ID there, by vault read -field=role_id auth/%s/role/ROLE/role-id", m.mount))
		if err != nil {
			return credentials(nil, err)
		}
		secret, err := secretID(ctx)
		return credentials(map[string]any{"role_id": roleID, "secret_id": secret}, err)
	}
}

// secretID returns how to get the secret ID for a login at a mount.
func (v *Vault) secretID(mount string, cfg VaultConfig) func(context.Context) (string, error) {
	if cfg.Wrapped {
		return func(ctx context.Context) (string, error) { return v.unwrap(ctx, mount, cfg.SecretIDFile) }
	}
	put := fmt.Sprintf("write a secret ID there, by vault write -field=secret_id -f auth/%s/role/ROLE/secret-id", mount)
	return func(context.Context) (string, error) { return readLine(cfg.SecretIDFile, put) }
}

// jwt logs in by a role and a JWT that somebody else signs. Those of service
// accounts and of SPIFFE are replaced every hour or sooner. Where there is none,
// put says how it gets there.
func (m *method) jwt(role, file, put string) {
	m.look = fmt.Sprintf("does its role %s accept the JWT in %s", role, file)
	m.credentials = func(context.Context) (map[string]any, error) {
		jwt, err := readLine(file, put)
		return credentials(map[string]any{"role": role, "jwt": jwt}, err)
	}
}

// cert logs in by the TLS client certificate that every connection shows. Where
// a role is named no other one will do.
func (m *method) cert(role string, files tlsFiles, address string) error {
	switch {
	case files.cert == "" || files.key == "":
		return errors.New("auth cert shows a TLS client certificate: name it, and its key, by tls")
	case !strings.HasPrefix(address, "https://"):
		return errors.New("auth cert shows a TLS client certificate, and there is no TLS: write https://HOST:PORT")
	}
	m.look = "does a role there trust the certificate in " + files.cert
	body := map[string]any{}
	if role != "" {
		m.look = fmt.Sprintf("does its role %s trust the certificate in %s", role, files.cert)
		body["name"] = role
	}
	m.credentials = func(context.Context) (map[string]any, error) {
		_, err := tls.LoadX509KeyPair(files.cert, files.key) // connections go on showing the one before
		return credentials(body, err)
	}
	return nil
}

// credentials returns what to log in with, or why it could not be read.
func credentials(body map[string]any, err error) (map[string]any, error) {
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrThrottled):
		return nil, err // it may be there
	}
	return nil, unasked{fmt.Errorf("there is nothing to log in with: %w", err)}
}

// unasked is an [ErrDenied] of which Vault knows nothing: what was to be sent there
// could not be had.
type unasked struct{ error }

// Is implements the interface of [errors.Is].
func (unasked) Is(target error) bool { return target == ErrDenied }

func (u unasked) Unwrap() error { return u.error }
