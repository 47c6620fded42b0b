package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/audit"

	"github.com/spf13/cobra"
)

func newAudit(out *output) *cobra.Command {
	return group("audit", "Check the server's audit log, and say what it tells was served",
		newAuditServed(out),
		newAuditVerify(out),
	)
}

func newAuditVerify(out *output) *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check that nothing in an audit log was changed or left out since it was written",
		Long: `Check the chain of an audit log over the files that logrotate has made of it, which
may be given in any order, compressed by gzip or not: each line must have the next
number, and the SHA-256 of the line before. Print where it breaks, and also where a
process went on, where a line is torn because one did not end in order, and where
lines were lost because a disk was full. Lines before the oldest file are not
missed.

Whoever can write the files can make a chain of their own, or take lines off the
end: keep the number and the hash of the last line, which are printed, somewhere
else. The exit status is 1 if the chain breaks.`,
		Example: `  persistctl audit verify audit.log
  persistctl audit verify audit.log*`,
		Args: arity(1, anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			report := verification{Findings: []breakage{}}
			v := &audit.Verification{OnLine: func(l audit.Line) { report.last(l) }}
			if err := readAudit(v, args); err != nil {
				return err
			}
			report.conclude(v)
			if err := out.print(cmd.OutOrStdout(), report); err != nil {
				return err
			}
			if !report.Holds {
				return errFound
			}
			return nil
		},
	}
}

// verification is what became of a chain.
type verification struct {
	Holds    bool       `json:"holds"`
	Lines    int        `json:"lines"`
	First    uint64     `json:"first"` // sequence numbers
	Last     uint64     `json:"last"`
	At       string     `json:"at"`   // of the last line
	Hash     string     `json:"hash"` // of the last line
	Findings []breakage `json:"findings"`
}

type breakage struct {
	Where  string `json:"where"`
	Text   string `json:"text"`
	Broken bool   `json:"broken"`
}

func (v *verification) last(l audit.Line) { v.At = stamp(l.At) }

func (v *verification) conclude(of *audit.Verification) {
	v.Holds = of.End()
	v.Lines, v.First = of.Lines, of.First
	chain := of.Chain()
	v.Last, v.Hash = chain.Seq, hex.EncodeToString(chain.Hash[:])
	for _, f := range of.Findings {
		v.Findings = append(v.Findings, breakage(f))
	}
}

func (v verification) text(w io.Writer) {
	for _, f := range v.Findings {
		word := "note"
		if f.Broken {
			word = "broken"
		}
		fmt.Fprintf(w, "%s: %s: %s\n", word, f.Where, f.Text)
	}
	verdict := "the chain holds"
	if !v.Holds {
		verdict = "the chain is broken"
	}
	fmt.Fprintf(w, "%d lines, %d to %d, the last of %s with SHA-256 %s: %s\n", v.Lines, v.First, v.Last, cmp.Or(v.At, "no instant"), v.Hash, verdict)
}

// readAudit reads files in the order they were written.
func readAudit(v *audit.Verification, names []string) error {
	type file struct {
		name string
		text []byte
		seq  uint64
	}
	files := make([]file, 0, len(names))
	for _, name := range names {
		text, err := readMaybeZipped(name)
		if err != nil {
			return err
		}
		files = append(files, file{name, text, firstSeq(text)})
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.seq, b.seq) })
	for _, f := range files {
		if err := v.Read(filepath.Base(f.name), bytes.NewReader(f.text)); err != nil {
			return err
		}
	}
	if v.Lines == 0 {
		return fmt.Errorf("no line of an audit log is in %s", names[0])
	}
	return nil
}

func readMaybeZipped(name string) ([]byte, error) {
	if isDirectory(name) {
		return nil, fmt.Errorf("%s is a directory: name the file that audit in the Corefile names", name)
	}
	text, err := os.ReadFile(name) // #nosec G304 -- named by the user
	if err != nil || !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		return text, err
	}
	zipped, err := gzip.NewReader(bytes.NewReader(text))
	if err == nil {
		text, err = io.ReadAll(zipped)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// firstSeq is the number of the first line that has one.
func firstSeq(text []byte) uint64 {
	for in := bufio.NewReader(bytes.NewReader(text)); ; {
		line, err := in.ReadBytes('\n')
		var l audit.Line
		if json.Unmarshal(line, &l) == nil && l.Seq > 0 {
			return l.Seq
		}
		if err != nil {
			return 0
		}
	}
}
