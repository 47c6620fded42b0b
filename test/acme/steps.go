package acme

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// startResolver starts Unbound with the DS record as its only trust anchor, as
// it stands in the parent zone.
func (d *demo) startResolver(ctx context.Context) (_ string, err error) {
	d.resolver, err = parts.StartUnbound(ctx, parts.UnboundOptions{Zone: d.zone, Server: d.server.Address, Anchor: d.ds})
	if err != nil {
		return "", err
	}
	d.started(d.resolver)
	return d.resolver.Address, nil
}

func (d *demo) startCA(ctx context.Context) (_ string, err error) {
	d.ca, err = startPebble(ctx, d.dir, d.resolver.Address)
	if err != nil {
		return "", err
	}
	d.started(d.ca)
	return d.ca.directory(), nil
}

func (d *demo) register(ctx context.Context) (_ string, err error) {
	d.client, err = newClient(ctx, d.ca)
	if err != nil {
		return "", err
	}
	return d.client.uri(), nil
}

// see waits until the server gives the record, and then wants it from Unbound:
// not earlier, because Unbound would remember for a minute that there is none.
func (d *demo) see(ctx context.Context) (string, error) {
	if err := await(ctx, d.server, true); err != nil {
		return "", err
	}
	a, err := ask(ctx, d.resolver.Address)
	switch {
	case err != nil:
		return "", err
	case a.record == "" || !a.validated:
		return "", fmt.Errorf("expected a validated record of Unbound, got %+v", a)
	}
	d.Record = a.record
	d.until, err = published(a.record)
	return a.record, err
}

func (d *demo) obtain(ctx context.Context) (_ string, err error) {
	d.Certificate, err = d.client.obtain(ctx, d.resolver.Address, d.until, name, "*."+name)
	if err != nil {
		return "", err
	}
	for _, host := range []string{name, "www." + name} {
		if err := d.Certificate.VerifyHostname(host); err != nil {
			return "", err
		}
	}
	return "valid until " + d.Certificate.NotAfter.Format(time.DateOnly) + " (lego waits most of the time)", nil
}

// seeNone waits until the server denies the record, and then wants that from
// Unbound. Other resolvers may keep the record for its TTL; Unbound forgets it
// here to save the time.
func (d *demo) seeNone(ctx context.Context) (string, error) {
	if err := await(ctx, d.server, false); err != nil {
		return "", err
	}
	if err := d.resolver.Flush(ctx, zone); err != nil {
		return "", err
	}
	a, err := ask(ctx, d.resolver.Address)
	switch {
	case err != nil:
		return "", err
	case a.record != "" || !a.validated:
		return "", fmt.Errorf("expected a validated denial of Unbound, got %+v", a)
	}
	return "no TXT record at " + zone, nil
}

func (d *demo) orderAgain(ctx context.Context) (_ string, err error) {
	d.Refusal, err = d.client.order(ctx, name, "*."+name)
	switch {
	case err != nil:
		return "", err
	case d.Refusal == nil:
		return "", errors.New("the CA validates a name whose grant is withdrawn")
	}
	return "refused: " + d.Refusal.Detail, nil
}
