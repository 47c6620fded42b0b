package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Finding is something that a log tells of itself.
type Finding struct {
	Where  string // FILE:LINE
	Text   string
	Broken bool // what was written is not what is there; else it is only worth knowing
}

// Verification checks the chain over files, which are read in the order they
// were written. The zero Verification begins with any line: what is before that
// may have been thrown away as it was due.
type Verification struct {
	Lines    int
	First    uint64
	Findings []Finding
	OnLine   func(Line) // may be nil

	chain Chain
	begun bool
	torn  *Finding // the last line, if it is no whole one
}

// Read reads a file of the log to its end. Lines that are no JSON object may stand
// between those of the log.
func (v *Verification) Read(name string, r io.Reader) error {
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		where := fmt.Sprintf("%s:%d", name, n)
		if bytes.HasPrefix(text, []byte("{")) { // others are CoreDNS's own, on the standard output
			v.line(where, bytes.TrimSuffix(text, []byte("\n")))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// line takes a line, which may be torn: a process that ended while it wrote, or
// a disk that was full, left it so.
func (v *Verification) line(where string, text []byte) {
	if _, err := parseLine(text); err != nil {
		v.close()
		v.torn = &Finding{Where: where, Text: err.Error(), Broken: true}
		return
	}
	l, err := v.follow(text)
	switch {
	case err != nil:
		v.close()
		v.find(where, err.Error(), true)
	case v.torn != nil && (l.Event == Started || v.again(where)):
		v.find(v.torn.Where, "a line was torn here, and the log goes on after it", false)
	default:
		v.close()
	}
	v.torn = nil
	v.Lines++
	v.note(where, l)
	if v.OnLine != nil {
		v.OnLine(l)
	}
}

func (v *Verification) follow(text []byte) (Line, error) {
	if v.begun {
		return v.chain.Follow(text)
	}
	l, err := parseLine(text)
	v.begun, v.First = true, l.Seq
	v.chain.advance(l.Seq, text)
	return l, err
}

// again reports whether where begins another file than the torn line is in:
// then that line was written again as a whole.
func (v *Verification) again(where string) bool {
	return bytes.HasSuffix([]byte(where), []byte(":1"))
}

func (v *Verification) note(where string, l Line) {
	switch l.Event {
	case Lost:
		v.find(where, fmt.Sprintf("%d lines were lost before this one; what is served is told anew after it", l.Count), false)
	case Started:
		if l.Seq > 1 {
			v.find(where, fmt.Sprintf("process %d goes on", l.PID), false)
		}
	}
}

// close takes a torn line for a fault.
func (v *Verification) close() {
	if v.torn != nil {
		v.Findings = append(v.Findings, *v.torn)
		v.torn = nil
	}
}

func (v *Verification) find(where, text string, broken bool) {
	v.Findings = append(v.Findings, Finding{where, text, broken})
}

// End ends the verification, and reports whether the chain holds.
func (v *Verification) End() (holds bool) {
	if v.torn != nil {
		v.torn.Text, v.torn.Broken = "the last line is torn, as when a process ends while it writes", false
		v.close()
	}
	for _, f := range v.Findings {
		holds = holds || f.Broken
	}
	return !holds
}

// Chain is where the log ends.
func (v *Verification) Chain() Chain { return v.chain }
