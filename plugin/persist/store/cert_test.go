package store

import (
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// renewPair writes another client certificate and its key to where cfg says,
// and returns the certificate in PEM.
func renewPair(t *testing.T, cfg VaultConfig) string {
	t.Helper()
	cert, key := newPair(t)
	rewrite(t, cfg.ClientCert, string(cert))
	rewrite(t, cfg.ClientKey, string(key))
	return string(cert)
}

func fakeCert(t *testing.T) *fakeDoor {
	t.Helper()
	server, ca := storetest.NewTLS(t)
	d := &fakeDoor{fake: &fake{server}, cfg: VaultConfig{
		Address: server.URL, CACert: ca, Auth: "cert", AuthMount: "cert",
		ClientCert: write(t, "cert.pem", ""), ClientKey: write(t, "key.pem", ""),
	}}
	d.role.Says = map[string]string{}
	d.turn = func(t *testing.T) {
		t.Helper()
		d.role.Certificate = renewPair(t, d.cfg)
	}
	d.turn(t)
	return d
}

func realCert(t *testing.T) *realDoor {
	t.Helper()
	d := newRealDoor(t, newMountOf(t, secured), "cert", "certs/dns")
	d.cfg.CACert, d.cfg.ClientCert, d.cfg.ClientKey = d.CA, write(t, "cert.pem", ""), write(t, "key.pem", "")
	d.turn = func(t *testing.T) {
		t.Helper()
		d.role["certificate"] = renewPair(t, d.cfg)
	}
	d.turn(t)
	return d
}

func TestLoginByCertificateMayNameARole(t *testing.T) {
	d := realCert(t)
	fill(t, d.mount)
	d.set(t, terms{})
	for role, says := range map[string]string{"dns": "", "other": "does its role other trust the certificate in " + d.cfg.ClientCert} {
		cfg := d.cfg
		cfg.Role = role
		v, err := NewVault(cfg)
		check(t, err)
		if _, err = v.Read(t.Context(), "config"); says != "" {
			wantError(t, err, ErrDenied, says)
			continue
		}
		check(t, err)
		check(t, v.Close(t.Context()))
	}
}

// Vault binds a token to the certificate of its login and to its CA, and refuses
// to renew it over a connection that shows one of neither.
func TestTokenIsReplacedWhenTheCertificateWas(t *testing.T) {
	d := realCert(t)
	fill(t, d.mount)
	d.set(t, terms{})
	v, r := enter(t, d)
	token := v.held(t)
	d.rotate(t)
	r.scan(t)
	if v.held(t) != token {
		t.Error("It has logged in before it had to")
	}
	r.clock.advance(dueLater)
	r.scan(t)
	if v.held(t) == token || len(r.log.warnings) != 0 {
		t.Errorf("It goes on with the token of the certificate before, and says %q", r.log.warnings)
	}
}
