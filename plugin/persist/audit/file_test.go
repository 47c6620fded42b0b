package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"
)

// desk is a log in a file, with a zone to tell of.
type desk struct {
	*audit.Log
	t      *testing.T
	path   string
	lost   atomic.Int64
	failed atomic.Pointer[error]
	view   *audit.View
	book   *policy.Book
	read   atomic.Int64 // minutes after the first version was read
}

func newDesk(t *testing.T, path string) *desk {
	t.Helper()
	d := &desk{t: t, path: path}
	now := d.now
	var err error
	d.Log, err = audit.Open(path, audit.Options{
		Now: now, Written: func(int) {}, Lost: func(n int) { d.lost.Add(int64(n)) }, Failed: func(err error) { d.failed.Store(&err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	z, err := zone.New(zone.Config{Origin: "example.com", NS: []string{"ns.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	d.view = audit.NewView("store", []*zone.Zone{z}, func(record.FQDN) *zone.Zone { return z }, nil)
	d.view.Now = now
	return d
}

func (d *desk) now() time.Time {
	return policytest.Read.Add(time.Duration(d.read.Load()) * time.Minute)
}

// grant has names granted by the next version of the account's document.
func (d *desk) grant(names ...string) {
	d.t.Helper()
	version := int(d.read.Add(1))
	documents := policytest.Standard().Account(`"domains": "` + strings.Join(names, ",") + `"`)
	d.book = policy.Compile(d.book, documents.Snapshot(version, d.now()), policy.Brakes{})
	d.Take(d.view, d.book)
	d.Sync()
}

func lines(t *testing.T, files ...string) []audit.Line {
	t.Helper()
	var all []audit.Line
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(bytes.NewReader(text))
		in.Buffer(nil, 1<<24)
		for in.Scan() {
			var l audit.Line
			if err := json.Unmarshal(in.Bytes(), &l); err == nil {
				all = append(all, l)
			}
		}
	}
	return all
}

func events(all []audit.Line) []audit.Event {
	list := make([]audit.Event, 0, len(all))
	for _, l := range all {
		list = append(list, l.Event)
	}
	return list
}

// verify returns what is broken, and what else there is to say.
func verify(t *testing.T, files ...string) (broken, told []string) {
	t.Helper()
	var v audit.Verification
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Read(filepath.Base(name), bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	holds := v.End()
	for _, f := range v.Findings {
		if f.Broken {
			broken = append(broken, f.Where+" "+f.Text)
		} else {
			told = append(told, f.Where+" "+f.Text)
		}
	}
	if holds != (len(broken) == 0) {
		t.Errorf("Expected the chain to hold where nothing is broken: %t, %q", holds, broken)
	}
	return broken, told
}

func TestFileIsReadableByTheGroupOnly(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "audit.log"))
	d.Sync()
	info, err := os.Stat(d.path)
	if err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("Expected mode 0640 or less, got %v, %v", info.Mode(), err)
	}
}

func TestChangedLineIsFoundWhereItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := newDesk(t, path)
	d.grant("example.com")
	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		d.grant("example.com", name)
	}
	d.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if broken, _ := verify(t, path); broken != nil {
		t.Fatalf("Expected an unbroken chain, got %q", broken)
	}
	list := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	for name, c := range map[string]struct {
		change func() []string
		where  string
	}{
		"changed": {func() []string {
			l := slices.Clone(list)
			l[2] = strings.Replace(l[2], "a.example", "x.example", 1)
			l[2] = strings.Replace(l[2], `"at":"2026`, `"at":"2025`, 1)
			return l
		}, "audit.log:4 "},
		"left out":  {func() []string { return slices.Delete(slices.Clone(list), 3, 4) }, "audit.log:4 "},
		"added":     {func() []string { return slices.Insert(slices.Clone(list), 3, list[2]) }, "audit.log:4 "},
		"swapped":   {func() []string { l := slices.Clone(list); l[2], l[3] = l[3], l[2]; return l }, "audit.log:3 "},
		"not JSON":  {func() []string { l := slices.Clone(list); l[2] = "{\n"; return l }, "audit.log:3 "},
		"begun new": {func() []string { return append(slices.Clone(list), "\n", list[0]) }, ""},
	} {
		if err := os.WriteFile(path, []byte(strings.Join(c.change(), "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if broken, _ := verify(t, path); len(broken) == 0 || !strings.HasPrefix(broken[0], c.where) {
			t.Errorf("%s: expected a break at %s, got %q", name, c.where, broken)
		}
	}
}

// On the standard output stands what CoreDNS logs too. A line of the log that is
// made to look like that is missed.
func TestLinesOfOthersAreNoBreak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := newDesk(t, path)
	d.grant("example.com")
	d.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for mixed, holds := range map[string]bool{
		"[INFO] plugin/persist\n" + strings.ReplaceAll(string(whole), "\n", "\n[INFO] more\n\n"): true,
		strings.Replace(string(whole), `{"seq":2`, ` {"seq":2`, 1):                               false,
	} {
		if err := os.WriteFile(path, []byte(mixed), 0o600); err != nil {
			t.Fatal(err)
		}
		if broken, _ := verify(t, path); (broken == nil) != holds {
			t.Errorf("Expected %t, got %q of\n%s", holds, broken, mixed)
		}
	}
}

func TestRestartGoesOnWithTheChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	first := newDesk(t, path)
	first.grant("example.com")
	first.Close()
	second := newDesk(t, path)
	second.grant("a.example.com")
	second.Close()
	broken, told := verify(t, path)
	if broken != nil || len(told) != 1 || !strings.Contains(told[0], "goes on") {
		t.Errorf("Expected the restart to be told and the chain to hold, got %q and %q", broken, told)
	}
	var r audit.Replay
	for _, l := range lines(t, path) {
		r.Take(l)
	}
	if got := r.Served("example.com."); len(got) != 1 || got["a.example.com"] == nil {
		t.Errorf("Expected a.example.com alone to be served after the restart, got %v", got)
	}
}

func TestTornLineIsToldAndSurvived(t *testing.T) {
	for name, cut := range map[string]int{"in the middle": 40, "before the newline": 1} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			first := newDesk(t, path)
			first.grant("example.com")
			first.Close()
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, whole[:len(whole)-cut], 0o600); err != nil {
				t.Fatal(err)
			}
			if broken, _ := verify(t, path); broken != nil {
				t.Errorf("Expected a torn end to be no break, got %q", broken)
			}
			newDesk(t, path).Close()
			broken, told := verify(t, path)
			if broken != nil || cut > 1 && !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "torn here") }) {
				t.Errorf("Expected the torn line to be told and survived, got %q and %q", broken, told)
			}
		})
	}
}

// Both ways of logrotate: the file gets another name, or is emptied.
func TestRotatedFilesAreOneChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := newDesk(t, path)
	d.grant("example.com")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	d.grant("a.example.com")
	d.grant("b.example.com")
	if broken, _ := verify(t, path+".1", path); broken != nil {
		t.Errorf("Expected one chain over both files, got %q", broken)
	}
	if got := events(lines(t, path)); !slices.Contains(got, audit.Added) || slices.Contains(got, audit.Started) {
		t.Errorf("Expected the changes since in the new file, got %v", got)
	}
	if broken, _ := verify(t, path); broken != nil {
		t.Errorf("Expected the newer file alone to verify: the older one may be gone, got %q", broken)
	}
	if err := os.Rename(path, path+"-20261126"); err != nil {
		t.Fatal(err)
	}
	d.Close()
	newDesk(t, path).Close()
	if broken, _ := verify(t, path+".1", path+"-20261126", path); broken != nil {
		t.Errorf("Expected a restart after a rotation to go on with the chain, got %q", broken)
	}
	again := newDesk(t, path)
	again.grant("example.com")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+".copy", text, 0o600), os.Truncate(path, 0)); err != nil {
		t.Fatal(err)
	}
	again.grant("c.example.com")
	if broken, _ := verify(t, path+".copy", path); broken != nil {
		t.Errorf("Expected a file that was emptied to go on, got %q", broken)
	}
}

func TestRemovedFileIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := newDesk(t, path)
	d.grant("example.com")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d.grant("a.example.com")
	if got := events(lines(t, path)); !slices.Contains(got, audit.Added) {
		t.Errorf("Expected the changes since in a new file, got %v", got)
	}
}

func TestOtherFilesAreNotWrittenTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.db")
	if err := os.WriteFile(path, []byte("example.com. IN NS ns.example.net.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := audit.Open(path, audit.Options{Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "is no audit log") {
		t.Errorf("Expected a refusal, got %v", err)
	}
	taken := newDesk(t, filepath.Join(t.TempDir(), "audit.log"))
	if _, err := audit.Open(taken.path, audit.Options{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("Expected a file that is written already to be refused, got %v", err)
	}
}

// /dev/full takes nothing, as a full disk does.
func TestFullDiskLosesLinesAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	d := newDesk(t, path)
	d.Sync()
	if err := d.failed.Load(); err == nil || *err == nil {
		t.Fatal("Expected the failure to be told")
	}
	long := strings.Repeat("a.", 90)
	for i := 0; d.lost.Load() == 0; i++ {
		d.grant(long+"example.com", string(rune('a'+i%26))+"."+long+"example.com", string(rune('a'+i/26%26))+"x."+long+"example.com")
		if i > 5000 {
			t.Fatal("Expected lines to be lost once too many wait")
		}
	}
	d.grant("b.example.com")
	if err := os.Remove(path); err != nil { // there is room again
		t.Fatal(err)
	}
	d.grant("c.example.com")
	if err := d.failed.Load(); err == nil || *err != nil {
		t.Error("Expected the recovery to be told")
	}
	d.grant("d.example.com")
	d.Close()
	if broken, told := verify(t, path); broken != nil || !strings.Contains(strings.Join(told, "\n"), "were lost before this one") {
		t.Errorf("Expected the loss to be told in an unbroken chain, got %q and %q", broken, told)
	}
	var r audit.Replay
	for _, l := range lines(t, path) {
		if l.Event == audit.Left {
			break
		}
		r.Take(l)
	}
	if got := r.Served("example.com."); len(got) != 1 || got["d.example.com"] == nil {
		t.Errorf("Expected what is served to be known in spite of the loss, got %v", got)
	}
}

// A disk that does not answer must not be waited for.
func TestNobodyWaitsForADiskThatHangs(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	t.Cleanup(func() {
		os.Stdout = stdout
		r.Close()
		w.Close()
	})
	d := &desk{t: t}
	d.Log, err = audit.Open(audit.Stdout, audit.Options{Now: d.now, Written: func(int) {}, Lost: func(int) {}, Failed: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	view := audit.NewView(strings.Repeat("x", 1<<20), nil, nil, nil)
	view.Now = func() time.Time { return policytest.Read }
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			d.Refused(view, []error{errors.New("one"), nil}[i%2])
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Expected whoever tells not to wait for a pipe that nobody reads")
	}
}

// A fault of ours must not end the server, nor leave the log untrue.
func TestFaultOfTheLedgerEndsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := newDesk(t, path)
	d.grant("example.com")
	faulty := false
	z, err := zone.New(zone.Config{Origin: "example.com", NS: []string{"ns.example.net"}, TTL: 300, Grace: time.Hour, MaxStale: 72 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	view := audit.NewView("store", []*zone.Zone{z}, func(record.FQDN) *zone.Zone {
		if faulty {
			panic("a fault")
		}
		return z
	}, nil)
	view.Now, d.view = d.now, view
	d.grant("example.com")
	faulty = true
	d.grant("a.example.com")
	if err := d.failed.Load(); err == nil || *err == nil || !strings.Contains((*err).Error(), "please report it") {
		t.Errorf("Expected the fault to be told, got %v", err)
	}
	faulty = false
	d.grant("a.example.com", "b.example.com")
	all := lines(t, path)
	var r audit.Replay
	for _, l := range all {
		r.Take(l)
	}
	if got := r.Served("example.com."); len(got) != 2 || !slices.Contains(events(all), audit.Lost) {
		t.Errorf("Expected what is served to be told anew after the fault, got %v by %v", got, events(all))
	}
	if broken, _ := verify(t, path); broken != nil {
		t.Errorf("Expected an unbroken chain, got %q", broken)
	}
}
