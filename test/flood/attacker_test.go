//go:build linux

package flood

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// batch is how many packets go to the kernel at once, and how many are sent at
// most to make up for what is late: who is starved of processor sends fewer.
const batch = 64

// attacker asks over UDP for names that nobody has asked for before.
type attacker struct {
	conn *net.UDPConn
	sent int64

	whole, truncated atomic.Int64 // responses
}

func newAttacker(t *testing.T, server string) *attacker {
	t.Helper()
	conn, err := net.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	a := &attacker{conn: conn.(*net.UDPConn)}
	go a.receive()
	t.Cleanup(func() { conn.Close() })
	return a
}

// flood asks for names in zone, rate times a second until ctx ends.
func (a *attacker) flood(ctx context.Context, zone string, rate int) error {
	packets, err := newPackets(zone)
	if err != nil {
		return err
	}
	conn, begin := ipv4.NewPacketConn(a.conn), time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	skipped := int64(0)
	for ctx.Err() == nil {
		owed := int64(time.Since(begin).Seconds()*float64(rate)) - skipped - a.sent
		if owed > batch {
			skipped += owed - batch
			owed = batch
		}
		for rest := packets.next(int(owed), a.sent); len(rest) > 0; {
			n, err := conn.WriteBatch(rest, 0)
			if err != nil {
				return err
			}
			a.sent += int64(n)
			rest = rest[n:]
		}
		<-tick.C
	}
	return nil
}

// receive counts responses until the socket is closed.
func (a *attacker) receive() {
	conn := ipv4.NewPacketConn(a.conn)
	messages := make([]ipv4.Message, batch)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, 4)} // the header's flags are enough
	}
	for {
		n, err := conn.ReadBatch(messages, 0)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		for _, m := range messages[:max(n, 0)] {
			if m.Buffers[0][2]&2 != 0 {
				a.truncated.Add(1)
			} else {
				a.whole.Add(1)
			}
		}
	}
}

// packets are queries that differ in their names.
type packets struct {
	messages []ipv4.Message
	label    int // where the varying label begins
}

// newPackets makes queries for TXT with DO.
func newPackets(zone string) (*packets, error) {
	wire, err := new(dns.Msg).SetQuestion(fmt.Sprintf("_validation-persist.%016x.%s", 0, zone), dns.TypeTXT).SetEdns0(1232, true).Pack()
	if err != nil {
		return nil, err
	}
	p := &packets{messages: make([]ipv4.Message, batch), label: 12 + 1 + len("_validation-persist") + 1}
	for i := range p.messages {
		p.messages[i].Buffers = [][]byte{append([]byte(nil), wire...)}
	}
	return p, nil
}

// next returns n queries, the serial numbers of which begin with first.
func (p *packets) next(n int, first int64) []ipv4.Message {
	for i, m := range p.messages[:n] {
		wire, serial := m.Buffers[0], uint64(first)+uint64(i)
		binary.BigEndian.PutUint16(wire, uint16(serial))
		const odd = 0x9e3779b97f4a7c15 // no two serials have the same product, which looks like chance
		copy(wire[p.label:], fmt.Appendf(nil, "%016x", serial*odd))
	}
	return p.messages[:n]
}
