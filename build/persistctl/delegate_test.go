package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/miekg/dns"
)

// delegated runs persistctl delegate with the arguments given.
func delegated(t *testing.T, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	if status := execute(append([]string{"delegate"}, args...), &out, &complaints); status != exitOK {
		t.Fatalf("Expected success, got %d: %s", status, complaints.String())
	}
	return out.String()
}

// The three forms are read by the programs they are for.
func TestAllFormsOfADelegationSayTheSame(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := dnssec.InitDir(keys, "example", dns.ECDSAP256SHA256, time.Now(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"example.com", "www.example.org", "--zone", "persist.example.net", "--targets"},
		{"example.com", "www.example.org", "--ns", "ns1.example.net,ns2.example.net", "--keys", keys},
		{"--zone", "persist.example.net", "--targets", "--ns", "ns1.example.org", "--keys", keys},
	} {
		want := inZoneFile(t, delegated(t, args...))
		if len(want) == 0 {
			t.Errorf("%q: expected records", args)
		}
		if diff := cmp.Diff(want, inJSON(t, delegated(t, append(args, "-o", "json")...))); diff != "" {
			t.Errorf("%q: JSON differs (-zone file +JSON):\n%s", args, diff)
		}
		if diff := cmp.Diff(want, inTerraform(t, delegated(t, append(args, "--terraform")...))); diff != "" {
			t.Errorf("%q: Terraform differs (-zone file +Terraform):\n%s", args, diff)
		}
	}
}

// inZoneFile are the records of a zone file, each in presentation form.
func inZoneFile(t *testing.T, text string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	zone := dns.NewZoneParser(strings.NewReader(text), ".", "")
	for rr, ok := zone.Next(); ok; rr, ok = zone.Next() {
		all[rr.String()] = true
	}
	if err := zone.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func inJSON(t *testing.T, text string) map[string]bool {
	t.Helper()
	var found struct {
		Records []struct {
			Name, Type string
			TTL        uint32
			Data       []string
		}
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, r := range found.Records {
		for _, data := range r.Data {
			all[fmt.Sprintf("%s\t%d\tIN\t%s\t%s", r.Name, r.TTL, r.Type, data)] = true
		}
	}
	return all
}

// inTerraform evaluates the one local value as Terraform does.
func inTerraform(t *testing.T, text string) map[string]bool {
	t.Helper()
	file, problems := hclparse.NewParser().ParseHCL([]byte(text), "delegation.tf")
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	content, problems := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "locals"}}})
	if problems.HasErrors() || len(content.Blocks) != 1 {
		t.Fatalf("Expected one block, got %v, %v", content, problems)
	}
	attributes, problems := content.Blocks[0].Body.JustAttributes()
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	value, problems := attributes["persist_delegation"].Expr.Value(nil)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	all := map[string]bool{}
	for key, r := range value.AsValueMap() {
		name, rrtype := r.GetAttr("name").AsString(), r.GetAttr("type").AsString()
		if key != name+" "+rrtype {
			t.Errorf("Expected the key to name the RRset, got %q", key)
		}
		ttl, _ := r.GetAttr("ttl").AsBigFloat().Uint64()
		for _, data := range r.GetAttr("records").AsValueSlice() {
			all[fmt.Sprintf("%s\t%d\tIN\t%s\t%s", name, ttl, rrtype, data.AsString())] = true
		}
	}
	return all
}
