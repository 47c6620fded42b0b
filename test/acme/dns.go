package acme

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/test/parts"

	"github.com/miekg/dns"
)

// answer is what a server says of the TXT records of a name.
type answer struct {
	record    string // empty if it denies that there is any
	validated bool   // by a resolver
}

// ask asks server for the records of name.
func ask(ctx context.Context, server string) (answer, error) { return askAt(ctx, server, zone) }

// askAt asks server as a validator would. Whatever is neither one record nor a
// denial is an error.
func askAt(ctx context.Context, server, owner string) (answer, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(owner), dns.TypeTXT)
	m.SetEdns0(1232, true)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, m, server)
	if err != nil {
		return answer{}, err
	}
	if reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError {
		return answer{}, fmt.Errorf("%s answers %s", server, dns.RcodeToString[reply.Rcode])
	}
	var records []string
	for _, rr := range reply.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			records = append(records, strings.Join(txt.Txt, ""))
		}
	}
	if len(records) > 1 {
		return answer{}, fmt.Errorf("%s gives more than one record: %q", server, records)
	}
	return answer{record: strings.Join(records, ""), validated: reply.AuthenticatedData}, nil
}

// await asks server until there is a record, or until there is none.
func await(ctx context.Context, server *parts.Server, there bool) error {
	return server.Retry(ctx, func(ctx context.Context) error {
		a, err := ask(ctx, server.Address)
		if err == nil && there != (a.record != "") {
			err = fmt.Errorf("the record at %s is still %q", server.Address, a.record)
		}
		return err
	})
}

// published returns the persistUntil of a record.
func published(record string) (time.Time, error) {
	_, seconds, ok := strings.Cut(record, "; persistUntil=")
	if !ok {
		return time.Time{}, errors.New("the record names no persistUntil, so it does not roll")
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(n, 0), err
}
