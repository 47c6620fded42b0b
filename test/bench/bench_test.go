package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// program is the server to measure, built as make builds it but for its name.
var program string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bench-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", program, "./server")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	return m.Run()
}

// names are more than one account document holds.
const names = perDocument + 1

func newData(t *testing.T, n int) *data {
	t.Helper()
	d, err := generate(t.TempDir(), n, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run starts a contestant for the time of a test.
func (d *data) run(t *testing.T, key string) *server {
	t.Helper()
	c, err := choose(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), options{server: program}, d, c[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEveryServerServesTheSameSignedRecords(t *testing.T) {
	d := newData(t, names)
	for _, c := range contestants {
		t.Run(c.key, func(t *testing.T) {
			s := d.run(t, c.key)
			if err := s.prove(t.Context(), d, d.names); err != nil {
				t.Error(err)
			}
			keys := d.publicKeys(t, s)
			for i := range names {
				verify(t, s.ask(t, owner(i), dns.TypeTXT), keys)
			}
		})
	}
}

// publicKeys are the keys that s publishes, or the ones of the data where it
// publishes none.
func (d *data) publicKeys(t *testing.T, s *server) map[uint16]*dns.DNSKEY {
	t.Helper()
	var rrs []dns.RR
	if m := s.ask(t, origin, dns.TypeDNSKEY); m.Rcode == dns.RcodeSuccess {
		rrs = m.Answer
	} else {
		for _, base := range d.keys {
			text, err := os.ReadFile(base + ".key")
			if err != nil {
				t.Fatal(err)
			}
			rr, err := dns.NewRR(string(text))
			if err != nil {
				t.Fatal(err)
			}
			rrs = append(rrs, rr)
		}
	}
	keys := map[uint16]*dns.DNSKEY{}
	for _, rr := range rrs {
		if key, ok := rr.(*dns.DNSKEY); ok {
			keys[key.KeyTag()] = key
		}
	}
	return keys
}

func (s *server) ask(t *testing.T, name string, rrtype uint16) *dns.Msg {
	t.Helper()
	m, _, err := new(dns.Client).ExchangeContext(t.Context(), question(name, rrtype), s.address())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func verify(t *testing.T, m *dns.Msg, keys map[uint16]*dns.DNSKEY) {
	t.Helper()
	sig := m.Answer[1].(*dns.RRSIG)
	key := keys[sig.KeyTag]
	switch {
	case key == nil:
		t.Errorf("No key has the tag of %v", sig)
	case sig.SignerName != origin || !sig.ValidityPeriod(time.Now()):
		t.Errorf("Expected a signature by %s that is valid now, got %v", origin, sig)
	default:
		if err := sig.Verify(key, m.Answer[:1]); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
	}
}

// A name that is denied is answered NOERROR too: without a look at every answer
// it would be a fast one.
func TestServerWithOtherRecordsIsRefused(t *testing.T) {
	last := names - 1
	for name, change := range map[string]func(document object){
		"missing":          func(document object) { delete(document["domains"].(object), fqdn(last)) },
		"without wildcard": func(document object) { document["domains"].(object)[fqdn(last)] = object{} },
		"other account":    func(document object) { document["account_uri"] = prefix + "1" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newData(t, names)
			d.edit(t, "accounts/web/letsencrypt/prod-1.json", change)
			s := d.run(t, "persist")
			err := s.prove(t.Context(), d, d.names)
			if err == nil || !strings.Contains(err.Error(), owner(last)) {
				t.Errorf("Expected an error that names %s, got %v", owner(last), err)
			}
			if err := s.prove(t.Context(), d, last); err != nil {
				t.Errorf("Expected nothing to be wrong with the others, got %v", err)
			}
		})
	}
}

func (d *data) edit(t *testing.T, path string, change func(object)) {
	t.Helper()
	path = filepath.Join(d.policies, path)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	change(document)
	if err := writeJSON(path, document); err != nil {
		t.Fatal(err)
	}
}

func TestRunPrintsATable(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("Server and dnsperf need a core each")
	}
	var out, log bytes.Buffer
	o := options{server: program, servers: "floor,dnssec,persist", names: 10, rounds: 1, duration: time.Second, clientCPU: 1}
	if err := run(t.Context(), o, &out, &log); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2+3 {
		t.Fatalf("Expected a head and a line for each of three servers, got\n%s", &out)
	}
	row := regexp.MustCompile(`^\| CoreDNS, .+ \| ([\d.]+)–([\d.]+) k \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$`)
	for i, line := range lines[2:] {
		cells := row.FindStringSubmatch(line)
		if cells == nil {
			t.Fatalf("Expected a row of the table, got %s", line)
		}
		// TXT and RRSIG alone are that large, and no laptop is that slow.
		if rate, octets := number(t, cells[1]), number(t, cells[3]); rate < 0.1 || octets < 300 || octets > 1232 {
			t.Errorf("Expected signed answers, and more than 100 a second, got %s", line)
		}
		if same := cells[4+i]; same != "1.00" {
			t.Errorf("Expected a server to be as fast as itself, got %s in %s", same, line)
		}
	}
	if got := strings.Count(log.String(), "round 1 of 1: "); got != 3 {
		t.Errorf("Expected a line of progress for each server, got\n%s", &log)
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	good := options{server: program, servers: "floor", names: 1, rounds: 1, duration: time.Second, clientCPU: 1}
	for name, c := range map[string]struct {
		change func(*options)
		want   string
	}{
		"no server":        {func(o *options) { o.server = "" }, "-server names the program"},
		"no name":          {func(o *options) { o.names = 0 }, "must be at least 1"},
		"no round":         {func(o *options) { o.rounds = 0 }, "must be at least 1"},
		"half a second":    {func(o *options) { o.duration = time.Second / 2 }, "and -duration 1s"},
		"one core":         {func(o *options) { o.clientCPU = o.serverCPU }, "need a core each"},
		"unknown server":   {func(o *options) { o.servers = "floor,bind" }, `no server "bind": choose of floor,dnssec,persist`},
		"server that ends": {func(o *options) { o.server = "false" }, "floor: "},
	} {
		o := good
		c.change(&o)
		if err := run(t.Context(), o, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: expected an error with %q, got %v", name, c.want, err)
		}
	}
}
