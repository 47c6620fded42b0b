package store

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// agent stands before a Vault and adds a token to requests, as Vault Agent does
// that has use_auto_auth_token and require_request_header set.
func agent(t *testing.T, vault, token string) (socket string) {
	t.Helper()
	to, err := url.Parse(vault)
	check(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if r.Out.Header.Get("X-Vault-Token") == "" && token != "" {
			r.Out.Header.Set("X-Vault-Token", token)
		}
	}}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Request") != "true" {
			http.Error(w, "missing 'X-Vault-Request' header", http.StatusPreconditionFailed)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	socket = filepath.Join(t.TempDir(), "agent.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	check(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { check(t, server.Close()) })
	return socket
}

func TestAgentAddsItsTokenToRequestsThatHaveNone(t *testing.T) {
	m := newMount(t)
	fill(t, m)
	t.Setenv("VAULT_TOKEN", "hvs.not-this-one")
	v, err := NewVault(VaultConfig{Address: "unix://" + agent(t, m.Address, m.RootToken), Mount: m.name, Auth: "agent"})
	check(t, err)
	watch(t, v, nil).scan(t)
	check(t, v.Close(t.Context()))
}

func TestTokenThatCannotBeReplacedHereIsSaidHow(t *testing.T) {
	m := newMount(t)
	t.Setenv("VAULT_TOKEN", "hvs.nonsense")
	file := write(t, "token", "hvs.nonsense")
	for says, cfg := range map[string]VaultConfig{
		"start with another one in VAULT_TOKEN": {},
		"write another one to " + file:          {Auth: "token_file", TokenFile: file},
		"use_auto_auth_token":                   {Auth: "agent"},
	} {
		cfg.Address, cfg.Mount = m.Address, m.name
		if cfg.Auth == "agent" {
			cfg.Address = "unix://" + agent(t, m.Address, "")
		}
		v, err := NewVault(cfg)
		check(t, err)
		watch(t, v, nil).fails(t, ErrDenied, says)
	}
}
