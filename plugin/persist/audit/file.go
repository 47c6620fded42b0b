package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// mostPending is how much waits to be written, in octets, before lines are lost.
	mostPending = 1 << 20
	// writeAt is how much is gathered before it is written.
	writeAt = 64 << 10
	// longestLine is more than any line has, in octets: 500 names with their
	// text, and the records of one.
	longestLine = 1 << 20
)

// file is what lines are appended to. It follows a name: where the file was
// renamed or removed, as by logrotate, the next line goes to a new one.
type file struct {
	path string // empty: a stream that has no name to follow
	f    *os.File

	pending []byte // begins with a line
	done    int    // how much of pending is written already, less than a line
}

// ending is how a file ends.
type ending struct {
	Chain
	torn  int  // octets of the last line, if that is no whole one
	ended bool // by a newline, or it is empty
}

// openFile opens a log for going on with it.
func openFile(path string) (f *file, end ending, err error) {
	f = &file{path: path}
	if err := f.open(); err != nil {
		return nil, end, err
	}
	if end, err = f.end(); err != nil {
		_ = f.f.Close()
		return nil, end, err
	}
	if !end.ended {
		f.append([]byte("\n"))
	}
	return f, end, nil
}

func (f *file) open() error {
	opened, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640) // #nosec G302 G304 -- for the group of whoever collects logs; named in the Corefile
	if err != nil {
		return err
	}
	if err := lock(opened); err != nil {
		_ = opened.Close()
		return fmt.Errorf("%s is written by another process already: give each a file of its own (%w)", f.path, err)
	}
	f.f = opened
	return nil
}

// end finds where the chain ends: in the file, or where that is empty in the
// newest of those that it was before.
func (f *file) end() (ending, error) {
	info, err := f.f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > 0 {
		return endOf(f.f, info, err)
	}
	for _, name := range f.before() {
		if end, err := endOfNamed(name); err == nil && end.Seq > 0 {
			return ending{Chain: end.Chain, ended: true}, nil
		}
	}
	return ending{ended: true}, nil
}

func endOfNamed(name string) (ending, error) {
	f, err := os.Open(name) // #nosec G304 -- beside the one that is named in the Corefile
	if err != nil {
		return ending{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	return endOf(f, info, err)
}

// before are the files that have the name with more behind it, the newest first.
func (f *file) before() []string {
	names, _ := filepath.Glob(f.path + "[.-]*")
	slices.SortFunc(names, func(a, b string) int { return modified(b).Compare(modified(a)) })
	return names
}

func modified(name string) (at time.Time) {
	if info, err := os.Stat(name); err == nil {
		at = info.ModTime()
	}
	return at
}

// endOf finds the last whole line of a log. What is no regular file has none.
func endOf(f io.ReaderAt, info fs.FileInfo, err error) (ending, error) {
	end := ending{ended: true}
	if err != nil || !info.Mode().IsRegular() {
		return end, err
	}
	from := max(0, info.Size()-2*longestLine)
	text := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
		return end, err
	}
	lines := bytes.Split(text, []byte("\n"))
	last := lines[len(lines)-1]
	end.ended = len(last) == 0
	for _, line := range slices.Backward(lines) {
		if l, err := parseLine(line); err == nil {
			end.advance(l.Seq, line)
			return end, nil
		}
		end.torn = len(last)
	}
	if len(text) > 0 && !strings.HasPrefix(string(text), firstOctets[:min(len(text), len(firstOctets))]) {
		return end, errors.New("is no audit log: name a file that is, or one that is not there yet")
	}
	return end, nil
}

// firstOctets are those of a log from its beginning.
const firstOctets = `{"seq":1,`

// hasRoom reports whether another line can be appended.
func (f *file) hasRoom() bool { return len(f.pending) < mostPending }

// append takes a line, to be written by flush.
func (f *file) append(line []byte) { f.pending = append(f.pending, line...) }

// flush writes what is pending. What it could not write it tries again next time.
func (f *file) flush() error {
	if len(f.pending) == 0 {
		return nil
	}
	if err := f.follow(); err != nil {
		return err
	}
	n, err := f.f.Write(f.pending[f.done:])
	f.done += n
	whole := bytes.LastIndexByte(f.pending[:f.done], '\n') + 1
	f.pending = f.pending[:copy(f.pending, f.pending[whole:])]
	f.done -= whole
	return err
}

// follow opens the file anew where the name is not its any more. A line of which
// a part was written is written again as a whole.
func (f *file) follow() error {
	if f.path == "" {
		return nil
	}
	named, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if is, statErr := f.f.Stat(); statErr == nil && err == nil && os.SameFile(named, is) {
		return nil
	}
	before := f.f
	if err := f.open(); err != nil {
		return err
	}
	f.done = 0
	return before.Close()
}

// close writes what is left, to the disk.
func (f *file) close() error {
	err := f.flush()
	if f.path == "" {
		return err
	}
	return errors.Join(err, f.f.Sync(), f.f.Close())
}
