// Package acme goes the whole way of dns-persist-01 on real programs: from
// policy documents in Vault, through CoreDNS with persist and an Unbound that
// validates, to a certificate that Pebble issues to lego; and on to the refusal
// when the grant is withdrawn.
//
// It is a module of its own because what Pebble and lego need must never be
// needed by the plugin.
package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/go-acme/lego/v5/acme"
)

// Outcome is what came of it.
type Outcome struct {
	Record      string               // that was served while the grant stood
	Certificate *x509.Certificate    // that the CA issued by it
	Refusal     *acme.ProblemDetails // of an order after the grant was withdrawn
}

// demo is what there is after some of the steps.
type demo struct {
	Outcome

	bin, dir string
	zone     string                      // what CoreDNS serves
	running  []interface{ Stop() error } // in the order they were started

	vault    *parts.Vault
	ds       string
	server   *parts.Server
	resolver *parts.Unbound
	ca       *pebble
	client   *client
	until    time.Time // the record's persistUntil
}

// step does one thing and returns what to say of it.
type step func(*demo, context.Context) (said string, err error)

var steps = []struct {
	name string
	take step
}{
	{"Start Vault", (*demo).startVault},
	{"Let the DNS server read, and nothing else", (*demo).admit},
	{"Make the zone's keys in Vault", (*demo).makeKeys},
	{"Start CoreDNS", (*demo).startServer},
	{"Start Unbound, which trusts the DS record", (*demo).startResolver},
	{"Start Pebble, the CA, which asks Unbound", (*demo).startCA},
	{"Register an ACME account", (*demo).register},
	{"Allow the CA and the team, as administrator", (*demo).allow},
	{"Grant the name to the account, as the team", (*demo).grant},
	{"See the record, validated by Unbound", (*demo).see},
	{"Obtain a certificate with lego", (*demo).obtain},
	{"Withdraw the grant, as the team", (*demo).withdraw},
	{"See that there is none, validated too", (*demo).seeNone},
	{"Order once more, in vain", (*demo).orderAgain},
}

// Run takes all steps and writes to out how each went. It uses the coredns and
// persistctl of the directory bin, or those that make builds if bin is empty.
// Whatever is not as it should be ends it with an error that names the step.
func Run(ctx context.Context, bin string, out io.Writer) (_ *Outcome, err error) {
	d, err := newDemo(bin)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	for i, step := range steps {
		begun := time.Now()
		said, err := step.take(d, ctx)
		if err != nil {
			return nil, fmt.Errorf("step %d, %q: %w", i+1, step.name, err)
		}
		fmt.Fprintf(out, "%2d. %-45s %5.2f s   %s\n", i+1, step.name, time.Since(begun).Seconds(), said)
	}
	return &d.Outcome, nil
}

func newDemo(bin string) (*demo, error) {
	dir, err := os.MkdirTemp("", "demo")
	return &demo{bin: bin, dir: dir, zone: zone}, err
}

// started notes what end has to stop.
func (d *demo) started(part interface{ Stop() error }) { d.running = append(d.running, part) }

// end stops all parts, the last one first, and removes the files.
func (d *demo) end() error {
	var errs []error
	for _, part := range slices.Backward(d.running) {
		errs = append(errs, part.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}
