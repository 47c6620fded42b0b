package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const owner = "_validation-persist.example.com."

// persistctl runs a command line that must succeed, and returns its output.
func persistctl(t *testing.T, args ...string) string {
	t.Helper()
	var out, complaint strings.Builder
	if status := execute(args, &out, &complaint); status != exitOK {
		t.Fatalf("persistctl %s: expected status 0, got %d: %s", strings.Join(args, " "), status, complaint.String())
	}
	return out.String()
}

// serve starts a CoreDNS that serves zones by documents, and returns it with
// the directories of the documents and of the keys.
func serve(t *testing.T, documents policytest.Documents, zones ...string) (server *parts.Server, policies, keys string) {
	t.Helper()
	policies, keys = t.TempDir(), filepath.Join(t.TempDir(), "keys")
	documents.Write(t, policies)
	persistctl(t, "keys", "init", "--dir", keys, "--name", "example")
	return parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Zone:    zones[0],
		Plugins: fmt.Sprintf("persist %s {\npolicies %s\nkeys dir %s\nns ns1.example.net ns2.example.net\n}", strings.Join(zones, " "), policies, keys),
	}), policies, keys
}

// ask asks as a resolver does that wants signatures, over UDP or TCP.
func ask(t *testing.T, server *parts.Server, network, name string, qtype uint16) *dns.Msg {
	t.Helper()
	query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, true)
	client := dns.Client{Net: network, UDPSize: 1232}
	reply, _, err := client.ExchangeContext(t.Context(), query, server.Address)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestShowPrintsWhatAServerAnswers(t *testing.T) {
	server, policies, keys := serve(t, policytest.Standard(), owner)

	for _, qtype := range []uint16{dns.TypeTXT, dns.TypeA, dns.TypeNSEC, dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY} {
		t.Run(dns.Type(qtype).String(), func(t *testing.T) {
			show := func() (shown sections) {
				out := persistctl(t, "show", "example.com", policies, "--keys", keys, "--zone", owner,
					"--ns", "ns1.example.net,ns2.example.net", "--type", dns.Type(qtype).String(), "-o", "json")
				if err := json.Unmarshal([]byte(out), &shown); err != nil {
					t.Fatal(err)
				}
				return shown
			}
			for {
				before := show()
				reply := ask(t, server, "tcp", owner, qtype)
				if cmp.Equal(before, show()) { // else a signature or persistUntil changed in between
					want := sections{dns.RcodeToString[reply.Rcode], lines(reply.Answer), lines(reply.Ns)}
					if diff := cmp.Diff(want, before); diff != "" {
						t.Errorf("Shown differs from answered (-server +persistctl):\n%s", diff)
					}
					return
				}
			}
		})
	}
}

// sections are those of an answer, as show prints them.
type sections struct {
	Rcode             string
	Answer, Authority []string
}

func TestAnchorIsTrustedByDelv(t *testing.T) {
	server, _, keys := serve(t, policytest.Standard(), owner)
	anchor := filepath.Join(t.TempDir(), "anchor")
	if err := os.WriteFile(anchor, []byte(persistctl(t, "keys", "ds", owner, "--dir", keys, "--delv")), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(server.Address, ":")

	out, err := exec.CommandContext(t.Context(), "delv", "@"+host, "-p", port, "-a", anchor, "+root="+owner, owner, "TXT").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "; fully validated") {
		t.Errorf("Expected delv to validate, got %v:\n%s", err, out)
	}
}

// TestLintWarnsOfWhatIsTruncated holds the warning against the server: it
// warns of exactly the names whose answers do not come over UDP.
func TestLintWarnsOfWhatIsTruncated(t *testing.T) {
	const most = 12
	var zones []string
	documents := policytest.Standard().With(policytest.Documents{"accounts/web/ca/a": ""})
	for n := 1; n <= most; n++ {
		zones = append(zones, fmt.Sprintf("_validation-persist.n%d.example.com.", n))
		// Account number n is granted the names n, n+1 and so on, so a name has
		// as many records as its number says.
		domains := map[string]struct{}{}
		for i := n; i <= most; i++ {
			domains[fmt.Sprintf("n%d.example.com", i)] = struct{}{}
		}
		body, err := json.Marshal(map[string]any{"account_uri": fmt.Sprintf("%s-%d", policytest.AccountURI, n), "domains": domains})
		if err != nil {
			t.Fatal(err)
		}
		documents[fmt.Sprintf("accounts/web/ca/n%d", n)] = string(body)
	}
	server, policies, _ := serve(t, documents, zones...)
	lint := persistctl(t, "lint", policies)

	truncated := map[bool][]string{}
	for _, zone := range zones {
		name := strings.TrimSuffix(strings.TrimPrefix(zone, "_validation-persist."), ".")
		tc := ask(t, server, "udp", zone, dns.TypeTXT).Truncated
		truncated[tc] = append(truncated[tc], name)
		if warned := strings.Contains(lint, fmt.Sprintf("domains[%q]: has ", name)); warned != tc {
			t.Errorf("%s: truncated by the server: %v, warned of: %v", name, tc, warned)
		}
	}
	if len(truncated) != 2 {
		t.Errorf("Expected names of both kinds, got %v", slices.Collect(maps.Values(truncated)))
	}
}

func TestStatusKnowsWhenTheSignaturesOverKeysExpire(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	policies := t.TempDir()
	policytest.Standard().Write(t, policies)
	persistctl(t, "keys", "init", "--dir", keys, "--name", "example")
	const at = "2027-03-01T00:00:00Z"

	shown := persistctl(t, "show", policies, "--keys", keys, "--zone", owner, "--ns", "ns1.example.net", "--type", "DNSKEY", "--at", at)
	var expires string
	for line := range strings.Lines(shown) {
		if rr, err := dns.NewRR(line); err == nil && rr != nil && rr.Header().Rrtype == dns.TypeRRSIG {
			e := strings.Fields(line)[8] // YYYYMMDDHHmmSS
			expires = fmt.Sprintf("%s-%s-%sT%s:%s:%sZ", e[:4], e[4:6], e[6:8], e[8:10], e[10:12], e[12:])
		}
	}
	status := persistctl(t, "keys", "status", owner, "--dir", keys, "--at", at)
	if expires == "" || !strings.HasSuffix(status, "and expire at "+expires+".\n") {
		t.Errorf("Expected the signatures to expire at %q, got:\n%s", expires, status)
	}
}
