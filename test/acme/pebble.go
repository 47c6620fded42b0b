package acme

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/go-acme/lego/v5/certcrypto"
)

// pebble is a running Pebble.
type pebble struct {
	*parts.Process
	address string         // 127.0.0.1:PORT
	roots   *x509.CertPool // vouch for its API, not for what it issues
	root    string         // the file of the roots
}

func (p *pebble) directory() string { return "https://" + p.address + "/dir" }

// accounts is what the URIs of its accounts start with.
func (p *pebble) accounts() string { return "https://" + p.address + "/my-account/" }

// startPebble starts a Pebble that asks resolver, validates at once, and does
// not take an earlier validation for an answer.
func startPebble(ctx context.Context, dir, resolver string) (*pebble, error) {
	program, err := pebbleProgram(ctx)
	if err != nil {
		return nil, err
	}
	port, err := parts.FreePort()
	if err != nil {
		return nil, err
	}
	config, roots, err := configure(dir, port)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-config", config, "-dnsserver", resolver) // #nosec G204 -- the program that go has built
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	process, err := parts.Start(cmd)
	if err != nil {
		return nil, err
	}
	p := &pebble{Process: process, address: fmt.Sprintf("127.0.0.1:%d", port), roots: roots, root: config + certificateSuffix}
	if err := p.Retry(ctx, p.connect); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// connect fails unless Pebble listens.
func (p *pebble) connect(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	if err == nil {
		conn.Close()
	}
	return err
}

// pebbleProgram returns the program, a tool of this module, which go builds if
// it has not yet.
func pebbleProgram(ctx context.Context) (string, error) {
	root, err := parts.Root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "pebble")
	cmd.Dir = filepath.Join(root, "test", "acme")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go tool -n pebble: %w: %s", err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// certificateSuffix makes the name of the file with the certificate of its API
// of that of its configuration.
const certificateSuffix = ".crt"

// configure writes Pebble's configuration to dir, with a certificate for its
// API.
func configure(dir string, port int) (config string, roots *x509.CertPool, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", nil, err
	}
	certificate, err := certcrypto.GeneratePemCert(key, "127.0.0.1", nil)
	if err != nil {
		return "", nil, err
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)

	config = filepath.Join(dir, "pebble.json")
	said, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", port),
		"certificate":   config + certificateSuffix,
		"privateKey":    config + ".key",
		"keyAlgorithm":  "ecdsa",
		"retryAfter":    map[string]int{"authz": 1, "order": 1}, // seconds
	}})
	if err != nil {
		return "", nil, err
	}
	for file, text := range map[string][]byte{
		config:                     said,
		config + certificateSuffix: certificate,
		config + ".key":            certcrypto.PEMEncode(key),
	} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return "", nil, err
		}
	}
	return config, roots, nil
}
