//go:build linux

package chaos

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// mutant is a server with one rule of docs/failures.md broken: a line of the
// source, and what stands in its place. Where the usual edits would need longer to
// bring it out, it says which do.
type mutant struct {
	what, file, line, by string
	edits                []string
}

var mutants = []mutant{
	{"a document that is not valid takes back what it said", "policy/edition.go",
		"e.counts = prev.counts",
		"read = nil", nil},
	{"a document that is not valid restricts nothing", "policy/edition.go",
		"if read != nil {",
		"if read != nil && false {", []string{"break", "break", "break", "mend"}},
	{"the stop of a domain does not count", "policy/scope.go",
		`if scope := (Scope{"domain", string(up)}); s.stopped[scope] {`,
		`if scope := (Scope{"domain", string(up)}); s.stopped[scope] && false {`, nil},
	{"silence is not borne for long", "zone/rotation.go",
		"return min(z.maxStale, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)",
		"return min(4*time.Second, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)", nil},
	{"nothing is read again after a failure", "store/loop.go",
		"l.scanDue = now.Add(l.wait.Next(maxWait))",
		"l.scanDue = now.Add(l.wait.Next(maxWait) + time.Hour)", nil},
}

// A server that breaks a rule is found out by the same run, with one fault
// instead of all: Vault has too much to do for six seconds.
func TestAServerThatBreaksARuleIsFoundOut(t *testing.T) {
	if *duration == 0 || *duration >= long {
		t.Skip("To be run alone, and by the short run: go test ./test/chaos -chaos 60s")
	}
	for _, m := range mutants {
		t.Run(m.what, func(t *testing.T) {
			t.Parallel() // they wait, for the most part
			plan := []trouble{{network[1:2], 6 * time.Second, bound}}
			w, e := newWorld(t, m.build(t), *seed)
			if m.edits != nil {
				e.usual = m.edits
			}
			o := play(t, w, e, plan, len(plan), 0)
			if len(o.contradictions) == 0 && o.slowest() < plan[0].limit() {
				t.Fatalf("Nobody noticed, in %d answers", len(o.answers))
			}
			t.Logf("%d contradictions in %d answers; recovery took %v", len(o.contradictions), len(o.answers), o.slowest().Round(time.Second))
			for _, c := range o.contradictions[:min(1, len(o.contradictions))] {
				t.Log(c)
			}
		})
	}
}

// build compiles a server with the line replaced.
func (m mutant) build(t *testing.T) (program string) {
	t.Helper()
	root, err := parts.Root()
	must(t, err)
	program = filepath.Join(t.TempDir(), "coredns")
	overlay := parts.Overlay(t, filepath.Join(root, "plugin/persist", m.file), m.line, m.by)
	build := exec.Command("go", "build", "-ldflags=-s -w", "-tags=grpcnotrace", "-overlay", overlay, "-o", program, "./build/coredns") // #nosec G204 -- what is here
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
