package servers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// patience is how long one server may take for one answer. Tests set it.
var patience = 3 * time.Second

const (
	// tries is how often it is asked over UDP, which loses packets.
	tries = 3
	// payload is how large an answer over UDP may be (RFC 9715).
	payload = 1232
)

// plain is a question to an authoritative server.
func plain(name string, qtype uint16) *dns.Msg {
	query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(payload, false)
	query.RecursionDesired = false
	return query
}

// ErrNoName is the answer that there is no such name.
var ErrNoName = errors.New("it answers NXDOMAIN")

// authoritative returns the answer of a server of a zone, which is named for the
// error, about a name that there must be: else it fails with ErrNoName.
func authoritative(ctx context.Context, network string, query *dns.Msg, address, zone string) (*dns.Msg, error) {
	reply, err := said(ctx, network, query, address, zone)
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = ErrNoName
	}
	return reply, err
}

// Lame is the answer of a server that does not serve a zone which is delegated to it
// (RFC 9499 section 7).
type Lame string

// Error is the answer.
func (l Lame) Error() string { return string(l) }

// said returns the answer of a server of a zone, which may be that there is no such
// name. It fails with Lame where the server does not serve the zone.
func said(ctx context.Context, network string, query *dns.Msg, address, zone string) (*dns.Msg, error) {
	reply, err := replied(ctx, network, query, address)
	if err == nil && !reply.Authoritative {
		err = Lame(fmt.Sprintf("it answers without authority: is it a server of %s?", zone))
	}
	return reply, err
}

// replied returns the answer of a server, which may be a referral, or that there is no
// such name, but no failure. It fails with Lame where the server refuses.
func replied(ctx context.Context, network string, query *dns.Msg, address string) (*dns.Msg, error) {
	reply, err := exchange(ctx, network, query, address)
	if err != nil {
		return reply, err
	}
	switch reply.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeRefused, dns.RcodeNotAuth:
		err = Lame("it answers " + dns.RcodeToString[reply.Rcode])
	default:
		err = fmt.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
	}
	return reply, err
}

// exchange asks over a network, again if nothing comes, and over TCP if the answer
// is truncated.
func exchange(ctx context.Context, network string, query *dns.Msg, address string) (*dns.Msg, error) {
	var failed error
	for range tries {
		reply, err := once(ctx, network, query, address)
		if err == nil && reply.Truncated {
			reply, err = once(ctx, "tcp", query, address)
		}
		if err == nil {
			return reply, nil
		}
		failed = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

func once(ctx context.Context, network string, query *dns.Msg, address string) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: patience, UDPSize: payload}
	reply, _, err := c.ExchangeContext(ctx, query, address)
	if err == nil && (len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, query.Question[0].Name)) {
		err = errors.New("its answer is to another question")
	}
	return reply, err
}
