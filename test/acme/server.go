package acme

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/coredns-persist/persist/test/parts"
)

// keyDocument is where the zone's keys are.
const keyDocument = keysMount + "/demo"

// stanza is persist's part of the Corefile. The times are short because nobody
// who watches wants to wait.
const stanza = `persist %s {
    vault %s
    tls %s
    auth approle %s %s
    mount %s
    refresh 60s 1s
    keys vault %s
    ns ns1.example.net
    ttl 5
}`

// makeKeys makes the zone's keys, as the administrator does, and takes the DS
// record that the parent zone would hold.
func (d *demo) makeKeys(ctx context.Context) (string, error) {
	if _, err := d.persistctl(ctx, "keys", "init", "--vault", keyDocument, "--name", "demo"); err != nil {
		return "", err
	}
	out, err := d.persistctl(ctx, "keys", "ds", d.zone, "--vault", keyDocument)
	d.ds = strings.TrimSpace(out)
	return d.ds, err
}

// persistctl runs the operator's tool as the administrator and returns what it
// prints.
func (d *demo) persistctl(ctx context.Context, args ...string) (string, error) {
	program, err := d.program("persistctl")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- built by make
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+d.vault.Address, "VAULT_TOKEN="+d.vault.RootToken, "VAULT_CACERT="+d.vault.CA)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("persistctl %s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	return string(out), err
}

func (d *demo) startServer(ctx context.Context) (string, error) {
	program, err := d.program("coredns")
	if err != nil {
		return "", err
	}
	d.server, err = parts.StartCoreDNS(ctx, parts.CoreDNSOptions{
		Program: program,
		Zone:    d.zone,
		Plugins: fmt.Sprintf(stanza, d.zone, d.vault.Address, d.vault.CA, d.roleID(), d.secretID(), documentsMount, keyDocument),
	})
	if err != nil {
		return "", err
	}
	d.started(d.server)
	return d.server.Address, nil
}

// program returns the path of a program that make builds.
func (d *demo) program(name string) (string, error) {
	if d.bin == "" {
		return parts.Program(name)
	}
	return filepath.Join(d.bin, name), nil
}
