package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// exporting is what an export command was asked for.
type exporting struct {
	vault     documents
	control   bool // the brakes too
	overwrite bool // files that say something else
}

func newExport(out *output) *cobra.Command {
	var e exporting
	cmd := &cobra.Command{
		Use:   "export DIR [--vault=ADDRESS]",
		Short: "Write the documents of Vault to a directory, as apply takes them",
		Long: `Write config, issuers, teams and accounts to DIR, each to a file of its own, so
that a repository can begin with what Vault has: plan finds no difference then. The
same documents are the same octets each time. DIR is made where it is not there.

A file that says the same as Vault is left as it is. Where one says something else
nothing is written, and each such file is told, unless --overwrite is given. No file
is deleted: those of documents that Vault does not have are told.

control is left out, since what is stopped in Vault may be somebody's emergency, and
apply adds to Vault what a directory stops; --control writes it too. index, what is
deleted in Vault and what no server looks for are left out as well. A document that
holds a private key is not copied.

The exit status is 1 if something else is in the way or holds a private key.`,
		Example: `  persistctl export policies --vault=https://vault.example.net:8200`,
		Args:    arity(1, 1),
	}
	e.vault.registerVault(cmd.Flags(), "has the documents")
	cmd.Flags().BoolVar(&e.control, "control", false, "write control too, with the stops and the freeze in force")
	cmd.Flags().BoolVar(&e.overwrite, "overwrite", false, "write over files that say something else")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		done, err := e.run(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return out.conclude(cmd.OutOrStdout(), done)
	}
	return cmd
}

// exported is what an export has come to.
type exported struct {
	Dir     string    `json:"dir"`
	Written []string  `json:"written"`  // documents
	Same    []string  `json:"same"`     // that DIR had already
	Differ  []differs `json:"differ"`   // for which nothing is written
	LeftOut []omitted `json:"left_out"` // of Vault
	Keys    []string  `json:"keys"`     // documents that hold a private key
	Besides []string  `json:"besides"`  // documents that only DIR has
}

// omitted is a document of Vault that is not to be in a directory.
type omitted struct {
	Document string `json:"document"`
	Reason   string `json:"reason"`
}

// differs is a document that DIR has otherwise.
type differs struct {
	Document string   `json:"document"`
	Members  []string `json:"members"`
}

// status is errFound where something is in the way, or not for others to see.
func (e *exported) status() error {
	if len(e.Differ)+len(e.Keys) > 0 {
		return errFound
	}
	return nil
}

func (e *exporting) run(ctx context.Context, dir string) (*exported, error) {
	lib, err := e.vault.load(ctx, "", time.Now().UTC().Truncate(time.Second))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the documents in Vault: %w", err)
	case len(lib.troubles) > 0:
		return nil, fmt.Errorf("not every document in Vault can be read, and nothing is written: %s", lib.troubles[0])
	}
	target, err := makeDirectory(dir)
	if err != nil {
		return nil, err
	}
	done := &exported{Dir: dir, Written: []string{}, Same: []string{}, Differ: []differs{}, LeftOut: []omitted{}, Keys: []string{}, Besides: []string{}}
	writes, err := e.compare(ctx, done, lib.snapshot, target)
	if err != nil || len(done.Differ) > 0 {
		return done, err
	}
	for _, c := range writes {
		if err := target.Write(ctx, c.Document, c.body, c.Replaces); err != nil {
			return nil, err
		}
		done.Written = append(done.Written, c.Document)
	}
	done.Besides, err = onlyIn(ctx, target, lib.snapshot)
	return done, err
}

// makeDirectory opens the directory dir, and makes it where it is not there.
func makeDirectory(dir string) (*store.Directory, error) {
	err := os.MkdirAll(dir, 0o755) // #nosec G301 -- policy is published anyway
	about, ok := errors.AsType[*fs.PathError](err)
	switch {
	case ok && errors.Is(err, syscall.ENOTDIR) && about.Path != dir:
		return nil, fmt.Errorf("%s is a file, so there can be no %s in it: name another directory", about.Path, dir)
	case err != nil && !errors.Is(err, syscall.ENOTDIR):
		return nil, err
	}
	return store.OpenDirectory(dir)
}

// compare returns the files to write, and notes what is not to be.
func (e *exporting) compare(ctx context.Context, done *exported, s *store.Snapshot, target *store.Directory) ([]change, error) {
	var writes []change
	for _, d := range s.Documents {
		why := e.omits(&d)
		switch {
		case why != "":
			done.LeftOut = append(done.LeftOut, omitted{d.ID(), why})
			continue
		case policy.HoldsKey(d.Body):
			done.Keys = append(done.Keys, d.ID())
			continue
		}
		body, err := asFile(d.Body)
		if err != nil {
			return nil, fmt.Errorf("%s is no JSON: %w", d.ID(), err)
		}
		switch was, err := target.Read(ctx, d.Path); {
		case errors.Is(err, store.ErrNotFound):
			writes = append(writes, change{Document: d.Path, body: body})
		case err != nil:
			return nil, err
		case equal(was.Body, body):
			done.Same = append(done.Same, d.Path)
		case e.overwrite:
			writes = append(writes, change{Document: d.Path, Replaces: was.Version, body: body})
		default:
			done.Differ = append(done.Differ, differs{d.Path, differences(was.Body, body)})
		}
	}
	return writes, nil
}

// omits says why a document of Vault is left out, empty if it is not.
func (e *exporting) omits(d *store.Document) string {
	switch {
	case d.Withdrawn:
		return "it is deleted"
	case !policy.IsPath(d.Path):
		return "no server looks for it"
	case d.Path == store.ControlPath && !e.control:
		return "apply would stop again what it stops now: --control writes it too"
	}
	return ""
}

// asFile is the body of a document as people read it. Vault sorts the members.
func asFile(body []byte) ([]byte, error) {
	text := jsontext.Value(slices.Clone(body))
	if err := text.Indent(jsontext.WithIndent("  "), jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// onlyIn lists the documents of a directory that Vault does not have. Its brakes
// are none of them.
func onlyIn(ctx context.Context, target *store.Directory, s *store.Snapshot) ([]string, error) {
	list := []string{}
	for folders := []string{"accounts", "issuers", "teams"}; len(folders) > 0; folders = folders[1:] {
		names, err := target.List(ctx, folders[0])
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			path := folders[0] + "/" + name
			if d := s.Document(path); policy.IsPath(path) && (d == nil || d.Withdrawn) {
				list = append(list, path)
			}
			if inner, ok := strings.CutSuffix(path, "/"); ok && holdsFolders(folders[0]) {
				folders = append(folders, inner)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

func (e *exported) text(w io.Writer) {
	for _, d := range e.LeftOut {
		fmt.Fprintf(w, "left out: %s: %s\n", d.Document, d.Reason)
	}
	for _, id := range e.Keys {
		fmt.Fprintf(w, "not copied: %s holds a private key: remove it, and replace the key, which everybody who may read this has seen\n", id)
	}
	for _, d := range e.Differ {
		fmt.Fprintf(w, "in the way: %s: %s\n", d.Document, strings.Join(d.Members, ", "))
	}
	for _, path := range e.Besides {
		fmt.Fprintf(w, "besides: %s has %s, which Vault does not have: delete the file, or apply makes it\n", e.Dir, path)
	}
	if n := len(e.Differ); n > 0 {
		fmt.Fprintf(w, "Nothing is written: %s of %s would have to be written over: --overwrite does so.\n", counted(n, "document"), e.Dir)
		return
	}
	fmt.Fprintf(w, "%s written to %s; %s as in Vault already.\n", counted(len(e.Written), "document"), e.Dir, counted(len(e.Same), "document"))
}
