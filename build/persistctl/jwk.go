package main

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"
)

// mostJWK bounds the size of a JSON Web Key, in octets.
const mostJWK = 1 << 16

// thumbprintOf returns the thumbprint (RFC 7638) of the public JSON Web Key in
// file. No error shows what the file holds.
func thumbprintOf(file string) (string, error) {
	raw, err := readKeyFile(file)
	if err != nil {
		return "", err
	}
	if bytes.Contains(raw, []byte("PRIVATE KEY-----")) {
		return "", private(file)
	}
	var key jose.JSONWebKey
	if json.Unmarshal(raw, &key) == nil {
		if !key.IsPublic() {
			return "", private(file)
		}
		if sum, err := key.Thumbprint(crypto.SHA256); err == nil {
			return base64.RawURLEncoding.EncodeToString(sum), nil
		}
	}
	return "", fmt.Errorf(`%s is no JSON Web Key (RFC 7517): write one like {"kty": "EC", "crv": "P-256", "x": "…", "y": "…"}`, file)
}

func private(file string) error {
	return fmt.Errorf("%s holds a private key, which is for the ACME client alone: write the public members, such as kty, crv, x and y, or kty, n and e, to another file", file)
}

func readKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name) // #nosec G304 -- the operator's choice
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, mostJWK+1))
	if err == nil && len(raw) > mostJWK {
		err = fmt.Errorf("%s is longer than %d octets, which no JSON Web Key is", name, mostJWK)
	}
	return raw, err
}
