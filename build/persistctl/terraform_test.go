package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

const terraform = "../terraform"

// terraformBlocks are the blocks of all files, by "type label label".
func terraformBlocks(t *testing.T) map[string]*hclsyntax.Block {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(terraform, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("There are no files: %v", err)
	}
	blocks := map[string]*hclsyntax.Block{}
	parser := hclparse.NewParser()
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		if !bytes.Equal(hclwrite.Format(text), text) {
			t.Errorf("%s is not formatted: run terraform fmt", file)
		}
		parsed, problems := parser.ParseHCL(text, file)
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		for _, b := range parsed.Body.(*hclsyntax.Body).Blocks {
			name := strings.Join(append([]string{b.Type}, b.Labels...), " ")
			if _, twice := blocks[name]; twice && b.Type != "locals" {
				t.Errorf("%s stands twice", name)
			}
			blocks[name] = b
		}
	}
	return blocks
}

// references are the blocks that a block refers to.
func references(b *hclsyntax.Block) []string {
	var list []string
	_ = hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
		if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(e.Traversal) > 1 {
			root := e.Traversal.RootName()
			second, _ := e.Traversal[1].(hcl.TraverseAttr)
			switch {
			case root == "var":
				list = append(list, "variable "+second.Name)
			case strings.HasPrefix(root, "vault_"):
				list = append(list, "resource "+root+" "+second.Name)
			}
		}
		return nil
	})
	return list
}

// Whatever an expression refers to is declared: what terraform validate would
// find without the provider.
func TestTerraformRefersToWhatThereIs(t *testing.T) {
	blocks := terraformBlocks(t)
	found := 0
	for name, b := range blocks {
		for _, target := range references(b) {
			found++
			if blocks[target] == nil {
				t.Errorf("%s refers to %s, which there is not", name, target)
			}
		}
	}
	if found < 10 {
		t.Errorf("Expected many references, got %d", found)
	}
}

// Vault fails what it is asked while it enables an audit device, also what it has
// done by then, so nothing is asked meanwhile; and the trail has all of it.
func TestTerraformBeginsWithTheAuditDevice(t *testing.T) {
	const device = "resource vault_audit file"
	blocks := terraformBlocks(t)
	var follows func(name string) bool
	follows = func(name string) bool {
		b := blocks[name]
		return name == device || b != nil && b.Type == "resource" && slices.ContainsFunc(references(b), follows)
	}
	if blocks[device] == nil {
		t.Fatalf("Expected %s", device)
	}
	for name, b := range blocks {
		if b.Type == "resource" && !follows(name) {
			t.Errorf("%s does not wait for the audit device: have it depend on that, or on what does", name)
		}
	}
}

// printed are the policies of build/terraform, by the arguments of vault-policy.
var printed = map[string][]string{
	"admin":  {"admin"},
	"apply":  {"apply"},
	"keys":   {"keys"},
	"reader": {"server"},
	"server": {"server", "--keys", "persist-keys/example"},
	"team":   {"team"},
}

// The policies are those that vault-policy prints, octet by octet, and each is
// one that Terraform writes.
func TestTerraformWritesThePoliciesOfThisProgram(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(terraform, "policies/*.hcl"))
	must(t, err)
	if len(files) != len(printed) {
		t.Errorf("Expected %d policies, got %v", len(printed), files)
	}
	names := make([]string, 0, len(printed))
	for name, args := range printed {
		want := persistctl(t, append([]string{"vault-policy"}, args...)...)
		file := filepath.Join(terraform, "policies", name+".hcl")
		got, err := os.ReadFile(file)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what persistctl vault-policy %s prints (%v)", file, strings.Join(args, " "), err)
		}
		names = append(names, `"`+name+`"`)
	}
	slices.Sort(names)
	text, err := os.ReadFile(filepath.Join(terraform, "policies.tf"))
	must(t, err)
	list := regexp.MustCompile(`policies = toset\(\[(.*)\]\)`).FindSubmatch(text)
	if list == nil || string(list[1]) != strings.Join(names, ", ") {
		t.Errorf("Expected the policies %v, got %q", names, list)
	}
}
