//go:build linux

package flood

import (
	"context"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"
	"github.com/coredns-persist/persist/test/parts"
)

// duration is a flag because the flood takes all the processors that there are,
// and other tests should not run beside it.
var duration = flag.Duration("flood", 0, "how long to flood the server, 20s in make test")

const (
	zone    = "example.com."
	subtree = "sub." + zone // of which every name below is granted
	rate    = 30_000        // random names per second
	warmUp  = 4             // the part of the flood, as a fraction, in which caches fill
	growth  = 32 << 20      // of the server's memory after that, in octets
	granted = 100           // names
	lookups = 250           // of granted names per second
)

// victim is a server that grants some names.
type victim struct {
	*parts.Server
	names   []string
	metrics string // where its counters are
	udp     net.Addr
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v, dir := &victim{}, t.TempDir()
	domains := make([]string, granted)
	for i := range domains {
		domains[i] = fmt.Sprintf("d%d.example.com", i)
		v.names = append(v.names, "_validation-persist."+domains[i]+".")
	}
	policies := filepath.Join(dir, "policies")
	policytest.Standard().Account(fmt.Sprintf(`"domains": %q`, strings.Join(domains, " "))).With(policytest.Documents{
		"accounts/web/ca/sub": fmt.Sprintf(`{"account_uri": "https://ca.example/acct/7", "domains": {%q: {"subtree": true}}}`, strings.TrimSuffix(subtree, ".")),
	}).Write(t, policies)
	port, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	v.metrics = fmt.Sprintf("127.0.0.1:%d", port)
	v.Server = parts.NewCoreDNS(t, parts.CoreDNSOptions{
		Zone: zone,
		Plugins: fmt.Sprintf("prometheus %s\npersist %s {\npolicies %s\nkeys dir %s\nns ns1.example.net\n}",
			v.metrics, zone, policies, filepath.Join(dir, "keys")),
	})
	if v.udp, err = net.ResolveUDPAddr("udp", v.Address); err != nil {
		t.Fatal(err)
	}
	return v
}

// Someone who asks for names that do not exist, or that a grant of a subtree makes
// up, faster than the server may sign for them, keeps no listed name from being
// answered, fills no memory, and leaves no query of which nobody knows what became
// of it.
func TestFloodOfRandomNames(t *testing.T) {
	if *duration == 0 {
		t.Skip("To be run alone: go test ./test/flood -flood 20s")
	}
	t.Run("names that do not exist", func(t *testing.T) { testFlood(t, zone) })
	t.Run("names of a subtree", func(t *testing.T) { testFlood(t, subtree) })
}

// testFlood floods a server with names below a domain.
func testFlood(t *testing.T, below string) {
	t.Helper()
	v := newVictim(t)
	a, r, s := newAttacker(t, v.Address), &resolver{server: v.Address}, &stampede{}
	before, begin, used := scrape(t, v.metrics), time.Now(), seconds(t, v.PID())
	ctx, cancel := context.WithTimeout(t.Context(), *duration)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { r.resolve(ctx, v.names, lookups) })
	running.Go(func() {
		if err := a.flood(ctx, below, rate); err != nil {
			t.Errorf("The flood ended: %v", err)
		}
	})
	running.Go(func() {
		if err := s.run(v.Address, below, v.names[0]); err != nil {
			t.Errorf("The stampede ended: %v", err)
		}
	})
	memory := v.watch(ctx, t)
	running.Wait()
	took := time.Since(begin).Seconds()
	t.Logf("Sent %d random names in %.1f s, %.0f/s of %d/s, on %d processors, of which the server used %.2f",
		a.sent, took, float64(a.sent)/took, rate, runtime.NumCPU(), (seconds(t, v.PID())-used)/took)

	t.Run("granted names are answered", func(t *testing.T) { checkGranted(t, r) })
	t.Run("memory is flat", func(t *testing.T) { checkMemory(t, memory) })
	t.Run("every query is explained", func(t *testing.T) { v.checkExplained(t, before, a, r, s) })
}

// watch samples the memory of the server until ctx ends, ten times a second.
func (v *victim) watch(ctx context.Context, t *testing.T) []int {
	t.Helper()
	var samples []int
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return samples
		case <-tick.C:
			samples = append(samples, resident(t, v.PID()))
		}
	}
}

func checkGranted(t *testing.T, r *resolver) {
	t.Helper()
	t.Logf("%d of %d lookups answered, over UDP (%d queries, of which %d again after %v) and TCP (%d); the slowest took %v",
		r.answered, r.asked, r.udp, r.repeated, patience, r.tcp, r.slowest.Round(time.Millisecond))
	if r.answered != r.asked || r.asked == 0 {
		t.Errorf("Expected all of %d lookups to be answered, got %d; the last failure: %v", r.asked, r.answered, r.failure)
	}
}

func checkMemory(t *testing.T, samples []int) {
	t.Helper()
	warm := len(samples) / warmUp
	before, after := slices.Max(samples[:warm]), slices.Max(samples[warm:])
	t.Logf("Resident memory: at most %d MiB in the first quarter, %d MiB after that, %d MiB in the end", before>>20, after>>20, samples[len(samples)-1]>>20)
	if after-before > growth {
		t.Errorf("Expected at most %d MiB more, got %d MiB", growth>>20, (after-before)>>20)
	}
}

// checkExplained holds what was sent against what the server and the kernel
// have counted, and what came back against that.
func (v *victim) checkExplained(t *testing.T, before counters, a *attacker, r *resolver, s *stampede) {
	t.Helper()
	v.drain(t, a)
	counted, lost := scrape(t, v.metrics).since(before), sockets(t, v.udp).Dropped
	sent, served := int(a.sent)+r.udp+r.tcp+s.sent, counted.sum("answers_total")
	over, truncated, dropped := counted["answers_total"]["over_limit"], counted["truncated_total"]["budget"], counted.sum("dropped_total")
	t.Logf("%d queries = %d answered + %d truncated + %d dropped + %d lost in the socket's buffer, before the server saw them",
		sent, served-over, truncated, dropped, lost)
	if sent != served+lost || over != truncated+dropped {
		t.Errorf("Expected all of %d queries to be explained, got %v, and %d lost in the socket's buffer", sent, counted, lost)
	}
	t.Logf("The stampede over TCP sent %d queries and received %d responses", s.sent, s.answered)
	if s.sent-s.answered != dropped {
		t.Errorf("Expected the %d queries without a response over TCP to be counted as dropped, got %d", s.sent-s.answered, dropped)
	}
	whole, cut, missed := int(a.whole.Load()), int(a.truncated.Load()), sockets(t, a.conn.LocalAddr()).Dropped
	t.Logf("The attacker received %d denials and %d truncated responses, and lost %d itself", whole, cut, missed)
	if arrived := int(a.sent) - lost; whole+cut+missed > int(a.sent) || whole+cut+missed < arrived {
		t.Errorf("Expected %d to %d responses, got %d", arrived, a.sent, whole+cut+missed)
	}
}

// drain waits until neither side has anything left to read or to answer.
func (v *victim) drain(t *testing.T, a *attacker) {
	t.Helper()
	err := v.Retry(t.Context(), func(context.Context) error {
		sent, received := sockets(t, v.udp), sockets(t, a.conn.LocalAddr())
		responses := int(a.whole.Load()+a.truncated.Load()) + received.Dropped
		if sent.Queued+received.Queued > 0 || responses+sent.Dropped < int(a.sent) {
			return fmt.Errorf("of %d queries %d are answered and %d dropped; %d octets are queued", a.sent, responses, sent.Dropped, sent.Queued+received.Queued)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func sockets(t *testing.T, address net.Addr) parts.Socket {
	t.Helper()
	s, err := parts.Sockets(address)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
