package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what a command has to say: its JSON to programs, its text to
// people.
type result interface {
	text(w io.Writer)
}

// output prints results.
type output struct{ format format }

func (o *output) print(w io.Writer, r result) error {
	if !o.format.json {
		var b strings.Builder
		r.text(&b)
		_, err := io.WriteString(w, b.String())
		return err
	}
	return o.programs(w, r)
}

// decision is a result that ends the command with a status.
type decision interface {
	result
	status() error
}

// conclude prints a decision, and returns its status.
func (o *output) conclude(w io.Writer, d decision) error {
	if err := o.print(w, d); err != nil {
		return err
	}
	return d.status()
}

// people returns where what is said on the way goes: nowhere for programs.
func (o *output) people(w io.Writer) io.Writer {
	if o.format.json {
		return io.Discard
	}
	return w
}

// programs prints a result that people have been told on the way.
func (o *output) programs(w io.Writer, r result) error {
	if !o.format.json {
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// format is the value of --output.
type format struct{ json bool }

// String, Set and Type make format a flag.
func (f *format) String() string {
	if f.json {
		return "json"
	}
	return "text"
}

// Set reads text or json.
func (f *format) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("%q: write text or json", s)
	}
	f.json = s == "json"
	return nil
}

// Type names what the flag takes, for the help.
func (*format) Type() string { return "FORMAT" }

// table writes rows in columns. Empty cells are shown as a dash.
func table(w io.Writer, rows ...[]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				cell = "-"
			}
			if i < len(row)-1 {
				cell += "\t"
			}
			fmt.Fprint(t, cell)
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // w is in memory
}

// stamp is an instant as people read it, empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// marshalEach is the JSON of list with each element as member has it.
func marshalEach[T, M any](list []T, member func(T) M) ([]byte, error) {
	members := make([]M, 0, len(list))
	for _, t := range list {
		members = append(members, member(t))
	}
	return json.Marshal(members)
}
