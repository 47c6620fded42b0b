package store

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"
)

// unversioned returns a KV version 1 mount that has something at data/zone, which a
// write of a path zone would replace there without asking.
func unversioned(t *testing.T) *mount {
	t.Helper()
	m := newMount(t)
	one := &mount{m.Vault, m.name + "-v1"}
	ctx := t.Context()
	t.Cleanup(func() { check(t, m.Client.Sys().UnmountWithContext(context.WithoutCancel(ctx), one.name)) })
	_, err := m.Client.Logical().WriteWithContext(ctx, "sys/mounts/"+one.name, map[string]any{"type": "kv", "options": map[string]any{"version": "1"}})
	check(t, err)
	_, err = m.Client.Logical().WriteWithContext(ctx, one.name+"/data/zone", map[string]any{"seed": "s1"})
	check(t, err)
	return one
}

func TestNothingIsOverwrittenWhereVaultKeepsNoVersions(t *testing.T) {
	one := unversioned(t)
	ctx := t.Context()
	// What a policy for the path in KV version 2 allows is enough to be told.
	check(t, one.Policy(ctx, one.name, strings.ReplaceAll(`
		path "MOUNT/data/zone"   { capabilities = ["create", "update"] }
		path "MOUNT/delete/zone" { capabilities = ["create", "update"] }`, "MOUNT", one.name)))
	token, err := one.Token(ctx, time.Hour, one.name)
	check(t, err)
	for name, v := range map[string]*Vault{"root": one.open(t, one.RootToken), "writer": one.open(t, token)} {
		for what, err := range map[string]error{
			"secret":   v.WriteSecret(ctx, one.name, "zone", []byte(`{"seed":"s2"}`), 0),
			"document": v.Write(ctx, "zone", []byte(`{"seed":"s2"}`), "3"),
			"removal":  v.Remove(ctx, "zone", "3"),
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				wantError(t, err, nil, one.name, "nothing is written", "vault kv enable-versioning "+one.name)
				if !errors.Is(err, ErrNoVersions) {
					t.Errorf("Expected a class of its own, got %v", err)
				}
			})
		}
	}
	if s, err := one.Client.Logical().ReadWithContext(ctx, one.name+"/data/zone"); err != nil || s.Data["seed"] != "s1" {
		t.Errorf("Expected the seed that was there, got %v, %v", s, err)
	}
	if s, err := one.Client.Logical().ReadWithContext(ctx, one.name+"/delete/zone"); err != nil || s != nil {
		t.Errorf("Expected nothing, got %v, %v", s, err)
	}
}

func TestAMountThatMayNotBeWrittenIsToldFromOneThatIsNotThere(t *testing.T) {
	m := newMount(t)
	ctx := t.Context()
	err := m.open(t, m.RootToken).WriteSecret(ctx, "nowhere", "zone", []byte(`{}`), 0)
	wantError(t, err, ErrDenied, "nowhere/data/zone", "if mount nowhere is there")
	token, err := m.Token(ctx, time.Hour, "default")
	check(t, err)
	err = m.open(t, token).WriteSecret(ctx, m.name, "zone", []byte(`{}`), 0)
	wantError(t, err, ErrDenied, "needs update (and create) on "+m.name+"/data/zone")
}

func TestOnceAMountIsKnownItIsNotAskedForAgain(t *testing.T) {
	f := newFake(t)
	f.put(t, "teams/web", `{}`)
	v := f.vault(t)
	_, err := v.Read(t.Context(), "teams/web")
	check(t, err)
	f.Fail(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			t.Errorf("Expected no question, got %s", r.URL.Path)
		}
		_, _ = w.Write([]byte(`{"data":{"version":2}}`))
	})
	check(t, v.Write(t.Context(), "teams/web", []byte(`{}`), "1"))
}

// A stop is written though Vault's kinds of mounts may be asked for by nobody.
func TestAMountWithASentinelIsWrittenWhereSysIsKeptFromEverybody(t *testing.T) {
	f := newFake(t)
	v := f.vault(t)
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/v1/sys/internal/ui/mounts/persist":
			storetest.Refuse(w, http.StatusForbidden, "permission denied")
		case r.Method == http.MethodPut && r.URL.Path == "/v1/persist/data/control":
			_, _ = w.Write([]byte(`{"data":{"version":1}}`))
		default:
			return false
		}
		return true
	})
	wantError(t, v.Write(t.Context(), "control", []byte(`{"stop": "all"}`), ""), ErrDenied, "if mount persist is there")
	f.put(t, "config", `{"schema": 1}`)
	check(t, v.Write(t.Context(), "control", []byte(`{"stop": "all"}`), ""))
}

// Between whoever answers and Vault there may be somebody who changes the path.
func TestAWriteWithoutAVersionInItsAnswerIsNoSuccess(t *testing.T) {
	f := newFake(t)
	f.put(t, "teams/web", `{}`)
	v := f.vault(t)
	_, err := v.Read(t.Context(), "teams/web")
	check(t, err)
	f.Fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	err = v.Write(t.Context(), "teams/web", []byte(`{}`), "1")
	wantError(t, err, nil, "persist/data/teams/web", "may be written")
}
