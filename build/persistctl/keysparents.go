package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"
)

// registerFinder adds the flags that say how to find and ask the servers of
// zones and of their parents.
func registerFinder(flags *pflag.FlagSet) *servers.Finder {
	var f servers.Finder
	flags.Var((*endpoint)(&f.Resolver), "resolver", "`IP:PORT` of the resolver that finds servers (default the system's)")
	flags.Var((*endpoints)(&f.Parents), "parent-server", "`IP:PORT` of a server to ask for the DS in the place of those that are found; may be repeated")
	flags.Var((*endpoints)(&f.Own), "server", "`IP:PORT` of a server to ask for the keys in the place of those that are found, such as each behind an anycast address; may be repeated")
	flags.StringSliceVar(&f.Without, "without-server", nil, "`SERVER`, an IP, IP:PORT or name, not to be asked for the keys: resolvers that ask it may find all bogus if it has not followed; may be repeated")
	flags.BoolVar(&f.IPv4, "ipv4", false, "ask servers at their IPv4 addresses only")
	flags.Uint16Var(&f.Port, "port", 53, "`PORT` of the servers that are found")
	return &f
}

// finderFlags are the names of the flags that registerFinder adds.
func finderFlags() (names []string) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	registerFinder(flags)
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// parentState is what one server of a parent says of a zone's DS RRset.
type parentState struct {
	Zone   string   `json:"zone"`
	Server string   `json:"server"`
	Tags   []uint16 `json:"key_tags"`
	TTL    int      `json:"ttl,omitempty"` // in seconds
	Error  string   `json:"error,omitempty"`

	ds []*dns.DS
}

// parentStates are those of several zones.
type parentStates []parentState

// askParents asks all servers of the parents of zones.
func askParents(ctx context.Context, f *servers.Finder, zones []string) (parentStates, error) {
	var all parentStates
	for _, zone := range zones {
		answers, err := f.DS(ctx, zone)
		if err != nil {
			return nil, fmt.Errorf("%w (--resolver names another resolver, --parent-server the servers themselves)", err)
		}
		for _, a := range answers {
			s := parentState{Zone: zone, Server: a.Server, Tags: []uint16{}, TTL: int(a.TTL / time.Second), ds: a.DS}
			for _, ds := range a.DS {
				s.Tags = append(s.Tags, ds.KeyTag)
			}
			slices.Sort(s.Tags)
			if a.Err != nil {
				s.Error = a.Err.Error()
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// pointTo returns why not every server is known to have a DS record of the key
// with a tag, which is published at the instant at.
func (p parentStates) pointTo(keys *dnssec.KeySet, tag uint16, at time.Time) error {
	if len(p) == 0 {
		return errors.New("no server of a parent was asked")
	}
	for _, s := range p {
		key := publishedKSK(keys, s.Zone, tag, at)
		switch {
		case key == nil:
			return fmt.Errorf("the key with tag %d is not published", tag)
		case s.Error != "":
			return fmt.Errorf("%s: %s: %s", s.Zone, s.Server, s.Error)
		case !leadsTo(s.ds, key):
			return fmt.Errorf("%s: %s has %s", s.Zone, s.Server, unled(s.ds, key))
		}
	}
	return nil
}

// answered are those that gave an answer.
func (p parentStates) answered() parentStates {
	return slices.DeleteFunc(slices.Clone(p), func(s parentState) bool { return s.Error != "" })
}

// publishedKSK returns the key signing key of zone with a tag, nil if it is not
// published at the instant at.
func publishedKSK(keys *dnssec.KeySet, zone string, tag uint16, at time.Time) *dns.DNSKEY {
	rrset, _ := keys.DNSKEY(zone, at)
	for _, rr := range rrset {
		if key := rr.(*dns.DNSKEY); key.Flags&dns.SEP != 0 && key.KeyTag() == tag {
			return key
		}
	}
	return nil
}

// ttl is the longest TTL of a DS RRset.
func (p parentStates) ttl() time.Duration {
	var most int
	for _, s := range p {
		most = max(most, s.TTL)
	}
	return time.Duration(most) * time.Second
}

func (p parentStates) text(w io.Writer) {
	rows := make([][]string, 0, 1+len(p))
	rows = append(rows, []string{"ZONE", "SERVER OF THE PARENT", "DS", "TTL"})
	for _, s := range p {
		ds := s.Error
		if ds == "" {
			ds = "none"
		}
		if len(s.Tags) > 0 {
			ds = strings.Trim(fmt.Sprint(s.Tags), "[]")
		}
		ttl := ""
		if s.TTL > 0 {
			ttl = strconv.Itoa(s.TTL)
		}
		rows = append(rows, []string{s.Zone, s.Server, ds, ttl})
	}
	table(w, rows...)
}
