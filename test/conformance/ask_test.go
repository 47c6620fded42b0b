package conformance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// patience is how long an answer may take.
const patience = 15 * time.Second

// ask asks a resolver or server over "udp" or "tcp", as a validating stub does.
// What does not fit into UDP it asks again over TCP.
func ask(ctx context.Context, network, address, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, true)
	m.AuthenticatedData = true
	client := dns.Client{Net: network, Timeout: patience, UDPSize: 4096}
	r, _, err := client.ExchangeContext(ctx, m, address)
	if err == nil && r.Truncated && network == "udp" {
		return ask(ctx, "tcp", address, name, qtype)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s over %s: %w", name, dns.Type(qtype), network, err)
	}
	return r, nil
}

// each calls do for every item, a few at a time.
func each[T any](items []T, do func(T)) {
	const atOnce = 16
	var group sync.WaitGroup
	queue := make(chan T)
	for range atOnce {
		group.Go(func() {
			for item := range queue {
				do(item)
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	group.Wait()
}
