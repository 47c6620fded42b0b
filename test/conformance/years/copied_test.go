package years

import (
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/test/conformance/validator"

	"github.com/miekg/dns"
)

// copied is a zone as it was transferred. It is answered from by RFC 4035
// section 3.1, as any server would.
type copied struct {
	soa   *dns.SOA
	sets  map[question][]dns.RR // each RRset with its signatures
	chain []string              // owners of NSEC records, in canonical order
}

func newCopied(rrs []dns.RR) *copied {
	c := &copied{soa: rrs[0].(*dns.SOA), sets: map[question][]dns.RR{}}
	for _, rr := range rrs {
		q := question{rr.Header().Name, rr.Header().Rrtype}
		if sig, ok := rr.(*dns.RRSIG); ok {
			q.rrtype = sig.TypeCovered
		}
		c.sets[q] = append(c.sets[q], rr)
		if rr.Header().Rrtype == dns.TypeNSEC {
			c.chain = append(c.chain, q.name)
		}
	}
	slices.SortFunc(c.chain, validator.Compare)
	return c
}

func (c *copied) answer(q question) answer.Response {
	if set, ok := c.sets[q]; ok {
		return answer.Response{Outcome: positive(q.rrtype), Answer: set}
	}
	covering := c.covering(q.name)
	next := c.sets[question{covering, dns.TypeNSEC}][0].(*dns.NSEC).NextDomain
	if covering == q.name || dns.IsSubDomain(q.name, next) {
		return c.denied(answer.NoData, covering)
	}
	shared := max(dns.CompareDomainName(q.name, covering), dns.CompareDomainName(q.name, next))
	labels := dns.SplitDomainName(q.name)
	wildcard := c.covering("*." + strings.Join(labels[len(labels)-shared:], ".") + ".")
	if wildcard == covering {
		return c.denied(answer.NXDomain, covering)
	}
	return c.denied(answer.NXDomain, covering, wildcard)
}

func positive(rrtype uint16) answer.Outcome {
	if rrtype == dns.TypeTXT {
		return answer.Record
	}
	return answer.Apex
}

// denied answers with the NSEC records of owners, and the SOA record.
func (c *copied) denied(o answer.Outcome, owners ...string) answer.Response {
	r := answer.Response{Outcome: o, Authority: slices.Clone(c.sets[question{origin, dns.TypeSOA}])}
	if o == answer.NXDomain {
		r.Rcode = dns.RcodeNameError
	}
	for _, owner := range owners {
		r.Authority = append(r.Authority, c.sets[question{owner, dns.TypeNSEC}]...)
	}
	return r
}

// covering is the owner of the NSEC record at name, or else of the one that
// covers it.
func (c *copied) covering(name string) string {
	i, found := slices.BinarySearchFunc(c.chain, name, validator.Compare)
	if !found {
		i--
	}
	return c.chain[i]
}
