package store

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// identityProvider signs JWTs, as a cloud, a CI or SPIFFE does.
type identityProvider struct{ key *ecdsa.PrivateKey }

func newIdentityProvider(t *testing.T) identityProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return identityProvider{key}
}

// sign returns a JWT (RFC 7519) by ES256 (RFC 7518 section 3.4) that is valid
// for an hour.
func (p identityProvider) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Add(time.Hour).Unix()
	body, err := json.Marshal(claims)
	check(t, err)
	signed := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	check(t, err)
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func encode(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

// public is the key in PEM.
func (p identityProvider) public(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(p.key.Public())
	check(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func fakeJWT(method string) func(t *testing.T) *fakeDoor {
	return func(t *testing.T) *fakeDoor {
		t.Helper()
		f := newFake(t)
		d := &fakeDoor{fake: f, cfg: VaultConfig{Address: f.URL, Auth: method, AuthMount: method, Role: "dns", JWTFile: write(t, "jwt", "")}}
		n := 0
		d.turn = func(t *testing.T) {
			t.Helper()
			n++
			d.role.Says = map[string]string{"role": "dns", "jwt": fmt.Sprintf("jwt-%d", n)}
			rewrite(t, d.cfg.JWTFile, d.role.Says["jwt"]+"\n")
		}
		d.turn(t)
		return d
	}
}

// realJWT rotates the key of the identity provider and the JWT with it.
func realJWT(t *testing.T) *realDoor {
	t.Helper()
	d := newRealDoor(t, newMount(t), "jwt", "role/dns")
	d.cfg.Role, d.cfg.JWTFile = "dns", write(t, "jwt", "")
	d.role = map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": "coredns", "bound_audiences": "vault"}
	d.turn = func(t *testing.T) {
		t.Helper()
		p := newIdentityProvider(t)
		d.write(t, fmt.Sprintf("auth/%s/config", d.name), map[string]any{"jwt_validation_pubkeys": p.public(t)})
		rewrite(t, d.cfg.JWTFile, p.sign(t, map[string]any{"sub": "coredns", "aud": "vault"})+"\n")
	}
	d.turn(t)
	return d
}

// cluster is the part of the Kubernetes API that Vault asks whether a JWT is
// one of a service account: TokenReview. No cluster runs where tests do; what
// asks it is Vault's own auth method.
type cluster struct {
	*httptest.Server
	valid atomic.Pointer[string] // the JWT it knows
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.review))
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) review(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Spec struct {
			Token     string
			Audiences []string
		}
	}
	if r.Method != http.MethodPost || r.URL.Path != "/apis/authentication.k8s.io/v1/tokenreviews" || r.Header.Get("Authorization") != "Bearer reviewer" {
		http.Error(w, r.URL.Path, http.StatusForbidden)
		return
	}
	err := json.NewDecoder(r.Body).Decode(&review)
	status := map[string]any{"authenticated": false, "error": fmt.Sprint("invalid bearer token: ", err)}
	if known := c.valid.Load(); known != nil && review.Spec.Token == *known {
		status = map[string]any{"authenticated": true, "audiences": review.Spec.Audiences, "user": map[string]any{"username": "system:serviceaccount:dns:coredns", "uid": "uid-of-coredns"}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})
}

// realKubernetes rotates the JWT of the service account, as the kubelet does.
func realKubernetes(t *testing.T) *realDoor {
	t.Helper()
	c, p := newCluster(t), newIdentityProvider(t)
	d := newRealDoor(t, newMount(t), "kubernetes", "role/dns")
	d.write(t, fmt.Sprintf("auth/%s/config", d.name), map[string]any{
		"kubernetes_host": c.URL, "token_reviewer_jwt": "reviewer", "disable_local_ca_jwt": true,
	})
	d.cfg.Role, d.cfg.JWTFile = "dns", write(t, "token", "")
	d.role = map[string]any{"bound_service_account_names": "coredns", "bound_service_account_namespaces": "dns"}
	d.turn = func(t *testing.T) {
		t.Helper()
		jwt := p.sign(t, map[string]any{
			"iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:dns:coredns", "aud": []string{"https://kubernetes.default.svc"},
			"kubernetes.io": map[string]any{"namespace": "dns", "serviceaccount": map[string]any{"name": "coredns", "uid": "uid-of-coredns"}},
		})
		c.valid.Store(&jwt)
		rewrite(t, d.cfg.JWTFile, jwt)
	}
	d.turn(t)
	return d
}

func TestLoginByJWTNamesTheRoleAndTheFile(t *testing.T) {
	for _, method := range []string{"jwt", "kubernetes"} {
		d := fakeJWT(method)(t)
		d.set(t, terms{})
		cfg := d.cfg
		cfg.Role = "other"
		v, err := NewVault(cfg)
		check(t, err)
		watch(t, v, nil).fails(t, ErrDenied, "does its role other accept the JWT in "+cfg.JWTFile)
	}
}

func TestServiceAccountTokenIsWhereKubernetesMountsIt(t *testing.T) {
	v, err := NewVault(VaultConfig{Address: "http://127.0.0.1:1", Auth: "kubernetes", Role: "dns"})
	check(t, err)
	watch(t, v, nil).fails(t, ErrDenied, "/var/run/secrets/kubernetes.io/serviceaccount/token")
}

func TestMountOfALoginIsByDefaultItsMethod(t *testing.T) {
	for method := range builders {
		builder := builders[method].fake(t)
		cfg := builder.cfg
		cfg.AuthMount = ""
		v, err := NewVault(cfg)
		check(t, err)
		_, err = v.Read(t.Context(), "config")
		wantError(t, err, ErrDenied, "auth/"+cmp.Or(cfg.AuthMount, method)+"/login")
		if asked := builder.Asked(); !strings.HasSuffix(asked[0], "/v1/auth/"+method+"/login") {
			t.Errorf("%s asks for %q", method, asked)
		}
	}
}
