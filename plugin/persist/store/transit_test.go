package store

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"
)

// newTransit starts a Vault with a Transit engine and returns it with a client.
func newTransit(t *testing.T) (*parts.Vault, *Vault) {
	t.Helper()
	server := parts.NewVault(t, parts.VaultOptions{})
	if err := server.Client.Sys().MountWithContext(t.Context(), "team/transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	return server, clientFor(t, server, server.RootToken)
}

func clientFor(t *testing.T, server *parts.Vault, token string) *Vault {
	t.Helper()
	t.Setenv("VAULT_TOKEN", token)
	v, err := NewVault(VaultConfig{Address: server.Address})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verified has the standard library verify what a signer signs.
func verified(t *testing.T, signer crypto.Signer) bool {
	t.Helper()
	message := []byte("a message")
	digest := sha256.Sum256(message)
	switch public := signer.Public().(type) {
	case *ecdsa.PublicKey:
		sig, err := signer.Sign(nil, digest[:], crypto.SHA256)
		return err == nil && ecdsa.VerifyASN1(public, digest[:], sig)
	case ed25519.PublicKey:
		sig, err := signer.Sign(nil, message, crypto.Hash(0))
		return err == nil && ed25519.Verify(public, message, sig)
	}
	return false
}

func TestTransitSignsWithThePinnedVersion(t *testing.T) {
	_, v := newTransit(t)
	ctx := t.Context()
	for _, algorithm := range []uint8{13, 15} {
		path := "team/transit/ksk" + transitTypes[algorithm]
		if _, err := v.TransitKey(ctx, path, algorithm); !errors.Is(err, ErrNotFound) {
			t.Errorf("Without a key the error is %v", err)
		}
		for range 2 { // the second changes nothing
			if err := v.MakeTransitKey(ctx, path, algorithm); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.RotateTransitKey(ctx, path); err != nil {
			t.Fatal(err)
		}
		k, err := v.TransitKey(ctx, path, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, 2}, k.Versions()); diff != "" {
			t.Errorf("Algorithm %d: versions: %s", algorithm, diff)
		}
		for _, version := range k.Versions() {
			signer, err := k.Signer(ctx, version)
			if err != nil {
				t.Fatal(err)
			}
			if !verified(t, signer) {
				t.Errorf("Algorithm %d: a signature by version %d does not verify", algorithm, version)
			}
			if _, err := signer.Sign(nil, []byte("short"), crypto.SHA256); err == nil {
				t.Errorf("Algorithm %d: five octets were signed as a SHA-256 digest", algorithm)
			}
		}
		if _, err := k.Signer(ctx, 3); err == nil || !strings.Contains(err.Error(), "has no version 3") {
			t.Errorf("Of a version that is not there the error is %v", err)
		}
		if _, err := v.TransitKey(ctx, path, 28-algorithm); err == nil || !strings.Contains(err.Error(), "name one of type "+transitTypes[28-algorithm]) {
			t.Errorf("For another algorithm the error is %v", err)
		}
	}
}

func TestTransitKeysThatMayLeaveOrChangeAreRefused(t *testing.T) {
	server, v := newTransit(t)
	ctx := t.Context()
	write := func(path string, settings map[string]any) {
		t.Helper()
		if _, err := server.Client.Logical().WriteWithContext(ctx, "team/transit/keys/"+path, settings); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		make, config map[string]any
		want         string
	}{
		"exportable": {map[string]any{"exportable": true}, nil, "can be exported"},
		"backup":     {nil, map[string]any{"allow_plaintext_backup": true}, "can be exported"},
		"deletion":   {nil, map[string]any{"deletion_allowed": true}, "deletion_allowed=false"},
		"rotating":   {nil, map[string]any{"auto_rotate_period": "720h"}, "auto_rotate_period=0"},
		"derived":    {map[string]any{"type": "ed25519", "derived": true}, nil, "type ed25519"},
	} {
		settings := map[string]any{"type": "ecdsa-p256"}
		maps.Copy(settings, c.make)
		write(name, settings)
		if c.config != nil {
			if _, err := v.TransitKey(ctx, "team/transit/"+name, 13); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			write(name+"/config", c.config)
		}
		if _, err := v.TransitKey(ctx, "team/transit/"+name, 13); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
	if _, err := v.TransitKey(ctx, "team/transit/derived", 15); err == nil || !strings.Contains(err.Error(), "is derived") {
		t.Errorf("The error is %v", err)
	}
	if err := v.MakeTransitKey(ctx, "nowhere/key", 13); err == nil || !strings.Contains(err.Error(), "nowhere enabled as transit?") {
		t.Errorf("Without a mount the error is %v", err)
	}
}

func TestTransitDoesNotSignForOthers(t *testing.T) {
	server, v := newTransit(t)
	ctx := t.Context()
	if err := v.MakeTransitKey(ctx, "team/transit/ksk", 13); err != nil {
		t.Fatal(err)
	}
	if err := server.Policy(ctx, "reader", `path "team/transit/keys/ksk" { capabilities = ["read"] }`); err != nil {
		t.Fatal(err)
	}
	token, err := server.Token(ctx, time.Minute, "reader")
	if err != nil {
		t.Fatal(err)
	}
	k, err := clientFor(t, server, token).TransitKey(ctx, "team/transit/ksk", 13)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := k.Signer(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = signer.Sign(nil, make([]byte, 32), crypto.SHA256)
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "team/transit/sign/ksk") || strings.Contains(err.Error(), token) {
		t.Errorf("The error is %v", err)
	}
}

func TestASecretIsReadWithItsVersion(t *testing.T) {
	server, v := newTransit(t)
	ctx := t.Context()
	if err := server.Mount(ctx, "keys"); err != nil {
		t.Fatal(err)
	}
	expect := func(data string, version int) {
		t.Helper()
		got, n, err := v.ReadVersion(ctx, "keys", "a/b")
		if err != nil || string(got) != data || n != version {
			t.Errorf("Expected %q at version %d, got %q at %d (%v)", data, version, got, n, err)
		}
	}
	expect("", 0)
	for n := range 2 {
		if err := v.WriteSecret(ctx, "keys", "a/b", []byte(`{"a":1}`), n); err != nil {
			t.Fatal(err)
		}
		expect(`{"a":1}`, n+1)
	}
	if err := v.WriteSecret(ctx, "keys", "a/b", []byte(`{"a":2}`), 1); !errors.Is(err, ErrConflict) {
		t.Errorf("Of an older version the error is %v", err)
	}
	if err := server.Delete(ctx, "keys", "a/b"); err != nil {
		t.Fatal(err)
	}
	expect("", 2)
	if _, _, err := v.ReadVersion(ctx, "nowhere", "a/b"); err == nil {
		t.Error("A mount that is not there counts as empty")
	}
}
