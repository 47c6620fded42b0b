package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
)

// rollState is how far a roll-over has come.
type rollState struct {
	Did     string       `json:"did,omitempty"` // by this run
	Phase   dnssec.Phase `json:"phase"`
	Old     uint16       `json:"old_key_tag"`
	New     uint16       `json:"new_key_tag,omitempty"`
	Zones   []string     `json:"zones,omitempty"`
	CutsOf  []string     `json:"cuts_of,omitempty"` // the same of every cut of these
	Publish time.Time    `json:"publish,omitzero"`
	Submit  time.Time    `json:"cds,omitzero"`
	Remove  time.Time    `json:"remove,omitzero"`
	Held    time.Time    `json:"held,omitzero"`
	Waits   string       `json:"waits_for,omitempty"`
	Until   time.Time    `json:"until,omitzero"`
	Missing string       `json:"missing,omitempty"` // where the DS, or a key, has not been seen
	Parents parentStates `json:"parents,omitempty"`
	Servers serverStates `json:"servers,omitempty"`
	Cuts    cutsProgress `json:"cuts,omitzero"`
}

func rollAt(keys *dnssec.KeySet, at time.Time) *rollState {
	s := keys.Roll(at)
	return &rollState{
		Phase: s.Phase, Old: s.Old, New: s.New, Zones: keys.Zones, CutsOf: keys.Cuts,
		Publish: s.Publish, Submit: s.Submit, Remove: s.Remove, Held: s.Held, Waits: s.Waits, Until: s.Until,
	}
}

func (s *rollState) with(did string, seen allSeen, missing error) *rollState {
	s.Did, s.Parents = did, seen.zones
	if seen.cuts != nil {
		s.Cuts = seen.cuts.progress(seen.forget)
		s.Cuts.Gone = seen.gone
	}
	if missing != nil {
		s.Missing = missing.Error()
	}
	return s
}

// done reports whether nothing is left to wait for.
func (s *rollState) done() bool { return s.Waits == "" }

// wait is how long to sleep before looking again.
func (s *rollState) wait(now time.Time) time.Duration {
	switch {
	case s.Until.IsZero() && len(s.CutsOf) > 0:
		return lookAnyway // the parents are many, and other people's
	case s.Until.IsZero():
		return lookAgain
	}
	return max(time.Second, min(s.Until.Sub(now), lookAnyway))
}

func (s *rollState) text(w io.Writer) {
	if s.Did != "" {
		fmt.Fprintf(w, "%s.\n", s.Did)
	}
	if s.done() {
		return
	}
	s.timeline(w)
	if s.New != 0 {
		fmt.Fprintf(w, "The phase is %s.\n", s.Phase)
	}
	fmt.Fprintf(w, "Waits for %s", s.Waits)
	switch {
	case s.Missing != "":
		fmt.Fprintf(w, ": %s", s.Missing)
	case !s.Until.IsZero():
		fmt.Fprintf(w, ", until %s", stamp(s.Until))
	}
	fmt.Fprintln(w, ".")
	if s.Phase == dnssec.Announced || s.Phase == dnssec.Spreading {
		fmt.Fprintf(w, "No parent is to have the new DS yet: what goes by it alone would break where a server or a cache lacks KSK %d.\n", s.New)
	}
	if len(s.Parents) > 0 {
		fmt.Fprintln(w)
		s.Parents.text(w)
	}
	if len(s.Servers) > 0 {
		fmt.Fprintln(w)
		s.Servers.text(w)
	}
	if s.Cuts.Total > 0 {
		fmt.Fprintln(w)
		s.Cuts.text(w)
		s.Cuts.goneText(w)
	}
}

// timeline prints what happens when.
func (s *rollState) timeline(w io.Writer) {
	if s.New == 0 {
		return
	}
	offer, end := s.when(s.Submit), s.when(s.Remove)
	if offer == "" {
		offer = "not before every server has it"
	}
	if end == "" {
		end = "not before every parent has the new DS"
	}
	table(w,
		[]string{"KSK", "WHAT", "WHEN"},
		[]string{strconv.Itoa(int(s.New)), "is published and signs", s.when(s.Publish)},
		[]string{strconv.Itoa(int(s.New)), "is named by CDS and CDNSKEY", offer},
		[]string{strconv.Itoa(int(s.Old)), "is removed", end},
	)
}

// when is the instant of what is planned. A hold that began before puts it off.
func (s *rollState) when(at time.Time) string {
	if !s.Held.IsZero() && at.After(s.Held) {
		return stamp(at) + ", and later by as long as the hold is"
	}
	return stamp(at)
}
