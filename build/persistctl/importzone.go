package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

// foundRecord is a record of a zone file that validates something.
type foundRecord struct {
	place string // file and owner
	name  record.FQDN
	text  string
	record.Record
}

// leftOut is what could not be imported, and why.
type leftOut struct {
	Place  string `json:"place"`
	Text   string `json:"text,omitempty"`
	Reason string `json:"reason"`
}

// zoneFiles returns the files that args mean: themselves, or those in them.
func zoneFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return nil, err
		case !info.IsDir():
			files = append(files, arg)
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(arg, e.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there are no files")
	}
	return files, nil
}

// readZone returns the records of a zone file (RFC 1035 section 5) that CAs look
// for, each once. Others are none of our concern.
func readZone(file, origin string) (found []foundRecord, out []leftOut, err error) {
	f, err := os.Open(file) // #nosec G304 -- the user's choice
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	p := dns.NewZoneParser(f, dns.Fqdn(origin), file)
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name, isOwner := ownerOf(rr)
		if !isOwner {
			if under, ok := nameUnder(rr); ok {
				out = append(out, leftOut{fmt.Sprintf("%s: %s", file, rr.Header().Name), "", "stands below " + under + ", where CAs do not look: write the names that are to be validated one by one"})
			}
			continue
		}
		r, problem := readRecord(rr, name)
		r.place = fmt.Sprintf("%s: %s", file, rr.Header().Name)
		switch {
		case problem != nil:
			out = append(out, leftOut{r.place, r.text, problem.Error()})
		case !slices.ContainsFunc(found, func(o foundRecord) bool { return o.name == r.name && o.Record == r.Record }):
			found = append(found, r)
		}
	}
	return found, out, p.Err()
}

// ownerOf returns the name that the owner of rr is for, and false where CAs do
// not look there.
func ownerOf(rr dns.RR) (string, bool) {
	owner := strings.ToLower(rr.Header().Name)
	for _, label := range []string{record.Label, record.IPLabel} {
		if name, ok := strings.CutPrefix(owner, label+"."); ok {
			return name, true
		}
	}
	return "", false
}

// nameUnder returns the owner of a name below which the wildcard rr stands: it
// answers for names that no CA asks for.
func nameUnder(rr dns.RR) (owner string, is bool) {
	below, wide := strings.CutPrefix(rr.Header().Name, "*.")
	first, _, _ := strings.Cut(strings.ToLower(below), ".")
	return below, wide && (first == record.Label || first == record.IPLabel)
}

// readRecord reads what a CA would.
func readRecord(rr dns.RR, name string) (r foundRecord, err error) {
	switch rr := rr.(type) {
	case *dns.TXT:
		if r.text, err = textOf(rr); err != nil {
			return r, err
		}
	case *dns.CNAME:
		return r, fmt.Errorf("is an alias: import the zone of %s, where the record stands", rr.Target)
	default:
		return r, fmt.Errorf("is of type %s, which no CA looks for", dns.Type(rr.Header().Rrtype))
	}
	var wildcard bool
	if r.name, wildcard, err = record.ParseFQDN(strings.TrimSuffix(name, ".")); err != nil {
		return r, err
	}
	if wildcard || r.name.Owner() != strings.ToLower(rr.Header().Name) {
		return r, errors.New("stands where CAs do not look")
	}
	r.Record, err = record.Read(r.text)
	return r, err
}

// textOf is the value of a TXT record: the octets of its strings, one after the
// other.
func textOf(rr *dns.TXT) (string, error) {
	wire := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for data := wire[end-int(rr.Hdr.Rdlength) : end]; len(data) > 0; data = data[1+int(data[0]):] {
		text.Write(data[1 : 1+int(data[0])])
	}
	return text.String(), nil
}
