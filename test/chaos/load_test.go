//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/conformance/validator"
	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

const (
	rate     = 2000 // queries a second, of all askers
	askers   = 20
	patience = time.Second // until a query is sent again
	tries    = 8
	unknown  = 100 // names that nobody was ever granted
)

// load is what resolvers ask, and what they are told.
type load struct {
	askers []*asker
}

// asker asks, one query after the other, and validates what it is told.
type asker struct {
	now       func() moment
	server    string
	udp       *dns.Conn
	keys      []*dns.DNSKEY
	validator *validator.Validator
	rand      *rand.Rand
	names     []string

	answers    []answer
	unanswered []string
	repeated   int // queries that were sent again
	late       int // answers that came after that
	truncated  int // answers that were asked for again over TCP
}

func newLoad(t *testing.T, w *world, names []string, seed uint64) *load {
	t.Helper()
	keys := authenticKeys(t, w.server.Address)
	l := &load{}
	for i := range askers {
		conn, err := dns.Dial("udp", w.server.Address)
		must(t, err)
		conn.UDPSize = 4096
		t.Cleanup(func() { conn.Close() })
		l.askers = append(l.askers, &asker{
			now: w.now, server: w.server.Address, udp: conn, keys: keys, validator: validator.New(), names: names,
			rand: rand.New(rand.NewPCG(seed, uint64(2+i))), // #nosec G404 -- repeatable
		})
	}
	return l
}

// authenticKeys are the server's, as their DS records vouch for them.
func authenticKeys(t *testing.T, server string) []*dns.DNSKEY {
	t.Helper()
	r, err := dns.Exchange(new(dns.Msg).SetQuestion(zone, dns.TypeDNSKEY).SetEdns0(4096, true), server)
	must(t, err)
	var ds []*dns.DS
	for _, rr := range r.Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 {
			ds = append(ds, key.ToDS(dns.SHA256))
		}
	}
	sets, _ := validator.Split(r.Answer)
	keys, _, err := validator.New().Keys(sets[0], zone, ds, time.Now())
	must(t, err)
	return keys
}

// run asks until ctx ends.
func (l *load) run(ctx context.Context) {
	var running sync.WaitGroup
	for _, a := range l.askers {
		running.Go(func() { a.run(ctx) })
	}
	running.Wait()
}

func (a *asker) run(ctx context.Context) {
	tick := time.NewTicker(time.Second * askers / rate)
	defer tick.Stop()
	for ctx.Err() == nil {
		a.ask(a.pick())
		<-tick.C
	}
}

// pick is a name: one in five is unknown.
func (a *asker) pick() string {
	if a.rand.IntN(5) == 0 {
		return fmt.Sprintf("unknown-%d.example.com", a.rand.IntN(unknown))
	}
	return a.names[a.rand.IntN(len(a.names))]
}

// ask asks for a name and notes what is said.
func (a *asker) ask(name string) {
	query := new(dns.Msg).SetQuestion("_validation-persist."+name+".", dns.TypeTXT).SetEdns0(1232, true)
	asked := a.now()
	reply, err := a.overUDP(query)
	if err == nil && reply.Truncated {
		a.truncated++
		reply, _, err = (&dns.Client{Net: "tcp", Timeout: tries * patience}).Exchange(query, a.server)
	}
	if err != nil {
		a.unanswered = append(a.unanswered, fmt.Sprintf("%s at %v: %v", name, asked, err))
		return
	}
	got := a.read(reply)
	got.name, got.asked, got.got = name, asked, a.now()
	a.answers = append(a.answers, got)
}

// overUDP asks until there is a reply.
func (a *asker) overUDP(query *dns.Msg) (*dns.Msg, error) {
	for try := range tries {
		if try > 0 {
			a.repeated++
		}
		query.Id = uint16(a.rand.Uint32()) // #nosec G115 -- any
		if err := a.udp.SetDeadline(time.Now().Add(patience)); err != nil {
			return nil, err
		}
		if err := a.udp.WriteMsg(query); err != nil {
			return nil, err
		}
		for {
			reply, err := a.udp.ReadMsg()
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				break
			}
			if err != nil {
				return nil, err
			}
			if reply.Id == query.Id {
				return reply, nil
			}
			a.late++
		}
	}
	return nil, fmt.Errorf("no answer to %d queries", tries)
}

// read tells what a reply says, of which nothing is believed that does not
// validate.
func (a *asker) read(r *dns.Msg) answer {
	if r.Rcode == dns.RcodeServerFailure && extended(r) == dns.ExtendedErrorCodeInvalidData {
		return answer{said: silence}
	}
	verdict, err := a.validator.Answer(validator.Answer{
		Name: r.Question[0].Name, Type: dns.TypeTXT, Rcode: r.Rcode, Answer: r.Answer, Authority: r.Ns,
	}, zone, a.keys, time.Now())
	switch {
	case r.Rcode != dns.RcodeSuccess || err != nil:
		return answer{said: failure, problem: fmt.Sprintf("%v, %s", err, dns.RcodeToString[r.Rcode])}
	case verdict.Kind == validator.NoName:
		return answer{said: nxname}
	case verdict.Kind == validator.NoData:
		return answer{said: nodata}
	}
	return readRecord(r)
}

// readRecord reads the record of draft-ietf-acme-dns-persist-02 section 4.1.
func readRecord(r *dns.Msg) answer {
	var texts []string
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, strings.Join(txt.Txt, ""))
		}
	}
	if len(texts) != 1 {
		return answer{said: failure, problem: fmt.Sprintf("expected one record, got %q", texts)}
	}
	parts := strings.Split(texts[0], "; ")
	account, uri := strings.CutPrefix(parts[min(1, len(parts)-1)], "accounturi=")
	number, until := strings.CutPrefix(parts[len(parts)-1], "persistUntil=")
	seconds, err := strconv.ParseInt(number, 10, 64)
	if len(parts) != 3 || parts[0] != "ca.example" || !uri || !until || err != nil {
		return answer{said: failure, problem: fmt.Sprintf("expected another record than %q", texts[0])}
	}
	return answer{said: record, account: account, until: seconds}
}

// extended is the Extended DNS Error (RFC 8914), 0 where there is none.
func extended(r *dns.Msg) uint16 {
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return e.InfoCode
			}
		}
	}
	return 0
}

// lost is how many packets the kernel had no room for, at either side.
func (l *load) lost(t *testing.T) int {
	t.Helper()
	address, err := net.ResolveUDPAddr("udp", l.askers[0].server)
	must(t, err)
	sum := 0
	for _, at := range append(l.sockets(), address) {
		s, err := parts.Sockets(at)
		must(t, err)
		sum += s.Dropped
	}
	return sum
}

func (l *load) sockets() []net.Addr {
	all := make([]net.Addr, 0, len(l.askers))
	for _, a := range l.askers {
		all = append(all, a.udp.LocalAddr())
	}
	return all
}

// answers are those of all askers.
func (l *load) answers() []answer {
	all := make([][]answer, 0, len(l.askers))
	for _, a := range l.askers {
		all = append(all, a.answers)
	}
	return slices.Concat(all...)
}
