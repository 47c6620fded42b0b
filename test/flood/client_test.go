//go:build linux

package flood

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// What resolvers do about a query that is not answered: they wait for so long,
// and ask so many times.
const (
	patience = 400 * time.Millisecond
	tries    = 8 // four at each of two servers
)

// resolver asks for granted names as resolvers do.
type resolver struct {
	server string
	stream *dns.Conn // nil until it is needed

	asked, answered int
	udp, tcp        int // queries sent
	repeated        int // of those over UDP, again because nothing came back
	slowest         time.Duration
	failure         error // the last one
}

// resolve asks for names in turn, rate times a second until ctx ends: each
// fifth of them over TCP.
func (r *resolver) resolve(ctx context.Context, names []string, rate int) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for ; ctx.Err() == nil; r.asked++ {
		begin := time.Now()
		if err := r.lookup(names[r.asked%len(names)], r.asked%5 == 4); err != nil {
			r.failure = err
		} else {
			r.answered++
		}
		r.slowest = max(r.slowest, time.Since(begin))
		<-tick.C
	}
}

// lookup fails unless name is answered by a record and its signature.
func (r *resolver) lookup(name string, stream bool) error {
	query := new(dns.Msg).SetQuestion(name, dns.TypeTXT).SetEdns0(1232, true)
	reply, err := r.overUDP(query, stream)
	if err == nil && (stream || reply.Truncated) {
		reply, err = r.overTCP(query)
	}
	if err == nil && (reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 2) {
		err = fmt.Errorf("expected a record and its signature, got %v", reply)
	}
	return err
}

// overUDP asks until there is a reply, unless skip is set.
func (r *resolver) overUDP(query *dns.Msg, skip bool) (reply *dns.Msg, err error) {
	if skip {
		return nil, nil
	}
	client := dns.Client{Timeout: patience}
	for try := range tries {
		r.udp++
		if try > 0 {
			r.repeated++
		}
		var timeout net.Error
		if reply, _, err = client.Exchange(query, r.server); !errors.As(err, &timeout) || !timeout.Timeout() {
			break
		}
	}
	return reply, err
}

// overTCP asks over a connection that stays open.
func (r *resolver) overTCP(query *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: "tcp", Timeout: tries * patience}
	if r.stream == nil {
		var err error
		if r.stream, err = client.Dial(r.server); err != nil {
			return nil, err
		}
	}
	r.tcp++
	reply, _, err := client.ExchangeWithConn(query, r.stream)
	if err != nil {
		r.stream.Close()
		r.stream = nil
	}
	return reply, err
}
