package dnssec

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestStatusTellsWhatComesNextAndWhy(t *testing.T) {
	k := rolling(t)
	type row struct {
		Role   string
		State  State
		Next   State
		When   string
		Reason string
	}
	const (
		plan    = "the key document says so"
		before  = "26h before it signs, so that no resolver holds a DNSKEY RRset without it by then"
		turn    = "the key before it retires then"
		signs   = "each key signs for 720h"
		lingers = "what it signed is served and cached until then"
	)
	for _, tt := range []struct {
		at   time.Time
		want []row
	}{
		{start, []row{
			{"KSK", Active, Retired, "2027-12-04 12:00", plan},
			{"KSK", Waiting, Published, "2027-11-19 12:00", plan},
			{"ZSK", Active, Retired, "2026-12-24 12:00", signs},
			{"ZSK", Waiting, Published, "2026-12-23 10:00", before},
		}},
		{start.Add(30*day - time.Hour), []row{
			{"KSK", Active, Retired, "2027-12-04 12:00", plan},
			{"KSK", Waiting, Published, "2027-11-19 12:00", plan},
			{"ZSK", Active, Retired, "2026-12-24 12:00", signs},
			{"ZSK", Published, Active, "2026-12-24 12:00", turn},
			{"ZSK", Waiting, Published, "2027-01-22 10:00", before},
		}},
		{start.Add(30*day + time.Hour), []row{
			{"KSK", Active, Retired, "2027-12-04 12:00", plan},
			{"KSK", Waiting, Published, "2027-11-19 12:00", plan},
			{"ZSK", Retired, Removed, "2026-12-27 02:00", lingers},
			{"ZSK", Active, Retired, "2027-01-23 12:00", signs},
			{"ZSK", Waiting, Published, "2027-01-22 10:00", before},
		}},
		{start.Add(363 * day), []row{
			{"KSK", Active, Retired, "2027-12-04 12:00", plan},
			{"KSK", Published, Active, "2027-11-24 12:00", plan},
			{"ZSK", Active, Retired, "2027-12-19 12:00", signs},
			{"ZSK", Waiting, Published, "2027-12-18 10:00", before},
		}},
		{start.Add(376 * day), []row{
			{"KSK", Retired, Removed, "2027-12-09 12:00", plan},
			{"KSK", Active, "", "", "the key document plans nothing further"},
			{"ZSK", Active, Retired, "2027-12-19 12:00", signs},
			{"ZSK", Waiting, Published, "2027-12-18 10:00", before},
		}},
		{start.Add(380 * day), []row{
			{"KSK", Removed, "", "", "the key document plans nothing further"},
			{"KSK", Active, "", "", "the key document plans nothing further"},
			{"ZSK", Active, Retired, "2027-12-19 12:00", signs},
			{"ZSK", Waiting, Published, "2027-12-18 10:00", before},
		}},
	} {
		var got []row
		for _, s := range k.Status(tt.at) {
			r := row{s.Role, s.State, s.Next, "", s.Reason}
			if !s.When.IsZero() {
				r.When = s.When.Format("2006-01-02 15:04")
			}
			got = append(got, r)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("At %s:\n%s", tt.at, diff)
		}
	}
}

// What Status says of the DNSKEY RRset is what is in it.
func TestStatusAgreesWithTheDNSKEYRRset(t *testing.T) {
	k := rolling(t)
	for at := start; at.Before(start.Add(400 * day)); at = at.Add(7 * time.Hour) {
		published := map[uint16]bool{}
		for _, s := range k.Status(at) {
			if s.State != Waiting && s.State != Removed {
				published[s.Tag] = true
			}
			if s.Algorithm != dns.ECDSAP256SHA256 {
				t.Fatalf("Key %d has algorithm %d", s.Tag, s.Algorithm)
			}
		}
		set, _ := k.DNSKEY(origin, at)
		served := map[uint16]bool{}
		for _, rr := range set {
			served[rr.(*dns.DNSKEY).KeyTag()] = true
		}
		if diff := cmp.Diff(served, published); diff != "" {
			t.Fatalf("At %s:\n%s", at, diff)
		}
	}
}
