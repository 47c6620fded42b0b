package store

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Ignored is something in a directory that looks like a document and that nobody reads.
type Ignored struct {
	Path   string // with a slash at its end: a folder
	Reason string // and what to write instead
}

// String is a line for a log.
func (i Ignored) String() string { return i.Path + ": " + i.Reason }

// Ignored returns what looks like a document in the directory and is read by nobody,
// sorted by path: a file whose name ends otherwise than in .json, one beside config.json
// that is none of those there, and a folder of another name than issuers, teams and
// accounts that holds such files. What cannot be looked at is left out.
func (d *Directory) Ignored() []Ignored {
	var list []Ignored
	entries, _ := os.ReadDir(d.dir)
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
		case slices.Contains(folders, name):
			for _, file := range d.looksLike(name, func(name string) bool { return !strings.HasSuffix(name, suffix) }) {
				list = append(list, Ignored{file, "is not read, as its name does not end in .json: write JSON to issuers/ISSUER.json, teams/TEAM.json or accounts/TEAM/ISSUER/NAME.json"})
			}
		case !d.isFolder(name):
			if resembles(name) && !slices.Contains(tops, name) {
				list = append(list, Ignored{name, "is not read: only config.json, control.json and index.json stand beside the folders issuers, teams and accounts"})
			}
		case len(d.looksLike(name, func(string) bool { return true })) > 0:
			list = append(list, Ignored{name + "/", "is a folder in which nothing is read: documents are issuers/ISSUER.json, teams/TEAM.json and accounts/TEAM/ISSUER/NAME.json"})
		}
	}
	slices.SortFunc(list, func(a, b Ignored) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// tops are the documents that stand in no folder.
var tops = []string{ConfigPath + suffix, ControlPath + suffix, IndexPath + suffix}

func (d *Directory) isFolder(name string) bool {
	info, err := os.Stat(filepath.Join(d.dir, name))
	return err == nil && info.IsDir()
}

// looksLike returns the files in a folder, and in those in it, that look like documents,
// of which is holds.
func (d *Directory) looksLike(folder string, is func(name string) bool) []string {
	var list []string
	_ = fs.WalkDir(os.DirFS(filepath.Join(d.dir, folder)), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return nil
		case strings.HasPrefix(e.Name(), ".") && e.IsDir():
			return fs.SkipDir
		case !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && resembles(name) && is(name):
			list = append(list, folder+"/"+name)
		}
		return nil
	})
	return list
}

// resembles reports whether a file may be meant to be a document.
func resembles(name string) bool {
	return slices.Contains([]string{suffix, ".jsonc", ".json5", ".yaml", ".yml"}, strings.ToLower(path.Ext(name)))
}
