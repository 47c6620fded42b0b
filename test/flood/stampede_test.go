//go:build linux

package flood

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// What a stampede consists of. A connection of CoreDNS takes 128 queries.
const (
	connections = 100
	unknown     = 100 // names asked for over each
)

// stampede asks over TCP for names that do not exist, as resolvers do that a
// flood over UDP has sent there, all at once.
type stampede struct{ sent, answered int }

// run asks as fast as answers come.
func (s *stampede) run(server, zone, granted string) error {
	for i := range connections {
		conn, err := dns.DialTimeout("tcp", server, tries*patience)
		if err != nil {
			return err
		}
		err = s.ask(conn, i, zone, granted)
		conn.Close()
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return nil
}

// ask asks for unknown names and then for a granted one. The server answers in
// turn, or not at all, so that when this one is answered the others have been.
func (s *stampede) ask(conn *dns.Conn, number int, zone, granted string) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	for i := range unknown + 1 {
		name := fmt.Sprintf("_validation-persist.s%d-%d.%s", number, i, zone)
		if i == unknown {
			name = granted
		}
		if err := conn.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeTXT).SetEdns0(1232, true)); err != nil {
			return err
		}
		s.sent++
	}
	for {
		reply, err := conn.ReadMsg()
		if err != nil {
			return err
		}
		s.answered++
		if reply.Question[0].Name == granted {
			return nil
		}
	}
}
