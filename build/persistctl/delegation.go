package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/zone"

	"github.com/miekg/dns"
)

// delegation is what the zones above need.
type delegation struct {
	Records    []parentRecord `json:"records"`
	Impossible []unreachable  `json:"impossible"`
	Notes      []string       `json:"notes"`
}

// parentRecord is an RRset of a zone above.
type parentRecord struct {
	FQDN record.FQDN `json:"for,omitempty"` // the name that is validated; empty where there may be many
	Name string      `json:"name"`
	Type string      `json:"type"`
	TTL  uint32      `json:"ttl"`
	Data []string    `json:"data"` // RDATA in presentation form
}

// unreachable is a name to which nothing can lead.
type unreachable struct {
	FQDN   record.FQDN `json:"for"`
	Reason string      `json:"reason"`
}

// point has a CNAME for each name.
func (d *delegating) point(names []record.FQDN) (*delegation, error) {
	z, err := d.stanza.named()
	if err != nil {
		return nil, err
	}
	p := &delegation{Records: []parentRecord{}, Impossible: []unreachable{}, Notes: targetNotes}
	for _, name := range d.leadable(p, names) {
		if reason := unleadable(name, z.Origin); reason != "" {
			p.Impossible = append(p.Impossible, unreachable{name, reason})
			continue
		}
		p.Records = append(p.Records, parentRecord{name, name.Owner(), "CNAME", d.ttl, []string{zone.Target(name, z.Origin)}})
	}
	if slices.ContainsFunc(names, record.FQDN.IsLong) {
		p.Notes = slices.Concat(p.Notes, []string{aliasNote})
	}
	return p, nil
}

// leadable returns those of names that a CA asks for, and tells of the others, and
// of the names below each for which it asks too.
func (d *delegating) leadable(p *delegation, names []record.FQDN) []record.FQDN {
	if len(d.below) > 0 {
		p.Notes = slices.Concat(p.Notes, []string{belowNote(d.below, d.stanza.cuts)})
	}
	if d.stanza.cuts && !d.all {
		p.Notes = slices.Concat(p.Notes, []string{cutsNote})
	}
	var list []record.FQDN
	for _, name := range names {
		if _, prefix := name.Prefix(); prefix && !name.IsAddress() {
			p.Impossible = append(p.Impossible, unreachable{name, "a CA asks for whole addresses, and this stands for many: write each, or delegate the zone that holds them all, by --zone and --ns"})
			continue
		}
		list = append(list, name)
	}
	return list
}

// delegate has NS and DS for the one zone, or for the zone of each name's label.
func (d *delegating) delegate(ctx context.Context, names []record.FQDN) (*delegation, error) {
	p := &delegation{Records: []parentRecord{}, Impossible: []unreachable{}, Notes: zoneNotes}
	if !d.stanza.targets {
		p.Notes = slices.Concat(p.Notes, []string{directNote})
	}
	var keys *dnssec.KeySet
	if d.keys.isSet() {
		var err error
		if err = d.keys.check(); err == nil {
			keys, err = d.keys.load(ctx)
		}
		if err != nil {
			return nil, err
		}
	} else {
		p.Notes = slices.Concat(p.Notes, []string{noKeysNote})
	}
	if d.stanza.zone != "" && !d.stanza.cuts {
		if note := d.stanza.handedNote(); note != "" {
			p.Notes = slices.Concat([]string{note}, p.Notes)
		}
		return p, d.cut(p, keys, "", d.stanza.zone)
	}
	for _, name := range d.leadable(p, names) {
		if err := d.cut(p, keys, name, name.Owner()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// cut adds the delegation of a zone.
func (d *delegating) cut(p *delegation, keys *dnssec.KeySet, name record.FQDN, origin string) error {
	c := d.stanza.config(origin)
	c.NS = d.stanza.ns
	z, err := zone.New(c)
	if err != nil {
		return usageError{err}
	}
	p.add(d.ttl, name, z.NS())
	if keys == nil {
		return nil
	}
	points, err := entryPoints(keys, []string{z.Origin}, d.at.orNow())
	if err != nil {
		return err
	}
	rrs := make([]dns.RR, 0, len(points))
	for _, point := range points {
		rrs = append(rrs, point.ds)
	}
	p.add(d.ttl, name, rrs)
	return nil
}

// add adds an RRset.
func (p *delegation) add(ttl uint32, name record.FQDN, rrset []dns.RR) {
	h := rrset[0].Header()
	r := parentRecord{name, h.Name, dns.Type(h.Rrtype).String(), ttl, nil}
	for _, rr := range rrset {
		r.Data = append(r.Data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	p.Records = append(p.Records, r)
}

// text is a zone file: all but records stands in comments.
func (p *delegation) text(w io.Writer) {
	for _, note := range p.Notes {
		comment(w, note)
	}
	for _, u := range p.Impossible {
		comment(w, fmt.Sprintf("%s: %s.", u.FQDN, u.Reason))
	}
	if len(p.Records) > 0 && len(p.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, r := range p.Records {
		for _, data := range r.Data {
			fmt.Fprintf(w, "%s\t%d\tIN\t%s\t%s\n", r.Name, r.TTL, r.Type, data)
		}
	}
}

// comment writes a paragraph as comments of a zone file.
func comment(w io.Writer, paragraph string) {
	const width = 84
	line := ";"
	for word := range strings.FieldsSeq(paragraph) {
		if len(line)+1+len(word) > width && line != ";" {
			fmt.Fprintln(w, line)
			line = "; "
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}

// locals prints a delegation as a local value of Terraform: the RRsets by name and
// type, for the for_each of a resource.
type locals struct{ *delegation }

func (p locals) text(w io.Writer) {
	for _, u := range p.Impossible {
		fmt.Fprintf(w, "# %s: %s.\n", u.FQDN, u.Reason)
	}
	fmt.Fprint(w, "locals {\n  persist_delegation = {\n")
	for _, r := range p.Records {
		quoted := make([]string, 0, len(r.Data))
		for _, data := range r.Data {
			quoted = append(quoted, fmt.Sprintf("%q", data))
		}
		fmt.Fprintf(w, "    %q = {\n      name    = %q\n      type    = %q\n      ttl     = %d\n      records = [%s]\n    }\n",
			r.Name+" "+r.Type, r.Name, r.Type, r.TTL, strings.Join(quoted, ", "))
	}
	fmt.Fprint(w, "  }\n}\n")
}
