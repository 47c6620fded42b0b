package parts

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"

	"github.com/miekg/dns"
)

// NSD is a running NSD, an authoritative server that serves zones as they are
// written.
type NSD struct {
	*Server

	dir   string
	files map[string]string // of the zones
}

// NSDOptions say what an NSD serves.
type NSDOptions struct {
	Address string            // IP:PORT; empty: a free port of 127.0.0.1
	Zones   map[string]string // zone files, by the name of the zone
	Lines   []string          // more for the server clause, like "minimal-responses: yes"
}

//go:embed nsd.conf
var nsdConf string

var nsdTemplate = template.Must(template.New("nsd.conf").Parse(nsdConf))

// NewNSD starts NSD for the time of a test.
func NewNSD(tb testing.TB, options NSDOptions) *NSD {
	tb.Helper()
	n, err := StartNSD(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("Output of NSD:\n%s", n.Output())
		}
	})
	return n
}

// StartNSD starts NSD and returns when it answers for every zone.
func StartNSD(ctx context.Context, options NSDOptions) (*NSD, error) {
	if options.Address == "" {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		options.Address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	dir, err := os.MkdirTemp("", "nsd")
	if err != nil {
		return nil, err
	}
	n := &NSD{dir: dir, files: map[string]string{}}
	err = n.start(ctx, options)
	for zone := range options.Zones {
		if err == nil {
			err = n.Retry(ctx, func(ctx context.Context) error { return n.ask(ctx, dns.Question{Name: zone, Qtype: dns.TypeSOA}) })
		}
	}
	if err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

func (n *NSD) start(ctx context.Context, options NSDOptions) error {
	for zone, text := range options.Zones {
		n.files[zone] = filepath.Join(n.dir, strconv.Itoa(len(n.files))+".zone")
		if err := os.WriteFile(n.files[zone], []byte(text), 0o600); err != nil {
			return err
		}
	}
	host, port, err := net.SplitHostPort(options.Address)
	if err != nil {
		return err
	}
	var conf strings.Builder
	err = nsdTemplate.Execute(&conf, map[string]any{
		"Options":   options,
		"Host":      host,
		"Port":      port,
		"Directory": n.dir,
		"Files":     n.files,
	})
	if err != nil {
		return err
	}
	for zone := range options.Zones {
		n.Server, err = StartServer(ctx, ServerOptions{
			Address:       options.Address,
			Configuration: conf.String(),
			Ready:         dns.Question{Name: zone, Qtype: dns.TypeSOA},
			Program:       "nsd",
			Args:          []string{"-d", "-c"},
		})
		return err
	}
	return errors.New("NSD needs a zone")
}

// Replace has a zone served from another zone file, and returns when it is. The
// serial of its SOA must be another one.
func (n *NSD) Replace(ctx context.Context, zone, text string) error {
	serial, err := serialOf(zone, text)
	if err != nil {
		return err
	}
	if err := os.WriteFile(n.files[zone], []byte(text), 0o600); err != nil {
		return err
	}
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return n.Retry(ctx, func(ctx context.Context) error {
		for range inARow {
			if err := n.serves(ctx, zone, serial); err != nil {
				return err
			}
		}
		return nil
	})
}

// inARow is how many answers must be those of a new zone: for a moment the process
// that has the one before takes questions from the same socket.
const inARow = 20

// serves fails unless NSD serves a zone with a serial.
func (n *NSD) serves(ctx context.Context, zone string, serial uint32) error {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(zone), dns.TypeSOA)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, query, n.Address)
	if err != nil {
		return err
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok && soa.Serial == serial {
			return nil
		}
	}
	return fmt.Errorf("%s has another serial than %d: %v", zone, serial, reply.Answer)
}

// serialOf is the serial of the SOA record in a zone file.
func serialOf(zone, text string) (uint32, error) {
	p := dns.NewZoneParser(strings.NewReader(text), dns.Fqdn(zone), "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, p.Err()
		}
	}
	return 0, errors.Join(fmt.Errorf("zone %s has no SOA record", zone), p.Err())
}

// Stop ends NSD and removes its files.
func (n *NSD) Stop() error {
	var err error
	if n.Server != nil {
		err = n.Server.Stop()
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}
