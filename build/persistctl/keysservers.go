package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// serverState is what one server of a zone says of its DNSKEY RRset.
type serverState struct {
	Zone    string   `json:"zone"`
	Server  string   `json:"server"`
	Tags    []uint16 `json:"key_tags"`
	Missing string   `json:"missing,omitempty"` // of what the key document says, or why there is no answer
}

// serverStates are those of several zones.
type serverStates []serverState

// askServers asks all servers of zones whether they serve the keys as of the
// instant at.
func askServers(ctx context.Context, f *servers.Finder, keys *dnssec.KeySet, zones []string, at time.Time) (serverStates, error) {
	var all serverStates
	for _, zone := range zones {
		answers, err := f.Keys(ctx, zone)
		if err != nil {
			return nil, fmt.Errorf("%w (--resolver names another resolver, --server the servers themselves)", err)
		}
		for _, a := range answers {
			all = append(all, stateOfServer(a, keys, zone, at))
		}
	}
	return all, nil
}

func stateOfServer(a servers.KeyAnswer, keys *dnssec.KeySet, zone string, at time.Time) serverState {
	s := serverState{Zone: zone, Server: a.Server, Tags: []uint16{}}
	for _, rr := range a.Keys {
		s.Tags = append(s.Tags, rr.(*dns.DNSKEY).KeyTag())
	}
	slices.Sort(s.Tags)
	if err := follows(a, keys, zone, at); err != nil {
		s.Missing = err.Error()
	}
	return s
}

// follows reports what a server lacks of the keys that are published at the
// instant at, and of the signatures by which resolvers trust them.
func follows(a servers.KeyAnswer, keys *dnssec.KeySet, zone string, at time.Time) error {
	if a.Err != nil {
		return a.Err
	}
	wanted, _ := keys.DNSKEY(zone, at)
	for _, rr := range wanted {
		key := rr.(*dns.DNSKEY)
		switch {
		case !slices.ContainsFunc(a.Keys, func(rr dns.RR) bool { return sameKey(rr.(*dns.DNSKEY), key) }):
			return fmt.Errorf("it does not serve the key with tag %d", key.KeyTag())
		case signsKeys(keys, zone, key, at) && !signedBy(a, key, at):
			return fmt.Errorf("its DNSKEY RRset has no valid signature by the key with tag %d", key.KeyTag())
		}
	}
	return nil
}

// signsKeys reports whether key is one that signs the DNSKEY RRset.
func signsKeys(keys *dnssec.KeySet, zone string, key *dns.DNSKEY, at time.Time) bool {
	return slices.ContainsFunc(keys.DS(zone, at), func(ds *dns.DS) bool { return pointsTo(ds, key) })
}

func sameKey(a, b *dns.DNSKEY) bool {
	return a.Flags == b.Flags && a.Algorithm == b.Algorithm && a.PublicKey == b.PublicKey
}

// signedBy reports whether key has signed an answer.
func signedBy(a servers.KeyAnswer, key *dns.DNSKEY, at time.Time) bool {
	return slices.ContainsFunc(a.Signatures, func(sig *dns.RRSIG) bool {
		return sig.KeyTag == key.KeyTag() && sig.ValidityPeriod(at) && sig.Verify(key, a.Keys) == nil
	})
}

// all returns why not every server is known to serve the keys.
func (s serverStates) all() error {
	if len(s) == 0 {
		return errors.New("no server of a zone was asked")
	}
	for _, one := range s {
		if one.Missing != "" {
			return fmt.Errorf("%s: %s: %s", one.Zone, one.Server, one.Missing)
		}
	}
	return nil
}

func (s serverStates) text(w io.Writer) {
	rows := make([][]string, 0, 1+len(s))
	rows = append(rows, []string{"ZONE", "SERVER", "KEYS", "LACKS"})
	for _, one := range s {
		rows = append(rows, []string{one.Zone, one.Server, strings.Trim(fmt.Sprint(one.Tags), "[]"), one.Missing})
	}
	table(w, rows...)
}
