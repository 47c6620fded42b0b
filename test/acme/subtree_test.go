package acme

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A grant of a subtree is enough for a certificate of names below it that nobody
// has listed anywhere.
func TestCertificateForNamesOfASubtree(t *testing.T) {
	const top = "dev.example.com"
	inZone := func(d *demo, _ context.Context) (string, error) {
		d.zone = top
		return "in the zone " + top, nil
	}
	d := start(t, inZone, (*demo).startVault, (*demo).admit, (*demo).makeKeys, (*demo).startServer, (*demo).startResolver, (*demo).startCA, (*demo).register)
	for path, body := range map[string]string{
		"issuers/pebble": fmt.Sprintf(`{"issuer_domain_names": ["pebble.letsencrypt.org"], "account_uri_prefixes": [%q], "subtree": true}`, d.ca.accounts()),
		"teams/web":      `{"domains": ["example.com"], "issuers": ["pebble"], "subtree": true}`,
		account:          fmt.Sprintf(`{"account_uri": %q, "domains": {%q: {"subtree": true}}}`, d.client.uri(), top),
	} {
		if err := d.vault.Put(t.Context(), documentsMount, path, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.bump(t.Context()); err != nil {
		t.Fatal(err)
	}

	names := []string{"a." + top, "b.a." + top, "c.b.a." + top}
	var record string
	err := d.server.Retry(t.Context(), func(ctx context.Context) error {
		a, err := askAt(ctx, d.server.Address, "_validation-persist."+names[0])
		if record = a.record; err == nil && record == "" {
			err = fmt.Errorf("there is no record at %s", names[0])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	until, err := published(record)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := d.client.obtain(t.Context(), d.resolver.Address, until, names...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names, slices.Sorted(slices.Values(certificate.DNSNames))); diff != "" {
		t.Errorf("Names of the certificate (-want +got):\n%s", diff)
	}
	deeper := "6.5.4.3.2.1." + top
	problem, err := d.client.order(t.Context(), deeper)
	if err != nil || problem == nil || problem.Type != unauthorized {
		t.Errorf("Expected the CA to find no record for %s, got %v, %v", deeper, problem, err)
	}
}
