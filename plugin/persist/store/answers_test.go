package store

import (
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
