package main

import (
	"fmt"
	"slices"
	"strings"
)

// conclude puts together what was seen, and says what to do.
func (s *sight) conclude(j judge) {
	views := s.views()
	s.Status = combined(views)
	none, unaccepted := j.hopeless(), slices.Contains(nearest[1:], s.Status)
	stray := s.strayAlias(j.target)
	switch {
	case none != nil && unaccepted:
		s.Status = statusUnacceptable
		s.Reason, s.Advice = fmt.Sprintf("no record would be accepted at %s: %s", s.Owner, strings.Join(none, "; ")), j.whereHopeless()
	case stray != "" && (unaccepted || s.Status == statusDNSError):
		s.Reason, s.Advice = s.astray(stray, j.target)
	case !s.begins.IsZero() && unaccepted: // whatever there is no record for before the grant begins is in order
		s.Status = statusNotYet
		s.Reason = "the grant begins at " + stamp(s.begins)
		s.Advice = "order after that, or change not_before in the account document"
		return
	default:
		s.Reason, s.Advice = s.why(views), s.advice(j)
	}
	for _, v := range views {
		if v.TCP != "" {
			s.Hints = append(s.Hints, fmt.Sprintf("%s gives no answer over TCP, which whoever gets a truncated one asks by (RFC 7766): %s", v.Server, v.TCP))
		}
	}
	if s.Status == statusOK && !s.Resolver.Validated {
		s.Hints = append(s.Hints, "the resolver has not validated the answer: either no chain of trust leads to the zone of the name, or to one that a CNAME leads on to, which has no DS at its parent then, or the resolver does not validate")
	}
}

// why is the sentence that explains the status: that of the view which decides it.
func (s *sight) why(views []liveView) string {
	if s.Status == statusOK {
		return "every server has a record that the CA accepts, and the resolver too"
	}
	if s.Status == statusNotYet {
		return disagreement(views)
	}
	if v := s.unanswering(); s.Status == statusDNSError && v != nil {
		return v.unanswered()
	}
	i := slices.IndexFunc(views, func(v liveView) bool { return v.Status == s.Status && v.Reason != "" })
	return fmt.Sprintf("%s: %s", views[i].Server, views[i].Reason)
}

// disagreement says who has the record and who has not.
func disagreement(views []liveView) string {
	good := 0
	var without []string
	for _, v := range views {
		switch {
		case v.Status == statusOK:
			good++
		case v.Status != statusNotYet:
			without = append(without, fmt.Sprintf("%s (%s: %s)", v.Server, v.Status, v.Reason))
		}
	}
	return fmt.Sprintf("%d of %d have a record that the CA accepts, all but %s", good, good+len(without), strings.Join(without, ", "))
}

// advice says what to do about the status.
func (s *sight) advice(j judge) string {
	switch s.Status {
	case statusMissing:
		return s.whereMissing(j)
	case statusWrong, statusUnparseable:
		return s.whereWrong(j)
	case statusExpired:
		return "move persistUntil on, or leave until to roll: if it rolled until now, look whether servers reach their store, and for a freeze"
	case statusNotYet:
		return "ask again once the TTL of what is cached has passed; a server that stays behind does not read the documents, or the zone, that the others do"
	case statusDNSError:
		return s.whereUnanswered()
	case statusBogus:
		return "no CA goes on before it validates: compare the DS at the parent with the zone's keys (persistctl keys status ZONE --parents --servers), and look for a server that serves old signatures"
	}
	return ""
}

// whereMissing says what to publish.
func (s *sight) whereMissing(j judge) string {
	switch {
	case j.target != "" && len(s.aliases()) == 0 && (j.documented == nil || len(j.documented.records) > 0):
		return fmt.Sprintf("publish this CNAME record, as persistctl delegate prints it: %s CNAME %s", s.Owner, j.target)
	case j.documented == nil:
		return "publish this TXT record: " + j.acceptable(s.Resolver.end())
	case len(j.documented.records) > 0 && j.documented.subtree != "":
		return fmt.Sprintf("the documents say that it is served, by the subtree of %s: look whether something leads from this name too to servers that read them, and whether those have cuts or denial nsec, which serve no subtree", j.documented.subtree)
	case len(j.documented.records) > 0:
		return "the documents say that it is served: look whether the zone is delegated to servers that read them, and at their logs"
	case len(s.Withheld) > 0:
		return "see below why the grant is not served"
	}
	return fmt.Sprintf("grant %s to the account: %s", s.subject(), j.acceptable(s.Resolver.end()))
}

// whereWrong says what to publish instead.
func (s *sight) whereWrong(j judge) string {
	if s.Status == statusWrong && slices.ContainsFunc(s.Servers, func(v liveView) bool { return len(v.Extra)+len(v.Lacking) > 0 }) {
		return "look which documents the servers read, whether they reach their store, and who else writes to the zone; persistctl show has what is to be served"
	}
	if s.Status == statusWrong && s.narrowed {
		return "see below which stop takes the wildcard: if it is a slip, lift it by persistctl resume"
	}
	return "publish this TXT record instead: " + j.acceptable(s.Resolver.end())
}
