package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/hashicorp/vault/api"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
)

// noWait keeps each of the many programs that a test with the race detector runs
// from sleeping for a second before it ends.
const noWait = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin") // where some have BIND's tools
	os.Setenv("GORACE", noWait)
	testscript.Main(m, map[string]func(){"persistctl": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values["vault"] = new(parts.Vault)
			env.Values["parent"] = new(parts.NSD)
			env.Setenv("GORACE", noWait)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":        exits,
			"verifies":     verifies,
			"same-records": sameRecords,
			"vault":        vault,
			"parent":       parent,
		},
	})
}

// exits runs a command that must end with a status: exits STATUS COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	status := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("Expected the exit status %s, got %d", args[0], status)
	}
}

// verifies lets another implementation, miekg/dns, verify the RRSIG records of
// one file with the DNSKEY records of another, at an instant:
// verifies FILE KEYS INSTANT. There must be a signature over every RRset.
func verifies(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: verifies FILE KEYS INSTANT")
	}
	at, err := time.Parse(time.RFC3339, args[2])
	ts.Check(err)
	signed := 0
	for set, rrs := range rrsets(ts, args[0]) {
		if err := verify(rrs, zoneFile(ts, args[1]), at); err != nil {
			ts.Fatalf("%s: %v", set, err)
		}
		signed++
	}
	if signed == 0 {
		ts.Fatalf("%s holds no records", args[0])
	}
}

// rrsets returns the records of a zone file, each RRset with its signatures.
func rrsets(ts *testscript.TestScript, file string) map[string][]dns.RR {
	sets := map[string][]dns.RR{}
	for _, rr := range zoneFile(ts, file) {
		covers := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			covers = sig.TypeCovered
		}
		set := rr.Header().Name + " " + dns.Type(covers).String()
		sets[set] = append(sets[set], rr)
	}
	return sets
}

// verify verifies the one signature among rrs.
func verify(rrs, keys []dns.RR, at time.Time) error {
	var sig *dns.RRSIG
	var rrset []dns.RR
	for _, rr := range rrs {
		if s, ok := rr.(*dns.RRSIG); ok {
			sig = s
		} else {
			rrset = append(rrset, rr)
		}
	}
	if sig == nil || len(rrset) == 0 {
		return errors.New("not a signature and an RRset")
	}
	if !sig.ValidityPeriod(at) {
		return errors.New("the signature is not valid at that instant")
	}
	for _, rr := range keys {
		if key, ok := rr.(*dns.DNSKEY); ok && key.KeyTag() == sig.KeyTag {
			return sig.Verify(key, rrset)
		}
	}
	return errors.New("there is no such key")
}

// sameRecords compares the records of two zone files apart from their TTLs.
func sameRecords(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same-records FILE FILE")
	}
	a, b := zoneFile(ts, args[0]), zoneFile(ts, args[1])
	if len(a) == 0 || len(a) != len(b) {
		ts.Fatalf("%s has %d records, %s has %d", args[0], len(a), args[1], len(b))
	}
	for i := range a {
		if !dns.IsDuplicate(a[i], b[i]) {
			ts.Fatalf("%v and %v differ", a[i], b[i])
		}
	}
}

func zoneFile(ts *testscript.TestScript, file string) []dns.RR {
	var rrs []dns.RR
	p := dns.NewZoneParser(strings.NewReader(ts.ReadFile(file)), "", file)
	p.SetDefaultTTL(0)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, rr)
	}
	ts.Check(p.Err())
	return rrs
}

// vault is a real Vault: vault start | seal | mount MOUNT | transit MOUNT |
// write PATH MEMBER=VALUE | put MOUNT PATH FILE | delete MOUNT PATH | root |
// leave FILE | token POLICY FILE. The last writes the policy in FILE, and
// the commands that follow have a token of that policy alone. After leave the
// root token is in FILE, and not in the environment.
func vault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: vault start | seal | mount | transit | write | put | delete | root | leave | token")
	}
	v := ts.Value("vault").(*parts.Vault)
	ctx := context.Background()
	var err error
	switch args[0] {
	case "start":
		err = startVault(ctx, ts, v)
	case "seal":
		err = v.Seal(ctx)
	case "mount":
		err = v.Mount(ctx, args[1])
	case "transit":
		err = v.Client.Sys().MountWithContext(ctx, args[1], &api.MountInput{Type: "transit"})
	case "write":
		member, value, _ := strings.Cut(args[2], "=")
		_, err = v.Client.Logical().WriteWithContext(ctx, args[1], map[string]any{member: value})
	case "root":
		ts.Setenv("VAULT_TOKEN", v.RootToken)
	case "leave":
		ts.Setenv("VAULT_TOKEN", "")
		err = os.WriteFile(ts.MkAbs(args[1]), []byte(v.RootToken+"\n"), 0o600)
	case "put":
		err = v.Put(ctx, args[1], args[2], ts.ReadFile(args[3]))
	case "delete":
		err = v.Delete(ctx, args[1], args[2])
	case "token":
		if err = v.Policy(ctx, args[1], ts.ReadFile(args[2])); err == nil {
			var token string
			token, err = v.Token(ctx, time.Minute, args[1])
			ts.Setenv("VAULT_TOKEN", token)
		}
	default:
		ts.Fatalf("unknown: vault %s", args[0])
	}
	ts.Check(err)
}

func startVault(ctx context.Context, ts *testscript.TestScript, v *parts.Vault) error {
	started, err := parts.StartVault(ctx, parts.VaultOptions{})
	if err != nil {
		return err
	}
	*v = *started
	ts.Defer(func() { ts.Check(started.Stop()) })
	ts.Setenv("VAULT_ADDR", started.Address)
	ts.Setenv("VAULT_TOKEN", started.RootToken)
	return nil
}

// parent is a server of the parent of a zone, a real NSD: parent start ZONE |
// ds FILE. The first puts its IP:PORT into PARENT, the second gives it the DS
// record in FILE.
func parent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: parent start ZONE | ds FILE")
	}
	_, above, _ := strings.Cut(ts.Getenv("ZONE"), ".")
	n := ts.Value("parent").(*parts.NSD)
	switch args[0] {
	case "start":
		ts.Setenv("ZONE", args[1])
		_, above, _ = strings.Cut(args[1], ".")
		started, err := parts.StartNSD(context.Background(), parts.NSDOptions{Zones: map[string]string{above: parentZone(above, args[1], 1, "")}})
		ts.Check(err)
		*n = *started
		ts.Defer(func() { ts.Check(started.Stop()) })
		ts.Setenv("PARENT", started.Address)
	case "ds":
		ts.Check(n.Replace(context.Background(), above, parentZone(above, ts.Getenv("ZONE"), 2, ts.ReadFile(args[1]))))
	default:
		ts.Fatalf("unknown: parent %s", args[0])
	}
}

// parentZone is the zone file of a parent that delegates zone.
func parentZone(above, zone string, serial int, ds string) string {
	return fmt.Sprintf("%s. 3600 IN SOA ns hostmaster %d 7200 1800 86400 60\n%s. 3600 IN NS ns\n%s. 3600 IN NS ns.example.net.\n%s\n", above, serial, above, strings.TrimSuffix(zone, "."), ds)
}
