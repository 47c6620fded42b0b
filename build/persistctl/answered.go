package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// budget allows for the proof of one answer.
const budget = 10

// answered is the answer that a server gives at an instant.
type answered struct {
	answer.Query
	answer.Response
	at    time.Time
	bound *lastTrace // nil where there is no record to revoke
}

// answer asks the function that the server answers with.
func (s *showing) answer(ctx context.Context, name record.FQDN, dir string) (result, error) {
	z, err := s.stanza.served(name)
	if err != nil {
		return nil, err
	}
	q, err := s.query(name, z)
	if err != nil {
		return nil, err
	}
	at := s.at.orNow()
	lib, err := s.docs.loadFit(ctx, dir, at)
	if err != nil {
		return nil, err
	}
	keys, _, err := s.keys.loadServed(ctx, s.at.orNow())
	if err != nil {
		return nil, err
	}
	a := authority(z)
	a.Update(lib.Book, keys)
	shown := &answered{Query: q, Response: a.Answer(q, at), at: at}
	if shown.Outcome == answer.Failed {
		return nil, shown.Err
	}
	if shown.Outcome == answer.Record {
		shown.bound = s.stanza.lastTrace(lib.Book, lib.At(name), at)
		shown.bound.sign(a, q)
	}
	return shown, nil
}

func authority(z *zone.Zone) *answer.Authority {
	if z.Chained {
		return answer.NewChained(z, new(answer.Serial))
	}
	return answer.New(z, budget)
}

// query is the question for NAME, or for the zone itself where the type is one
// that only that has.
func (s *showing) query(name record.FQDN, z *zone.Zone) (answer.Query, error) {
	qtype, ok := dns.StringToType[strings.ToUpper(s.qtype)]
	if !ok {
		return answer.Query{}, usagef("--type %q is no type of record: write TXT, SOA, NS, DNSKEY or another one", s.qtype)
	}
	owner, inside := z.Owner(name)
	q := answer.Query{Name: owner, Type: qtype, DO: s.dnssec}
	switch {
	case qtype == dns.TypeSOA || qtype == dns.TypeNS || qtype == dns.TypeDNSKEY:
		q.Name = z.Origin
	case name == "":
		return answer.Query{}, usagef("at which name? write NAME, or one of the types SOA, NS and DNSKEY, which the zone itself has")
	case !inside:
		return answer.Query{}, usagef("%s lies outside of --zone %s: write the zone that serves it", q.Name, z.Origin)
	}
	return q, nil
}

// text is a zone file: all but records stands in comments.
func (a *answered) text(w io.Writer) {
	fmt.Fprintf(w, "; %s %s at %s: %s (%s)\n", a.Name, dns.Type(a.Type), stamp(a.at), dns.RcodeToString[a.Rcode], a.Outcome)
	if a.EDE != nil {
		fmt.Fprintf(w, "; EDE %s\n", a.EDE)
	}
	for _, section := range []struct {
		name string
		rrs  []dns.RR
	}{{"answer", a.Answer}, {"authority", a.Authority}} {
		if len(section.rrs) > 0 {
			fmt.Fprintf(w, "\n; %s\n", section.name)
		}
		for _, rr := range section.rrs {
			fmt.Fprintln(w, rr)
		}
	}
	if a.bound != nil {
		var b strings.Builder
		a.bound.text(&b)
		fmt.Fprintln(w)
		for line := range strings.Lines(b.String()) {
			fmt.Fprint(w, "; ", line)
		}
	}
}

// MarshalJSON has the records as they stand in a zone file.
func (a *answered) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name      string     `json:"name"`
		Type      string     `json:"type"`
		At        time.Time  `json:"at"`
		Rcode     string     `json:"rcode"`
		Outcome   string     `json:"outcome"`
		EDE       *reason    `json:"ede,omitempty"`
		Answer    []string   `json:"answer"`
		Authority []string   `json:"authority"`
		Bound     *lastTrace `json:"revocation,omitempty"`
	}{a.Name, dns.Type(a.Type).String(), a.at, dns.RcodeToString[a.Rcode], string(a.Outcome), newReason(a.EDE), lines(a.Answer), lines(a.Authority), a.bound})
}

// reason is an Extended DNS Error (RFC 8914), named as there.
type reason struct {
	Code    uint16 `json:"info_code"`
	Purpose string `json:"purpose"`
	Text    string `json:"extra_text"`
}

// newReason returns nil where there is none.
func newReason(e *dns.EDNS0_EDE) *reason {
	if e == nil {
		return nil
	}
	return &reason{e.InfoCode, dns.ExtendedErrorCodeToString[e.InfoCode], e.ExtraText}
}

func lines(rrs []dns.RR) []string {
	list := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		list = append(list, rr.String())
	}
	return list
}
