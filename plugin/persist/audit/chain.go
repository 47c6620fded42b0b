package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Chain is where a log ends. The zero Chain is that of one without lines.
type Chain struct {
	Seq  uint64            // of the last line
	Hash [sha256.Size]byte // of the last line, without its newline
}

// Append makes l the next line of the chain, and returns it as it is written,
// with a newline.
func (c *Chain) Append(l Line) []byte {
	l.Seq, l.Prev, l.At = c.Seq+1, hex.EncodeToString(c.Hash[:]), l.At.Round(0).UTC()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic(fmt.Sprintf("audit: a line that is no JSON: %v", err)) // of strings, numbers and years to 9999
	}
	c.advance(l.Seq, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return text.Bytes()
}

// Follow makes text, a line without its newline, the end of the chain. It fails
// where the line does not follow the one before, and goes on from it then.
func (c *Chain) Follow(text []byte) (Line, error) {
	l, err := parseLine(text)
	if err != nil {
		return l, err
	}
	before := *c
	c.advance(l.Seq, text)
	switch {
	case l.Seq != before.Seq+1:
		return l, fmt.Errorf("line %d follows line %d", l.Seq, before.Seq)
	case l.Prev != hex.EncodeToString(before.Hash[:]):
		return l, fmt.Errorf("line %d does not carry the hash of line %d, so one of them is not what was written", l.Seq, before.Seq)
	}
	return l, nil
}

func (c *Chain) advance(seq uint64, text []byte) { c.Seq, c.Hash = seq, sha256.Sum256(text) }

// parseLine reads a line. One that was cut off anywhere is an error.
func parseLine(text []byte) (l Line, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("is no line of an audit log: %w", err)
	}
	if l.Seq == 0 || len(l.Prev) != 2*sha256.Size || strings.Trim(l.Prev, "0123456789abcdef") != "" {
		return l, errors.New("is no line of an audit log: it has no seq or no prev")
	}
	return l, nil
}
