package store

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/vault/api"
)

// TransitKey is a signing key that Vault's Transit secrets engine holds and
// does not give away.
type TransitKey struct {
	vault     *Vault
	mount     string
	name      string
	algorithm string
	versions  map[int]crypto.PublicKey
}

// Types of keys in Transit, by the DNSSEC algorithm that they are for.
var transitTypes = map[uint8]string{13: "ecdsa-p256", 15: "ed25519"}

// transitAnswer is what Vault says of a key.
type transitAnswer struct {
	Type       string `json:"type"`
	Exportable bool   `json:"exportable"`
	Backup     bool   `json:"allow_plaintext_backup"`
	Deletion   bool   `json:"deletion_allowed"`
	Derived    bool   `json:"derived"`
	AutoRotate int64  `json:"auto_rotate_period"` // in seconds
	Keys       map[string]struct {
		PublicKey string `json:"public_key"`
	} `json:"keys"`
}

// TransitKey returns the key at path, MOUNT/KEY, for a DNSSEC algorithm, 13 or
// 15. The error is ErrNotFound where there is none. One that can leave Vault,
// be deleted, or get a new version by itself is refused.
func (v *Vault) TransitKey(ctx context.Context, path string, algorithm uint8) (*TransitKey, error) {
	mount, name := splitTransit(path)
	r := request{"read", mount, "keys", name}
	var a transitAnswer
	if err := v.transit(ctx, r, http.MethodGet, nil, &a); err != nil {
		return nil, err
	}
	if err := a.check(transitTypes[algorithm]); err != nil {
		return nil, v.fail(r, err)
	}
	k := &TransitKey{vault: v, mount: mount, name: name, algorithm: a.Type, versions: map[int]crypto.PublicKey{}}
	for number, key := range a.Keys {
		n, err := strconv.Atoi(number)
		if err == nil {
			k.versions[n], err = publicKey(a.Type, key.PublicKey)
		}
		if err != nil {
			return nil, v.fail(r, fmt.Errorf("version %s has no public key: %w", number, err))
		}
	}
	return k, nil
}

// check refuses keys that would not stay what they are.
func (a transitAnswer) check(want string) error {
	switch {
	case a.Type != want:
		return fmt.Errorf("the key is of type %s: name one of type %s", a.Type, want)
	case a.Derived:
		return errors.New("the key is derived: make one without derivation")
	case a.Exportable, a.Backup:
		return errors.New("the key can be exported or backed up, so others may have it: make another one without exportable and allow_plaintext_backup")
	case a.Deletion:
		return errors.New("the key can be deleted, and with it the chain of trust: set deletion_allowed=false in its config")
	case a.AutoRotate != 0:
		return errors.New("the key is rotated by Vault itself: set auto_rotate_period=0 in its config, keys are rolled when the parent knows the next one")
	}
	return nil
}

// publicKey reads the public half of a version.
func publicKey(keyType, text string) (crypto.PublicKey, error) {
	if keyType == transitTypes[15] {
		octets, err := base64.StdEncoding.DecodeString(text)
		if err == nil && len(octets) != ed25519.PublicKeySize {
			err = fmt.Errorf("it has %d octets", len(octets))
		}
		return ed25519.PublicKey(octets), err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// Versions returns the numbers of the versions that can be used, ascending.
func (k *TransitKey) Versions() []int { return slices.Sorted(maps.Keys(k.versions)) }

// Public returns the public half of a version, nil if there is no such one.
func (k *TransitKey) Public(version int) crypto.PublicKey { return k.versions[version] }

// MakeTransitKey makes a key for a DNSSEC algorithm, 13 or 15. Where there is
// one already it changes nothing.
func (v *Vault) MakeTransitKey(ctx context.Context, path string, algorithm uint8) error {
	mount, name := splitTransit(path)
	return v.transit(ctx, request{"write", mount, "keys", name}, http.MethodPost, map[string]any{"type": transitTypes[algorithm]}, nil)
}

// RotateTransitKey adds a version to a key.
func (v *Vault) RotateTransitKey(ctx context.Context, path string) error {
	mount, name := splitTransit(path)
	return v.transit(ctx, request{"write", mount, "keys", name + "/rotate"}, http.MethodPost, map[string]any{}, nil)
}

// Signer returns a signer that has Vault sign with one version and no other.
// Its requests end with ctx.
func (k *TransitKey) Signer(ctx context.Context, version int) (crypto.Signer, error) {
	if k.versions[version] == nil {
		return nil, fmt.Errorf("%s/%s at %s has no version %d that can be used", k.mount, k.name, k.vault.address, version)
	}
	return &transitSigner{ctx, k, version}, nil
}

// transitSigner is a crypto.Signer, whose methods take no context.
type transitSigner struct {
	ctx     context.Context
	key     *TransitKey
	version int
}

// Public implements crypto.Signer.
func (s *transitSigner) Public() crypto.PublicKey { return s.key.versions[s.version] }

// Sign implements crypto.Signer: of P-256 it takes a SHA-256 digest and returns
// ASN.1, of Ed25519 it takes the message itself. Random numbers are Vault's.
func (s *transitSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	body := map[string]any{"input": base64.StdEncoding.EncodeToString(digest), "key_version": s.version}
	switch hash := opts.HashFunc(); {
	case s.key.algorithm == transitTypes[15] && hash == 0:
	case s.key.algorithm == transitTypes[13] && hash == crypto.SHA256 && len(digest) == sha256.Size: // Vault does not look
		body["prehashed"], body["hash_algorithm"], body["marshaling_algorithm"] = true, "sha2-256", "asn1"
	default:
		return nil, fmt.Errorf("%s/%s signs no %d octets hashed by %v", s.key.mount, s.key.name, len(digest), hash)
	}
	r := request{"write", s.key.mount, "sign", s.key.name}
	var answer struct {
		Signature string `json:"signature"`
	}
	if err := s.key.vault.transit(s.ctx, r, http.MethodPost, body, &answer); err != nil {
		return nil, err
	}
	text, ok := strings.CutPrefix(answer.Signature, fmt.Sprintf("vault:v%d:", s.version))
	if !ok {
		return nil, s.key.vault.fail(r, fmt.Errorf("the signature is not by version %d", s.version))
	}
	return base64.StdEncoding.DecodeString(text)
}

// splitTransit takes MOUNT/KEY apart at the last slash: keys have none in their
// names.
func splitTransit(path string) (mount, name string) {
	i := strings.LastIndex(path, "/")
	return path[:max(i, 0)], path[i+1:]
}

// transit performs a request and decodes the data of the answer, if any is
// wanted.
func (v *Vault) transit(ctx context.Context, r request, method string, body map[string]any, answer any) error {
	return v.do(ctx, r, func(ctx context.Context, c *api.Client) error {
		var s *api.Secret
		var err error
		if method == http.MethodGet {
			s, err = c.Logical().ReadWithContext(ctx, r.path())
		} else {
			s, err = c.Logical().WriteWithContext(ctx, r.path(), body)
		}
		switch {
		case err != nil || answer == nil:
			return err
		case s == nil:
			return &api.ResponseError{StatusCode: http.StatusNotFound, Errors: []string{}}
		}
		raw, err := json.Marshal(s.Data)
		if err != nil || json.Unmarshal(raw, answer) != nil {
			return errGarbled
		}
		return nil
	})
}
