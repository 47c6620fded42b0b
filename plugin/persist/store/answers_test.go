package store

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// A client that remembers an answer must return what one returns that sees it
// for the first time, whatever has changed in between.
func TestAnAnswerThatIsRememberedSaysTheSame(t *testing.T) {
	f := newFake(t)
	const path = "teams/web"
	v := f.vault(t)
	for _, change := range []struct {
		name string
		make func()
	}{
		{"new", func() { f.Put(path, `{"a":{"data":1}}`) }},
		{"nothing", func() {}},
		{"version of the same body", func() { f.Put(path, `{"a":{"data":1}}`) }},
		{"version of another one", func() { f.Put(path, `{"a":{"data":2}}`) }},
		{"body alone", func() { f.Last(path, func(v *storetest.Version) { v.Body = `{"a":{"data":3}}` }) }},
		{"number alone", func() { f.Last(path, func(v *storetest.Version) { v.Number = 7 }) }},
		{"deletion", func() { f.remove(t, path) }},
		{"nothing after it", func() {}},
		{"return", func() { f.undelete(t, path) }},
		{"destruction", func() { f.destroy(t, path) }},
	} {
		change.make()
		for range 2 {
			got, err := v.Read(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := f.vault(t).Read(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: the document differs (-fresh +got):\n%s", change.name, diff)
			}
		}
	}
	if k, ok := v.answers.recall("persist/data/" + path); !ok || k.secret.Metadata.Version != 7 {
		t.Errorf("Expected the last answer to be remembered, got %+v", k)
	}
}

// Whoever knows a version is told of every other one, with its body.
func TestOnlyTheBodyThatIsKnownIsLeftOut(t *testing.T) {
	f := newFake(t)
	const path = "teams/web"
	v := f.vault(t)
	read := func(known *Document) *Document {
		d, err := v.Reread(t.Context(), path, known)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	f.Put(path, `{"a":1}`)
	first := read(nil)
	released := *first
	released.Body = nil
	if d := read(&released); d.Body != nil || !d.same(first) || d.Withdrawn {
		t.Errorf("Expected the same version without its body, got %+v", d)
	}
	if d := read(nil); string(d.Body) != `{"a":1}` {
		t.Errorf("Expected the body where no version is known, got %+v", d)
	}
	f.Put(path, `{"a":2}`)
	if d := read(&released); string(d.Body) != `{"a":2}` {
		t.Errorf("Expected the body of another version, got %+v", d)
	}
	f.remove(t, path)
	if d := read(&released); !d.Withdrawn {
		t.Errorf("Expected to be told of the deletion, got %+v", d)
	}
	f.undelete(t, path)
	withdrawn := *read(nil)
	withdrawn.Withdrawn, withdrawn.Body = true, nil
	if d := read(&withdrawn); string(d.Body) != `{"a":2}` {
		t.Errorf("Expected the body of a version that was deleted, got %+v", d)
	}
}

// What is read belongs to whoever reads it.
func TestDocumentsOfTwoReadsShareNoMemory(t *testing.T) {
	f := newFake(t)
	f.Put("teams/web", `{"a":1}`)
	v := f.vault(t)
	for range 3 {
		d, err := v.Read(t.Context(), "teams/web")
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Body) != `{"a":1}` {
			t.Fatalf("Expected what was written, got %s", d.Body)
		}
		clear(d.Body)
	}
}

// A version that was read in a scan of which nothing counts is as new to the next
// scan, though it says what the one before said, of which the body is dropped.
func TestANewVersionOfTheSameBodyHasIt(t *testing.T) {
	const path = "teams/web"
	f, r := loaded(t)
	r.options.OnSnapshot = func(s *Snapshot) {
		r.snapshots = append(r.snapshots, s)
		r.Release(s)
	}
	r.Release(r.Snapshot())
	r.options.Accept = func(config, _ *Document) error {
		if string(config.Body) != `{"schema":1}` {
			return errors.New("is another one")
		}
		return nil
	}
	f.put(t, path, `{"b":2}`)
	f.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, path) {
			f.put(t, ConfigPath, `{"other":1}`)
		}
		return false
	})
	r.fails(t, ErrRefused)
	f.Heal()
	f.put(t, ConfigPath, `{"schema":1}`)
	r.scan(t)
	for _, s := range r.snapshots {
		if d := s.Document(path); d.Version == "2" && string(d.Body) == `{"b":2}` {
			return
		}
	}
	t.Errorf("The body of version 2 is in none of the snapshots, the last is %+v", r.Snapshot().Document(path))
}
