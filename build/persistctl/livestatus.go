package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// status is what becomes of a question at one server, or at all.
type status string

// The statuses.
const (
	statusOK           status = "ok"           // there is a record that the CA accepts
	statusMissing      status = "missing"      // there is no record for the CA
	statusWrong        status = "wrong"        // its records are for another account, scope or form, or differ from the documents
	statusUnparseable  status = "unparseable"  // the CA cannot read them
	statusExpired      status = "expired"      // persistUntil has passed
	statusUnacceptable status = "unacceptable" // no record at all would be accepted
	statusNotYet       status = "not_yet"      // some servers have the record, or the grant has not begun
	statusDNSError     status = "dns_error"    // there is no answer
	statusBogus        status = "bogus"        // the answer does not validate
)

// nearest are the statuses of an answer that validates, those first that are
// nearest to being accepted.
var nearest = []status{statusOK, statusExpired, statusWrong, statusUnparseable, statusMissing}

// nearer reports whether a is nearer to being accepted than b.
func nearer(a, b status) bool { return slices.Index(nearest, a) < slices.Index(nearest, b) }

// err is how the command ends.
func (s status) err() error {
	switch s {
	case statusOK:
		return nil
	case statusNotYet:
		return errWaits
	case statusDNSError, statusBogus:
		return errDNS
	}
	return errFound
}

// judge decides what a CA makes of an answer.
type judge struct {
	q          record.Question
	rules      []record.Rules
	documented *documented // what the documents say; nil: none were given
	target     string      // to which a CNAME record should lead from the owner; empty: to none
}

// of returns the status of records with texts at owner, by the rule set under which
// they are nearest to being accepted.
func (j judge) of(owner string, texts []string) (s status, reason string) {
	s = statusMissing
	switch {
	case len(texts) == 0:
		return s, "there is no TXT record at " + owner
	default:
		reason = fmt.Sprintf("there is no record for %s at %s, only for other CAs", strings.Join(j.q.Issuers, " or "), owner)
	}
	for _, r := range j.rules {
		v := record.Judge(r, j.q, texts)
		if v.Accepted {
			return statusOK, ""
		}
		if len(v.Findings) == 0 && s == statusMissing {
			reason = v.Reason // the CA does not look
		}
		for _, f := range v.Findings {
			if found := j.ofFinding(r, f); nearer(found, s) {
				s, reason = found, fmt.Sprintf("%q: %s", f.Text, f.Reason)
			}
		}
	}
	return s, reason
}

// ofFinding tells a record that was good once from one that never was.
func (j judge) ofFinding(r record.Rules, f record.Finding) status {
	switch f.Outcome {
	case record.Foreign:
		return statusMissing
	case record.Malformed:
		return statusUnparseable
	}
	once := j.q
	once.At = time.Time{}
	if record.Judge(r, once, []string{f.Text}).Accepted {
		return statusExpired
	}
	return statusWrong
}

// combined is the status of all that was seen together. What does not validate at one
// server is worse than what is missing at all of them, and an answer that no server
// gives matters less than what the others say.
func combined(views []liveView) status {
	count := map[status]int{}
	best, answers := statusMissing, 0
	for _, v := range views {
		count[v.Status]++
		if !slices.Contains(nearest, v.Status) {
			continue
		}
		if answers++; nearer(v.Status, best) {
			best = v.Status
		}
	}
	switch good := count[statusOK]; {
	case count[statusBogus] > 0:
		return statusBogus
	case count[statusNotYet] > 0 || good > 0 && good < answers:
		return statusNotYet
	case answers == 0, good > 0 && count[statusDNSError] > 0:
		return statusDNSError
	}
	return best
}

// atTarget is the status of a server that has an alias, by what is seen where that
// leads.
func atTarget(alias string, views []liveView) (s status, reason string) {
	if s = combined(views); s != statusOK {
		reason = fmt.Sprintf("see %s, where its CNAME record leads", alias)
	}
	return s, reason
}
