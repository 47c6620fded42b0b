package record_test

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

var owners = map[record.FQDN]string{
	"example.com":              "_validation-persist.example.com.",
	"a.b.example.com":          "_validation-persist.a.b.example.com.",
	"com":                      "_validation-persist.com.",
	"1.2.0.192.in-addr.arpa":   "_ip-validation-persist.1.2.0.192.in-addr.arpa.",
	"1.0.8.b.d.0.ip6.arpa":     "_ip-validation-persist.1.0.8.b.d.0.ip6.arpa.",
	"in-addr.arpa":             "_validation-persist.in-addr.arpa.",
	"xin-addr.arpa":            "_validation-persist.xin-addr.arpa.",
	"in-addr.arpa.example.com": "_validation-persist.in-addr.arpa.example.com.",
}

func TestOwnerAndFQDNAreInverse(t *testing.T) {
	for name, owner := range owners {
		if got := name.Owner(); got != owner {
			t.Errorf("Owner of %q: expected %q, got %q", name, owner, got)
		}
		if got, ok := record.FromOwner(owner); !ok || got != name {
			t.Errorf("FromOwner(%q): expected %q, got %q, %t", owner, name, got, ok)
		}
	}
}

func TestOtherNamesAreNoOwners(t *testing.T) {
	for _, name := range []string{
		".", "", "example.com.", "_validation-persist.", "_ip-validation-persist.", "_validation-persist",
		"www._validation-persist.example.com.", "_validation-persistent.example.com.", "_acme-challenge.example.com.",
		"_validation-persist.1.2.0.192.in-addr.arpa.", "_validation-persist.1.ip6.arpa.",
		"_ip-validation-persist.example.com.", "_ip-validation-persist.in-addr.arpa.",
	} {
		if fqdn, ok := record.FromOwner(name); ok {
			t.Errorf("FromOwner(%q): expected no owner, got that of %q", name, fqdn)
		}
	}
}

func TestFromOwnerDoesNotAllocate(t *testing.T) {
	for _, owner := range owners {
		if n := testing.AllocsPerRun(100, func() { _, _ = record.FromOwner(owner) }); n != 0 {
			t.Errorf("FromOwner(%q): expected no allocation, got %v", owner, n)
		}
	}
}
