package acme

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const unauthorized = "urn:ietf:params:acme:error:unauthorized"

func TestCertificateIsIssuedUntilTheGrantIsWithdrawn(t *testing.T) {
	outcome, err := Run(t.Context(), "", t.Output())
	if err != nil {
		t.Fatal(err)
	}

	want := regexp.MustCompile(`^pebble\.letsencrypt\.org; accounturi=https://127\.0\.0\.1:\d+/my-account/[0-9a-f]+; policy=wildcard; persistUntil=\d+$`)
	if !want.MatchString(outcome.Record) {
		t.Errorf("Expected a record like %s, got %q", want, outcome.Record)
	}
	if issuer := outcome.Certificate.Issuer.CommonName; !strings.HasPrefix(issuer, "Pebble Intermediate CA ") {
		t.Errorf("Expected a certificate of Pebble, its issuer is %q", issuer)
	}
	names := slices.Sorted(slices.Values(outcome.Certificate.DNSNames))
	if diff := cmp.Diff([]string{"*.example.com", "example.com"}, names); diff != "" {
		t.Errorf("Names of the certificate (-want +got):\n%s", diff)
	}
	if outcome.Refusal.Type != unauthorized || outcome.Refusal.Detail != "No TXT records found for DNS-PERSIST-01 challenge" {
		t.Errorf("Expected the CA to find no record, it says %v", outcome.Refusal)
	}
}

func TestGrantWithoutWildcardValidatesTheNameAlone(t *testing.T) {
	d := start(t, (*demo).startVault, (*demo).admit, (*demo).makeKeys, (*demo).startServer, (*demo).startResolver, (*demo).startCA, (*demo).register, (*demo).allow)
	narrow := fmt.Sprintf(`{"account_uri": %q, "domains": {"example.com": {}}}`, d.client.uri())
	if err := d.vault.Put(t.Context(), "persist", "accounts/web/pebble/demo", narrow); err != nil {
		t.Fatal(err)
	}
	if err := d.bump(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, d, (*demo).see)

	if problem, err := d.client.order(t.Context(), "example.com"); problem != nil || err != nil {
		t.Errorf("Expected the CA to validate example.com, got %v, %v", problem, err)
	}
	problem, err := d.client.order(t.Context(), "*.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if problem == nil || problem.Type != unauthorized || !strings.Contains(problem.Detail, "policy mismatch") {
		t.Errorf("Expected the CA to miss policy=wildcard, it says %v", problem)
	}
}

func TestRecordThatDoesNotValidateIsRefused(t *testing.T) {
	d := start(t, (*demo).startVault, (*demo).admit, (*demo).makeKeys, (*demo).startServer)
	last := len(d.ds) - 1
	d.ds = d.ds[:last] + map[bool]string{true: "1", false: "0"}[d.ds[last] == '0']
	take(t, d, (*demo).startResolver, (*demo).startCA, (*demo).register, (*demo).allow, (*demo).grant)
	if err := await(t.Context(), d.server, true); err != nil {
		t.Fatal(err)
	}

	problem, err := d.client.order(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if problem == nil || !strings.Contains(problem.Detail, "unsuccessful response: 2") {
		t.Errorf("Expected the CA to complain of SERVFAIL, it says %v", problem)
	}
	if err := d.resolver.Stop(); err != nil {
		t.Fatal(err)
	}
	if len(d.resolver.Failures()) == 0 {
		t.Error("Expected Unbound to log why the answer does not validate")
	}
}

func TestFailureNamesItsStepAndLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	empty := t.TempDir()

	_, err := Run(t.Context(), empty, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `step 2, "Let the DNS server read, and nothing else"`) {
		t.Errorf("Expected an error of step 2, which needs persistctl, got %v", err)
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("Expected no temporary files, got %v", left)
	}
}

// start takes steps of a new demo, which ends with the test.
func start(t *testing.T, steps ...step) *demo {
	t.Helper()
	d, err := newDemo("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.end(); err != nil {
			t.Error(err)
		}
	})
	take(t, d, steps...)
	return d
}

func take(t *testing.T, d *demo, steps ...step) {
	t.Helper()
	for i, step := range steps {
		said, err := step(d, t.Context())
		if err != nil {
			t.Fatalf("Step %d: %v", i+1, err)
		}
		t.Log(said)
	}
}
