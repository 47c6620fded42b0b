package storetest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Role is what a login at an auth mount must say, and what the token may do
// that comes of it.
type Role struct {
	Says        map[string]string // the members of a login, all of them
	Certificate string            // in PEM, which the client must show; empty: none

	Policies        []string // only a token with the policy persist may read
	TTL             time.Duration
	Batch           bool // token_type=batch
	NoDefaultPolicy bool // token_no_default_policy=true: it may not renew and revoke itself
}

// tokens is what the server knows of who may do what. While it knows of no
// role, any token may read.
type tokens struct {
	roles   map[string]Role // by auth mount
	valid   map[string]Role // as it was at the login, by token
	wrapped map[string]wrapped
	made    int
}

type wrapped struct{ path, secretID string }

// SetRole makes or changes the one role of an auth mount.
func (f *Server) SetRole(mount string, r Role) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tokens.roles == nil {
		f.tokens = tokens{roles: map[string]Role{}, valid: map[string]Role{}, wrapped: map[string]wrapped{}}
	}
	f.tokens.roles[mount] = r
}

// Valid reports whether the server takes a token.
func (f *Server) Valid(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.tokens.valid[token]
	return ok
}

// Revoke ends a token.
func (f *Server) Revoke(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tokens.valid, token)
}

// Wrap returns a token that can be turned once into the secret ID that was made
// at a path.
func (f *Server) Wrap(path, secretID string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens.made++
	token := fmt.Sprintf("hvs.wrapping-%d", f.tokens.made)
	f.tokens.wrapped[token] = wrapped{path, secretID}
	return token
}

// authorize answers a request itself unless its token may read.
func (f *Server) authorize(w http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tokens.roles == nil {
		return true
	}
	role, ok := f.tokens.valid[r.Header.Get("X-Vault-Token")]
	switch {
	case !ok:
		refuseToken(w)
	case !slices.Contains(role.Policies, "persist"):
		refusePolicy(w)
	default:
		return true
	}
	return false
}

func refuseToken(w http.ResponseWriter) {
	Refuse(w, http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
}

func refusePolicy(w http.ResponseWriter) {
	Refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
}

// authenticate serves what is below auth and sys/wrapping.
func (f *Server) authenticate(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := r.Header.Get("X-Vault-Token")
	switch strings.TrimPrefix(r.URL.Path, "/v1/") {
	case "auth/token/renew-self":
		f.tokens.renew(w, token)
	case "auth/token/revoke-self":
		f.tokens.revoke(w, token)
	case "sys/wrapping/lookup":
		f.tokens.lookup(w, r)
	case "sys/wrapping/unwrap":
		f.tokens.unwrap(w, token)
	default:
		f.tokens.login(w, r)
	}
}

func (t *tokens) login(w http.ResponseWriter, r *http.Request) {
	role, ok := t.roles[strings.TrimPrefix(path.Dir(r.URL.Path), "/v1/auth/")]
	var said map[string]string
	switch {
	case !ok:
		refusePolicy(w)
	case json.NewDecoder(r.Body).Decode(&said) != nil || fmt.Sprint(said) != fmt.Sprint(role.Says):
		Refuse(w, http.StatusBadRequest, "invalid role or secret ID")
	case role.Certificate != "" && role.Certificate != shown(r):
		Refuse(w, http.StatusBadRequest, "invalid certificate or no client certificate supplied")
	default:
		t.made++
		token := fmt.Sprintf("hvs.test-%d", t.made)
		t.valid[token] = role
		answer(w, token, role)
	}
}

// shown is the certificate of the client, in PEM.
func shown(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.TLS.PeerCertificates[0].Raw}))
}

func answer(w http.ResponseWriter, token string, role Role) {
	accessor := "accessor-of-" + token
	if role.Batch {
		accessor = ""
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"auth": map[string]any{
		"client_token": token, "accessor": accessor, "renewable": !role.Batch, "lease_duration": int(role.TTL.Seconds()),
	}})
}

func (t *tokens) renew(w http.ResponseWriter, token string) {
	role, ok := t.valid[token]
	switch {
	case !ok:
		refuseToken(w)
	case role.NoDefaultPolicy:
		refusePolicy(w)
	case role.Batch:
		Refuse(w, http.StatusBadRequest, "batch tokens cannot be renewed")
	default:
		answer(w, token, role)
	}
}

func (t *tokens) revoke(w http.ResponseWriter, token string) {
	role, ok := t.valid[token]
	switch {
	case !ok:
		refuseToken(w)
	case role.NoDefaultPolicy:
		refusePolicy(w)
	case role.Batch:
		Refuse(w, http.StatusBadRequest, "batch tokens cannot be revoked")
	default:
		delete(t.valid, token)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (t *tokens) lookup(w http.ResponseWriter, r *http.Request) {
	var said struct{ Token string }
	_ = json.NewDecoder(r.Body).Decode(&said)
	if about, ok := t.wrapped[said.Token]; ok {
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"creation_path": about.path}})
		return
	}
	Refuse(w, http.StatusBadRequest, "wrapping token is not valid or does not exist")
}

func (t *tokens) unwrap(w http.ResponseWriter, token string) {
	if about, ok := t.wrapped[token]; ok {
		delete(t.wrapped, token)
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"secret_id": about.secretID}})
		return
	}
	Refuse(w, http.StatusBadRequest, "wrapping token is not valid or does not exist")
}
