package persist

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// refuseKeyFile refuses what is written in the place of the directory that holds
// the key document, where it would become a directory of that name.
func refuseKeyFile(written, path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() || err != nil && filepath.Base(path) == dnssec.KeyFile {
		return fmt.Errorf("%q is a file: write the directory that it lies in, keys dir %s", written, filepath.Dir(written))
	}
	return nil
}

// eachPairOnce refuses what does not name one key pair of BIND, and a pair that
// is named again, such as by its other file.
func eachPairOnce(files []string) error {
	named := map[string]bool{}
	for _, f := range files {
		pair := dnssec.BINDName(f)
		info, err := os.Stat(f)
		switch {
		case err == nil && info.IsDir() || strings.ContainsAny(f, "*?["):
			return fmt.Errorf("%q is not one key pair: write each by its .key or .private file, no pattern and no directory", f)
		case named[pair]:
			return fmt.Errorf("the pair %s is named twice: name it once, by its .key or its .private file", pair)
		}
		named[pair] = true
	}
	return nil
}
