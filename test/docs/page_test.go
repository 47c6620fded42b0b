package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the root of the repository.
const root = "../.."

// manual is the plugin's page for the manual of CoreDNS.
const manual = "plugin/persist/README.md"

// page is a Markdown file.
type page struct {
	name   string // relative to the root
	text   string
	blocks []block
}

// block is a fenced block of a page.
type block struct {
	section  string // the heading before it
	language string // the first word after the fence
	about    string // the second
	text     string
	expected *string // the txt block directly after a sh block, if there is one
}

// pages are the README and the guides.
func pages(t *testing.T) []page {
	t.Helper()
	guides, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("There are no guides: %v", err)
	}
	all := make([]page, 0, 1+len(guides))
	all = append(all, readPage(t, "README.md"))
	for _, guide := range guides {
		all = append(all, readPage(t, filepath.Join("docs", filepath.Base(guide))))
	}
	return all
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: name, text: string(text)}
	p.findBlocks()
	return p
}

var fence = regexp.MustCompile("^(```|~~~) ?(\\S*) ?(\\S*)$")

// findBlocks takes the fenced blocks out of the text.
func (p *page) findBlocks() {
	section, open, adjacent := "", "", false
	var b block
	for line := range strings.Lines(p.text) {
		line = strings.TrimSuffix(line, "\n")
		m := fence.FindStringSubmatch(line)
		switch {
		case open != "" && line == open:
			open = ""
			p.add(b, adjacent)
			adjacent = true
		case open != "":
			b.text += line + "\n"
		case m != nil:
			open, b = m[1], block{section: section, language: m[2], about: m[3]}
		case strings.HasPrefix(line, "#"):
			section, adjacent = strings.TrimSpace(strings.TrimLeft(line, "#")), false
		case line != "":
			adjacent = false
		}
	}
}

// add adds b, or where it is txt and stands directly after a sh block makes it
// what that is expected to print.
func (p *page) add(b block, adjacent bool) {
	if adjacent && b.language == "txt" {
		if last := &p.blocks[len(p.blocks)-1]; last.language == "sh" && last.expected == nil {
			last.expected = &b.text
			return
		}
	}
	p.blocks = append(p.blocks, b)
}

// of returns the blocks in a language.
func (p *page) of(language string) []block {
	var list []block
	for _, b := range p.blocks {
		if b.language == language {
			list = append(list, b)
		}
	}
	return list
}

// commands splits a sh block where bash says that a command is complete.
func (b block) commands(t *testing.T) []string {
	t.Helper()
	var list []string
	command := ""
	for line := range strings.Lines(b.text) {
		if command == "" && strings.TrimSpace(line) == "" {
			continue
		}
		command += line
		if !strings.HasSuffix(line, "\\\n") && complete(t, command) {
			list = append(list, strings.TrimSpace(command))
			command = ""
		}
	}
	if command != "" {
		t.Errorf("Expected complete commands, got\n%s", command)
	}
	return list
}

// complete reports whether bash takes text as it stands. Of a here-document
// that does not end it warns only.
func complete(t *testing.T, text string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", text).CombinedOutput()
	return err == nil && len(out) == 0
}

func TestBlocksAndCommandsAreFound(t *testing.T) {
	p := page{text: strings.Join([]string{
		"# Title", "```sh", "one \\", "  two", "cat <<END", "three", "END", "echo 'a", "b'", "```", "",
		"```txt", "a", "b", "```", "## Part", "```json config", "{}", "```", "```txt", "apart", "```",
	}, "\n") + "\n"}
	p.findBlocks()
	if len(p.blocks) != 3 || p.blocks[1].about != "config" || p.blocks[1].section != "Part" {
		t.Fatalf("Expected three blocks, got %+v", p.blocks)
	}
	if got := p.blocks[0].expected; got == nil || *got != "a\nb\n" {
		t.Errorf("Expected the output of the first block, got %v", got)
	}
	got := strings.Join(p.blocks[0].commands(t), "|")
	if want := "one \\\n  two|cat <<END\nthree\nEND|echo 'a\nb'"; got != want {
		t.Errorf("Expected %q, got %q", want, got)
	}
}
