package conformance

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// clock is what a program takes for the time.
type clock struct{ library, file string }

func newClock(t *testing.T) clock {
	t.Helper()
	dir := t.TempDir()
	source, err := testdata.ReadFile("testdata/clock.c")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "clock.c"), string(source))
	output(t, dir, "gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", "clock.so", "clock.c")
	c := clock{filepath.Join(dir, "clock.so"), filepath.Join(dir, "ahead")}
	c.advance(t, 0)
	return c
}

// env is the environment of the programs that go by the clock.
func (c clock) env() []string {
	return []string{"LD_PRELOAD=" + c.library, "CLOCK_AHEAD=" + c.file}
}

// advance moves the clock to so far ahead of ours. It writes in place, into the
// page that the programs look at.
func (c clock) advance(t *testing.T, by time.Duration) {
	t.Helper()
	file, err := os.OpenFile(c.file, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := binary.Write(file, binary.NativeEndian, int64(by/time.Second)); err != nil {
		t.Fatal(err)
	}
}
