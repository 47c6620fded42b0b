package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// holder is an account at a scripted CA, which checks every signature as RFC
// 8555 section 6 has it.
type holder struct {
	t   *testing.T
	ca  *scriptedCA
	key crypto.Signer

	url    string // of the account
	named  string // what the CA calls it
	status string
	stale  int // nonces that the CA refuses yet
	nonces map[string]bool
	posts  []string // paths, in their order
	offers string   // the challenges of an order, as JSON
}

// newHolder makes an account with a key, at /acct/123.
func newHolder(t *testing.T, key crypto.Signer) *holder {
	t.Helper()
	ca := newScriptedCA(t)
	h := &holder{t: t, ca: ca, key: key, url: ca.url + "/acct/123", status: "valid", nonces: map[string]bool{}}
	h.named = h.url
	ca.says("/directory", directoryWith(`"caaIdentities": ["ca.example"]`))
	ca.HandleFunc("HEAD /nonce", func(w http.ResponseWriter, _ *http.Request) { h.giveNonce(w) })
	h.answers("/acct/123", wanted{}, func() string { return fmt.Sprintf(`{"status": %q}`, h.status) })
	h.answers("/new-account", wanted{payload: `{"onlyReturnExisting":true}`, jwk: true}, func() string { return fmt.Sprintf(`{"status": %q}`, h.status) })
	h.answers("/new-order", wanted{payload: `{"identifiers":[{"type":"dns","value":"example.com"}]}`, created: true}, func() string {
		return fmt.Sprintf(`{"status": "pending", "authorizations": ["%s/authz/1"]}`, ca.url)
	})
	h.answers("/authz/1", wanted{more: `{"status":"deactivated"}`}, func() string { return `{"challenges": [` + h.offers + `]}` })
	return h
}

// wanted is what a request has to be: signed by the account, or with jwk by the
// key alone; its payload, and that of another one to the same URL.
type wanted struct {
	payload, more string
	jwk, created  bool
}

func (h *holder) giveNonce(w http.ResponseWriter) {
	nonce := fmt.Sprintf("nonce-%d", len(h.nonces))
	h.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
}

// answers has the CA answer what is as wanted.
func (h *holder) answers(path string, want wanted, body func() string) {
	h.ca.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		h.posts = append(h.posts, path)
		h.giveNonce(w)
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = h.verify(string(text), h.ca.url+path, want)
		}
		switch {
		case err != nil:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"type": "urn:ietf:params:acme:error:malformed", "detail": %q}`, err)
		case h.stale > 0:
			h.stale--
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"type": "urn:ietf:params:acme:error:badNonce", "detail": "stale"}`)
		default:
			if want.jwk {
				w.Header().Set("Location", h.named)
			}
			if want.created {
				w.WriteHeader(http.StatusCreated)
			}
			fmt.Fprint(w, body())
		}
	})
}

func (h *holder) verify(body, url string, want wanted) error {
	signed, err := jose.ParseSigned(body, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.EdDSA})
	if err != nil {
		return err
	}
	got, err := signed.Verify(h.key.Public())
	if err != nil {
		return err
	}
	header := signed.Signatures[0].Protected
	if !h.nonces[header.Nonce] {
		return fmt.Errorf("the nonce %q was not given, or is used twice", header.Nonce)
	}
	h.nonces[header.Nonce] = false
	identified := header.KeyID == h.url && header.JSONWebKey == nil
	if want.jwk {
		identified = header.KeyID == "" && header.JSONWebKey != nil
	}
	if payload := string(got); !identified || payload != want.payload && (want.more == "" || payload != want.more) || header.ExtraHeaders["url"] != url {
		return fmt.Errorf("the payload %q, header %+v", got, header)
	}
	return nil
}

// prove runs persistctl account prove with the key in file.
func (h *holder) prove(file string, more ...string) (status int, out, said string) {
	return run(append([]string{"account", "prove", h.url, "--directory", h.ca.url + "/directory", "--ca", h.ca.root, "--key", file}, more...)...)
}

// keyFile writes text to a file that its owner alone may read.
func keyFile(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "account.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func inPEM(t *testing.T, kind string, text []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: text})
}

func inPKCS8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	text, err := x509.MarshalPKCS8PrivateKey(key)
	return inPEM(t, "PRIVATE KEY", text, err)
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Whatever key an ACME client has, and however it keeps it, the CA takes what it
// signs, and what is printed approves the account.
func TestAnAccountIsProvenByWhateverKeyItHas(t *testing.T) {
	p256 := ecKey(t, elliptic.P256())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(p256)
	ec := inPEM(t, "EC PRIVATE KEY", sec1, err)
	jwk, err := json.Marshal(jose.JSONWebKey{Key: rsaKey})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  crypto.Signer
		text []byte
	}{
		"P-256, PKCS #8":         {p256, inPKCS8(t, p256)},
		"P-256, as lego has it":  {p256, ec},
		"P-256, as OpenSSL does": {p256, append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), ec...)},
		"RSA, PKCS #1":           {rsaKey, inPEM(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil)},
		"RSA, as certbot has it": {rsaKey, jwk},
		"Ed25519":                {edKey, inPKCS8(t, edKey)},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t, c.key)
			status, out, said := h.prove(keyFile(t, c.text), "--by", "CHG-1234")
			if status != exitOK || said != "" {
				t.Fatalf("Expected status 0 and no word, got %d: %s", status, said)
			}
			if diff := cmp.Diff([]string{"/acct/123", "/new-account"}, h.posts); diff != "" {
				t.Errorf("Requests (-want +got):\n%s", diff)
			}
			approves(t, out, h.url, thumbprint(t, c.key))
		})
	}
	for _, curve := range []elliptic.Curve{elliptic.P384(), elliptic.P521()} {
		key := ecKey(t, curve)
		if status, _, said := newHolder(t, key).prove(keyFile(t, inPKCS8(t, key))); status != exitOK {
			t.Errorf("%s: expected status 0, got %d: %s", curve.Params().Name, status, said)
		}
	}
}

// thumbprint is that of the public key, by persistctl hash --jwk's own way.
func thumbprint(t *testing.T, key crypto.Signer) string {
	t.Helper()
	public, err := json.Marshal(jose.JSONWebKey{Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := thumbprintOf(keyFile(t, public))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// approves holds what was printed against the schema of teams documents, as a
// part of one.
func approves(t *testing.T, out, url, thumbprint string) {
	t.Helper()
	var got struct {
		Accounts map[string]struct {
			Thumbprints []string `json:"thumbprints"`
			Proof       struct {
				VerifiedAt time.Time `json:"verified_at"`
				By         string    `json:"by"`
			} `json:"proof"`
		} `json:"accounts"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	a := got.Accounts[url]
	if len(got.Accounts) != 1 || !cmp.Equal(a.Thumbprints, []string{thumbprint}) || a.Proof.By != "CHG-1234" {
		t.Errorf("Expected %s with %s, got %s", url, thumbprint, out)
	}
	if age := time.Since(a.Proof.VerifiedAt); age < 0 || age > time.Minute {
		t.Errorf("Expected it to be verified now, got %s", a.Proof.VerifiedAt)
	}
	team := strings.TrimSuffix(strings.TrimSpace(out), "}") + `, "domains": ["example.com"], "issuers": ["ca"]}`
	dir := t.TempDir()
	policytest.Standard().With(policytest.Documents{"teams/web": team, "accounts/web/ca/a": ""}).Write(t, dir)
	persistctl(t, "lint", dir)
}

func TestWhatTheCADoesNotVouchForIsNotProven(t *testing.T) {
	key, other := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	for name, c := range map[string]struct {
		change func(h *holder)
		key    crypto.Signer
		want   string
	}{
		"another key":       {func(*holder) {}, other, "to the key with the thumbprint " + thumbprint(t, other)},
		"deactivated":       {func(h *holder) { h.status = "deactivated" }, key, `is "deactivated", and only a valid one`},
		"no status":         {func(h *holder) { h.status = "" }, key, `is "", and only a valid one`},
		"another URL":       {func(h *holder) { h.named += "/" }, key, "have that URL approved"},
		"no URL":            {func(h *holder) { h.named = "" }, key, `the account of this key is ""`},
		"another's nonces":  {func(h *holder) { h.stale = 9 }, key, "has taken none of 3 nonces"},
		"no such account":   {func(h *holder) { h.url = h.ca.url + "/acct/9" }, key, "answers 404 Not Found"},
		"a moved account":   {func(h *holder) { h.url = h.ca.url + "/moved" }, key, "answers 307 Temporary Redirect"},
		"a moved directory": {func(h *holder) { h.ca.url += "/moved" }, key, "answers 307 Temporary Redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t, key)
			base := h.ca.url
			h.ca.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, base+"/acct/123", http.StatusTemporaryRedirect)
			})
			h.ca.HandleFunc("/moved/directory", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, base+"/directory", http.StatusTemporaryRedirect)
			})
			c.change(h)
			status, out, said := h.prove(keyFile(t, inPKCS8(t, c.key)))
			if status != exitFailed || out != "" || !strings.Contains(said, c.want) {
				t.Errorf("Expected status 1 and %q, got %d, %q and %q", c.want, status, out, said)
			}
		})
	}
}

func TestAStaleNonceIsReplaced(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	h := newHolder(t, key)
	h.stale = 2
	if status, _, said := h.prove(keyFile(t, inPKCS8(t, key))); status != exitOK || len(h.posts) != 4 {
		t.Errorf("Expected status 0 after four requests, got %d after %q: %s", status, h.posts, said)
	}
}

func TestAKeyThatOthersMayReadIsWarnedOf(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	h, file := newHolder(t, key), keyFile(t, inPKCS8(t, key))
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	status, out, said := h.prove(file)
	if status != exitOK || !strings.Contains(said, "has the mode 0640, so others may read the account key: chmod 600 ") {
		t.Errorf("Expected status 0 and a warning, got %d: %s", status, said)
	}
	approves(t, strings.Replace(out, "persistctl account prove", "CHG-1234", 1), h.url, thumbprint(t, key))
}

// No file of a key, good or not, is ever shown.
func TestNoErrorShowsTheAccountKey(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	h := newHolder(t, ecKey(t, elliptic.P256())) // that of another account
	good := inPKCS8(t, key)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"another's":    {good, "to the key with the thumbprint"},
		"cut":          {good[:len(good)/2], "holds no private key that can be read"},
		"encrypted":    {[]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4CAQAw\n-----END ENCRYPTED PRIVATE KEY-----\n"), "without a passphrase"},
		"public":       {inPEM(t, "PUBLIC KEY", public, err), "holds no private key"},
		"text":         {[]byte("hunter2hunter2"), "holds no private key"},
		"half a JWK":   {[]byte(`{"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`), "holds no private key"},
		"of a MAC":     {[]byte(`{"kty": "oct", "k": "GawgguFyGrWKav7AX4VKUg"}`), "holds no private key"},
		"another kind": {inPKCS8(t, ecKey(t, elliptic.P224())), "holds a key that no ACME account has"},
	} {
		status, out, said := h.prove(keyFile(t, c.text))
		if status != exitFailed || out != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: expected status 1 and %q, got %d, %q and %q", name, c.want, status, out, said)
		}
		for field := range strings.FieldsSeq(string(c.text)) {
			if len(field) > 7 && field != "PRIVATE" && field != "ENCRYPTED" && strings.Contains(said, field) {
				t.Errorf("%s: the key is shown: %s", name, said)
			}
		}
	}
}

func TestAProofSaysWhatToWriteInstead(t *testing.T) {
	for want, args := range map[string][]string{
		"at which CA? write --directory DIRECTORY-URL":    {"https://ca.example/acct/1", "--key", "account.pem"},
		"by which key? write --key FILE":                  {"https://ca.example/acct/1", "--directory", "https://ca.example/directory"},
		`"acct:1@ca.example" is no https URL`:             {"acct:1@ca.example", "--directory", "https://ca.example/directory", "--key", "account.pem"},
		`"http://ca.example/directory" is no https URL`:   {"https://ca.example/acct/1", "--directory", "http://ca.example/directory", "--key", "account.pem"},
		"a record takes visible ASCII characters other t": {"https://ca.example/acct;1", "--directory", "https://ca.example/directory", "--key", "account.pem"},
	} {
		if status, _, said := run(append([]string{"account", "prove"}, args...)...); status != exitUsage || !strings.Contains(said, want) {
			t.Errorf("%q: expected status 2 and %q, got %d and %q", args, want, status, said)
		}
	}
}
