package docs

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// chapter is a page and who reads it: somebody with a token of policies, or
// Vault's own administrator where there are none.
type chapter struct {
	page     string
	policies []string
}

// stories are pages whose commands are typed one after the other, from a new
// Vault and an empty directory on.
var stories = map[string][]chapter{
	"visitor":  {{page: "README.md"}},
	"company":  {{page: "docs/vault.md"}, {page: "docs/teams.md", policies: asTeam}, {page: "docs/clients.md", policies: asTeam}},
	"operator": {{page: "docs/operators.md"}},
	"reader":   {{page: "docs/policy.md"}, {page: "docs/failures.md"}},
}

// asTeam are the policies that the guides give a team.
var asTeam = []string{"persist-reader", "persist-team-web"}

func TestCommandsWorkAsTheyStand(t *testing.T) {
	for _, program := range []string{"dig", "delv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: as root, run: apt-get install bind9-dnsutils", err)
		}
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, c := range story {
				w.become(w.token(c.policies))
				w.read(readPage(t, c.page))
			}
		})
	}
}

func TestEveryPageIsRead(t *testing.T) {
	var read []string
	for _, story := range stories {
		for _, c := range story {
			read = append(read, c.page)
		}
	}
	for _, p := range pages(t) {
		if !slices.Contains(read, p.name) {
			t.Errorf("Nobody types the commands of %s", p.name)
		}
	}
}

// token is one with the given policies, the root token where there are none.
func (w *world) token(policies []string) string {
	w.t.Helper()
	if policies == nil {
		return w.vault.RootToken
	}
	token, err := w.vault.Token(w.t.Context(), time.Hour, policies...)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// read types every command of a page. The first that fails ends it, for those
// after it build on it.
func (w *world) read(p page) {
	w.t.Helper()
	for _, b := range p.of("sh") {
		commands := b.commands(w.t)
		if b.expected != nil && len(commands) != 1 {
			w.t.Fatalf("%s, %s: a block with an output has %d commands, and must have one", p.name, b.section, len(commands))
		}
		for _, c := range commands {
			if err := w.typeIn(w.t.Context(), c, expectations(c, b.expected)); err != nil {
				w.t.Fatalf("%s, %s: %v", p.name, b.section, err)
			}
		}
	}
}

var (
	serving = regexp.MustCompile(`^(make run|bin/coredns -conf \S+)$`)
	making  = regexp.MustCompile(`^make (\w+)$`)
	looking = regexp.MustCompile(`^(dig|delv) `)
)

// typeIn runs a command and fails unless its output is as expected. What looks
// at the server is tried again until the server has caught up.
func (w *world) typeIn(ctx context.Context, command string, expected []expectation) error {
	switch {
	case serving.MatchString(command):
		return w.serve(ctx, command)
	case making.MatchString(command):
		return nil // proved elsewhere
	case looking.MatchString(command) && w.server == nil:
		return fmt.Errorf("%s\nno server was started before", command)
	case looking.MatchString(command):
		var last error
		return w.server.Retry(ctx, func(ctx context.Context) error {
			if err := w.try(ctx, command, expected); err == nil || ctx.Err() == nil {
				last = err
			}
			return last
		})
	}
	return w.try(ctx, command, expected)
}

func (w *world) try(ctx context.Context, command string, expected []expectation) error {
	out, err := w.run(ctx, command)
	for _, e := range expected {
		if err == nil && !e.met(out) {
			err = fmt.Errorf("%s\nexpected %s, got\n%s", command, e.what, out)
		}
	}
	return err
}

// expectation is what the output of a command must be like.
type expectation struct {
	what string
	met  func(output string) bool
}

// expectations are what the page says of the output, and what goes without
// saying.
func expectations(command string, expected *string) []expectation {
	var list []expectation
	if expected != nil {
		list = append(list, like(*expected))
	}
	if strings.HasPrefix(command, "delv ") {
		list = append(list, expectation{"fully validated", func(out string) bool { return strings.Contains(out, "fully validated") }})
	}
	if strings.HasPrefix(command, "dig ") && strings.Contains(command, " +dnssec") {
		signed := regexp.MustCompile(`(?m)^_validation-persist\.\S+\s+\d+\s+IN\s+TXT\s+".*\n.*\sRRSIG\s+TXT\s`)
		list = append(list, expectation{"a record and its signature", signed.MatchString})
	}
	return list
}

// like expects an output that reads like pattern, in which … is any text. White
// space is all alike.
func like(pattern string) expectation {
	parts := strings.Split(strings.Join(strings.Fields(pattern), " "), "…")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	re := regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`)
	return expectation{"the output\n" + pattern, func(out string) bool {
		return re.MatchString(strings.Join(strings.Fields(out), " "))
	}}
}

func TestOutputsAreHeldAgainstThePage(t *testing.T) {
	for _, c := range []struct {
		pattern, output string
		met             bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a … b\n", "a 1 2\n3   b", true},
		{"a … b", "a 1 b c", false},
		{"…", "whatever", true},
		{"a.c", "abc", false},
	} {
		if got := like(c.pattern).met(c.output); got != c.met {
			t.Errorf("%q for %q: expected %t, got %t", c.output, c.pattern, c.met, got)
		}
	}
}

func TestWhatDoesNotWorkIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.become(w.vault.RootToken)
	ctx, unsigned := t.Context(), "other\n"
	for _, c := range []struct {
		command  string
		expected *string
	}{
		{"false", nil},
		{"false | cat", nil},
		{"no-such-command", nil},
		{"vault kv get persist/config", nil},
		{"bin/persistctl lint docs", nil},
		{"echo this", &unsigned},
		{"dig @127.0.0.1 -p 1053 TXT example.com", nil},
	} {
		if err := w.typeIn(ctx, c.command, expectations(c.command, c.expected)); err == nil {
			t.Errorf("Expected %q to fail", c.command)
		}
	}
	if err := w.typeIn(ctx, "export A=1 && true", nil); err != nil {
		t.Fatal(err)
	}
	if err := w.typeIn(ctx, "echo $A", expectations("", new("1"))); err != nil {
		t.Errorf("Expected an exported variable to stay: %v", err)
	}
}

// Two servers on one port share the queries, and every other answer is signed by
// another key.
func TestRunRefusesAPortThatIsTaken(t *testing.T) {
	w := newWorld(t)
	w.become(w.vault.RootToken)
	if err := w.serve(t.Context(), "make run"); err != nil {
		t.Fatal(err)
	}
	out, err := w.run(t.Context(), "timeout 10 make -o build run")
	if err == nil || !strings.Contains(out, "Something serves on port "+port+" already") {
		t.Errorf("Expected it to say that the port is taken, got %v\n%s", err, out)
	}
	if err := w.ask(t.Context()); err != nil {
		t.Errorf("Expected the first one to go on: %v", err)
	}
}

func TestVaultIsConnectedByEightCommandsAtMost(t *testing.T) {
	const section, most = "Serve it from your Vault", 8
	readme, n := readPage(t, "README.md"), 0
	for _, b := range readme.of("sh") {
		if b.section == section {
			n += len(b.commands(t))
		}
	}
	if n == 0 || n > most {
		t.Errorf("Expected 1 to %d commands under %q, got %d", most, section, n)
	}
}
