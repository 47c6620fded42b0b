package main

import (
	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/policy"

	"github.com/miekg/dns"
)

// besides is more than what a response has besides its TXT records:
// header, question, a signature, EDNS and longest names.
const besides = 700

// answerSize is the size in octets of the signed answer at the grant's name,
// in the zone with the longest name. Names whose records are few are not
// signed to find out, and have size 0.
func (l *linter) answerSize(g *policy.Grant) (int, error) {
	z := l.stanza.around(g)
	estimate := besides
	for _, p := range z.Records(l.book, l.book.Lookup(g.FQDN), l.book.Clock(l.at)).Published {
		estimate += len(p.Text) + 20
	}
	if estimate <= answer.MaxUDP {
		return 0, nil
	}
	a := answer.New(z, 1)
	a.Update(l.book, l.keys)
	r := a.Answer(answer.Query{Name: g.FQDN.Owner(), Type: dns.TypeTXT, DO: true}, l.at)
	return answer.Size(g.FQDN.Owner(), r.Answer), r.Err
}
