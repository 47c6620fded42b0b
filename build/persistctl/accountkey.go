package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/go-jose/go-jose/v4"
)

// accountKey is the private key of an ACME account. Nothing prints it: String
// has its thumbprint.
type accountKey struct {
	private    crypto.Signer
	algorithm  jose.SignatureAlgorithm
	thumbprint string // RFC 7638
}

// String is the thumbprint of the key.
func (k *accountKey) String() string { return k.thumbprint }

// readAccountKey reads the private key in file, in PEM (PKCS #8, or as OpenSSL
// writes EC and RSA keys) or as a JSON Web Key. No error shows what it holds.
func readAccountKey(file string) (*accountKey, error) {
	raw, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	private := privateKeyIn(raw)
	if private == nil {
		return nil, fmt.Errorf("%s holds no private key that can be read: write the file of the account key, without a passphrase, in PEM or as a JSON Web Key (RFC 7517)", file)
	}
	k := &accountKey{private: private, algorithm: algorithmOf(private)}
	if k.algorithm == "" {
		return nil, fmt.Errorf("%s holds a key that no ACME account has: those are ECDSA with P-256, P-384 or P-521, RSA, or Ed25519", file)
	}
	sum, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%s holds a key that has no thumbprint (RFC 7638)", file)
	}
	k.thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	return k, nil
}

// privateKeyIn returns the first private key in raw, nil if there is none.
func privateKeyIn(raw []byte) crypto.Signer {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.Valid() {
			return nil
		}
		signer, _ := key.Key.(crypto.Signer)
		return signer
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if signer := parsePrivate(block); signer != nil {
			return signer
		}
	}
	return nil
}

// parsePrivate is nil for a block that holds something else, as the parameters
// of a curve that OpenSSL writes before a key.
func parsePrivate(block *pem.Block) crypto.Signer {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer
	}
	return nil
}

// algorithmOf is the one by which an ACME client signs with the key (RFC 8555
// section 6.2), empty if there is none.
func algorithmOf(private crypto.Signer) jose.SignatureAlgorithm {
	switch key := private.(type) {
	case *rsa.PrivateKey:
		return jose.RS256
	case ed25519.PrivateKey:
		return jose.EdDSA
	case *ecdsa.PrivateKey:
		return map[elliptic.Curve]jose.SignatureAlgorithm{
			elliptic.P256(): jose.ES256,
			elliptic.P384(): jose.ES384,
			elliptic.P521(): jose.ES512,
		}[key.Curve]
	}
	return ""
}

// exposure says that others than its owner may read file, empty if they may not.
func exposure(file string) string {
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("%s has the mode %04o, so others may read the account key: chmod 600 %s", file, info.Mode().Perm(), file)
}
