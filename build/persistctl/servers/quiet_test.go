package servers

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

// A server that is dead, with the zones of many below it, is waited for a few times
// and not for each of them.
func TestASilentServerIsNotWaitedForAgainAndAgain(t *testing.T) {
	before := patience
	patience = 20 * time.Millisecond
	t.Cleanup(func() { patience = before })
	port, err := parts.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var waits atomic.Int32
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			waits.Add(1)
			defer conn.Close()
		}
	}()
	nsd := serve(t, ds(1))
	f := Finder{Parents: []string{silent.Addr().String(), nsd.Address}, Quiet: new(Quiet)}
	for i := range 20 {
		answers, err := f.DS(t.Context(), fmt.Sprintf("n%d.example.", i))
		if err != nil {
			t.Fatal(err)
		}
		if answers[0].Err == nil || answers[1].Err != ErrNoName {
			t.Fatalf("Expected one server to be silent and the other to answer, got %+v", answers)
		}
	}
	if n := waits.Load(); n == 0 || n > enough*tries {
		t.Errorf("Expected it to be asked about %d zones at most, %d times each, got %d", enough, tries, n)
	}
	f.Quiet = nil
	if _, err := f.DS(t.Context(), zone); err != nil || waits.Load() == enough*tries {
		t.Errorf("Expected it to be asked where nothing is remembered, got %v", err)
	}
}
