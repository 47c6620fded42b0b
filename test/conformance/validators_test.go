package conformance

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// tally counts what a validator said about a zone.
type tally struct{ questions, secure, servfail, bogus atomic.Int64 }

// run asks a resolver the matrix of every setting, from an empty cache over UDP
// and again over TCP, when it may answer from what it has seen (RFC 8198).
func (r *resolver) run(t *testing.T, rep *report) {
	t.Helper()
	for _, qtype := range r.refuses {
		if answer, err := ask(t.Context(), "udp", r.Address, parent, qtype); err != nil || answer.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s does answer %s for a zone signed by others: ask it (%v)", r.name, dns.Type(qtype), err)
		}
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, s := range settings {
			list, last := s.matrix()
			// The first one alone: Knot Resolver would take the referral for a
			// question it asks of the parent for the zone's answer to another.
			for _, questions := range [][]question{list[:1], list[1:], last} {
				each(questions, func(q question) { r.judge(t, network, q, rep.of(r.name, s)) })
			}
		}
	}
	// Let it complain once, to see that it does.
	if answer, err := ask(t.Context(), "udp", r.Address, bogus, dns.TypeSOA); err != nil || answer.Rcode != dns.RcodeServerFailure {
		t.Errorf("%s: expected SERVFAIL for a zone signed by a foreign key, got %v, %v", r.name, answer, err)
	}
}

// judge asks a question.
func (r *resolver) judge(t *testing.T, network string, q question, count *tally) {
	t.Helper()
	if slices.Contains(r.refuses, q.qtype) {
		return
	}
	answer, err := ask(t.Context(), network, r.Address, q.fqdn, q.qtype)
	if err != nil {
		t.Errorf("%s, %v", r.name, err)
		return
	}
	count.questions.Add(1)
	if answer.AuthenticatedData && q.secure() {
		count.secure.Add(1)
	}
	if answer.Rcode == dns.RcodeServerFailure {
		count.servfail.Add(1)
	}
	if fault := q.fault(answer); fault != "" {
		t.Errorf("%s over %s, %s: %s\n%v", r.name, network, q, fault, answer)
	}
}

// readLogs ends the resolvers, so that their logs are complete, and counts what
// they complained about.
func (w *world) readLogs(t *testing.T, rep *report) {
	t.Helper()
	for _, r := range w.resolvers {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		complaints := r.complaints(zones())
		if complaints[bogus] == 0 {
			t.Errorf("%s did not log that %s is bogus", r.name, bogus)
		}
		delete(complaints, bogus)
		for about, n := range complaints {
			t.Errorf("%s complained %d times about %s", r.name, n, about)
		}
		for _, s := range settings {
			rep.of(r.name, s).bogus.Store(int64(complaints[s.zone()]))
		}
	}
}
