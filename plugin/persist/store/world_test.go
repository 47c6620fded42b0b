package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"golang.org/x/time/rate"
)

// world is a store that a test can write.
type world interface {
	put(t *testing.T, path, body string)
	drop(t *testing.T, path string) // without a word
	source(t *testing.T) Source
}

// versioned is a world that says what was deleted.
type versioned interface {
	world
	remove(t *testing.T, path string) // soft-delete
	undelete(t *testing.T, path string)
	destroy(t *testing.T, path string)
}

// worlds are the kinds of store that there are, each made empty. The same tests
// on a real Vault and on the fake show that the fake is like it.
var worlds = map[string]func(*testing.T) world{
	"directory": func(t *testing.T) world { t.Helper(); return &files{dir: t.TempDir()} },
	"vault":     func(t *testing.T) world { t.Helper(); return newMount(t) },
	"fake":      func(t *testing.T) world { t.Helper(); return newFake(t) },
}

// vaults are those that say what was deleted.
var vaults = map[string]func(*testing.T) versioned{
	"vault": func(t *testing.T) versioned { t.Helper(); return newMount(t) },
	"fake":  func(t *testing.T) versioned { t.Helper(); return newFake(t) },
}

// files is a directory of documents.
type files struct {
	dir   string
	clock int
}

func (f *files) put(t *testing.T, path, body string) {
	t.Helper()
	name := filepath.Join(f.dir, path+".json")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
	// Files of one test may be written within one tick of the file system.
	f.clock++
	modified := time.Date(2026, 11, 1, 0, f.clock, 0, 0, time.UTC)
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func (f *files) drop(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(f.dir, path+".json")); err != nil {
		t.Fatal(err)
	}
}

func (f *files) source(t *testing.T) Source {
	t.Helper()
	d, err := OpenDirectory(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// shared and secured are the Vaults of all tests, over http and over https; each
// test has a mount of its own.
var (
	running []*parts.Vault
	shared  = sync.OnceValues(func() (*parts.Vault, error) { return run(parts.VaultOptions{}) })
	secured = sync.OnceValues(func() (*parts.Vault, error) { return run(parts.VaultOptions{TLS: true}) })
)

func run(options parts.VaultOptions) (*parts.Vault, error) {
	v, err := parts.StartVault(context.Background(), options)
	if err == nil {
		running = append(running, v)
	}
	return v, err
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, v := range running {
		if err := v.Stop(); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// mount is a KV version 2 mount of a real Vault.
type mount struct {
	*parts.Vault
	name string
}

var mounts atomic.Int64

func newMount(t *testing.T) *mount {
	t.Helper()
	return newMountOf(t, shared)
}

func newMountOf(t *testing.T, server func() (*parts.Vault, error)) *mount {
	t.Helper()
	v, err := server()
	check(t, err)
	m := &mount{v, fmt.Sprintf("persist-%d", mounts.Add(1))}
	check(t, m.Mount(t.Context(), m.name))
	return m
}

func (m *mount) put(t *testing.T, path, body string) {
	t.Helper()
	check(t, m.Put(t.Context(), m.name, path, body))
}

func (m *mount) drop(t *testing.T, path string) {
	t.Helper()
	check(t, m.Purge(t.Context(), m.name, path))
}

func (m *mount) remove(t *testing.T, path string) {
	t.Helper()
	check(t, m.Delete(t.Context(), m.name, path))
}

func (m *mount) undelete(t *testing.T, path string) {
	t.Helper()
	check(t, m.Undelete(t.Context(), m.name, path, m.newest(t, path)))
}

func (m *mount) destroy(t *testing.T, path string) {
	t.Helper()
	check(t, m.Destroy(t.Context(), m.name, path, m.newest(t, path)))
}

func (m *mount) newest(t *testing.T, path string) int {
	t.Helper()
	about, err := m.Client.KVv2(m.name).GetMetadata(t.Context(), path)
	check(t, err)
	return about.CurrentVersion
}

// source reads with no more rights than a server has.
func (m *mount) source(t *testing.T) Source {
	t.Helper()
	check(t, m.Policy(t.Context(), m.name, strings.ReplaceAll(`
		path "MOUNT/data/*"     { capabilities = ["read"] }
		path "MOUNT/metadata/*" { capabilities = ["list"] }`, "MOUNT", m.name)))
	token, err := m.Token(t.Context(), time.Hour, m.name)
	check(t, err)
	return m.open(t, token)
}

func (m *mount) open(t *testing.T, token string) *Vault {
	t.Helper()
	t.Setenv("VAULT_TOKEN", token)
	v, err := NewVault(VaultConfig{Address: m.Address, Mount: m.name, CACert: m.CA})
	check(t, err)
	return v
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) read() (time.Time, time.Duration) {
	now := c.now()
	return now, now.Sub(time.Unix(0, 0))
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// log is an observer that remembers.
type log struct {
	infos, warnings []string
	scans           []error
	troubles        map[Trouble]int
}

func (l *log) Scanned(_ time.Time, err error) { l.scans = append(l.scans, err) }
func (l *log) Troubled(n map[Trouble]int)     { l.troubles = n }
func (l *log) Info(line string)               { l.infos = append(l.infos, line) }
func (l *log) Warning(line string)            { l.warnings = append(l.warnings, line) }

// rig is a watcher with the clock and the log of a test.
type rig struct {
	*Watcher
	clock     *clock
	log       *log
	snapshots []*Snapshot
}

func watch(t *testing.T, source Source, initial *Snapshot) *rig {
	t.Helper()
	r := &rig{clock: &clock{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}, log: &log{}}
	r.Watcher = NewWatcher(source, Options{
		Refresh:    time.Minute,
		Index:      5 * time.Second,
		Clock:      NewClock(r.clock.read),
		OnSnapshot: func(s *Snapshot) { r.snapshots = append(r.snapshots, s) },
		Observer:   r.log,
		Initial:    initial,
	})
	r.pace.limiter = rate.NewLimiter(fullPace, 1000) // waiting would move the clock
	r.sleep = func(ctx context.Context, d time.Duration) error {
		r.clock.advance(d)
		return ctx.Err()
	}
	if v, ok := source.(*Vault); ok {
		v.now = r.clock.now
	}
	return r
}

// scan scans once a minute has passed, and wants no error.
func (r *rig) scan(t *testing.T) *Snapshot {
	t.Helper()
	r.clock.advance(time.Minute)
	check(t, r.Scan(t.Context()))
	return r.Snapshot()
}

// fails scans once a minute has passed, and wants an error that is class and
// says all of texts.
func (r *rig) fails(t *testing.T, class error, texts ...string) {
	t.Helper()
	r.clock.advance(time.Minute)
	wantError(t, r.Scan(t.Context()), class, texts...)
}

// document returns a document that must be there.
func (r *rig) document(t *testing.T, path string) *Document {
	t.Helper()
	d := r.Snapshot().Document(path)
	if d == nil {
		t.Fatalf("There is no %s", path)
	}
	return d
}

// filled puts documents of every kind into w, and watches it.
func filled[W world](t *testing.T, w W) (W, *rig) {
	t.Helper()
	fill(t, w)
	return w, watch(t, w.source(t), nil)
}
