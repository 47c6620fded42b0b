package main

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// check says what is wrong with an answer for the i-th name: it must be the
// record that was granted, with one signature. It does not verify that.
func (d *data) check(i int, reply *dns.Msg) error {
	if reply.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("answered %s", dns.RcodeToString[reply.Rcode])
	}
	if len(reply.Answer) != 2 {
		return fmt.Errorf("there should be TXT and RRSIG in\n%v", reply)
	}
	txt, isTXT := reply.Answer[0].(*dns.TXT)
	sig, isSig := reply.Answer[1].(*dns.RRSIG)
	if !isTXT || !isSig || sig.TypeCovered != dns.TypeTXT {
		return fmt.Errorf("there should be TXT and RRSIG in\n%v", reply)
	}
	want, err := txtRecord(i, d.now)
	if err != nil {
		return err
	}
	if lasting(txt) != lasting(want) || txt.Hdr.Name != want.Hdr.Name || txt.Hdr.Ttl != want.Hdr.Ttl {
		return fmt.Errorf("answered\n%v\ninstead of\n%v", txt, want)
	}
	return nil
}

// lasting is what a record says but for the instant of persistUntil, which
// persist moves and the others do not.
func lasting(txt *dns.TXT) string {
	before, _, _ := strings.Cut(strings.Join(txt.Txt, ""), "persistUntil=")
	return before
}
