package conformance

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// askDelv asks delv, which validates what the server itself says, the matrix.
func (w *world) askDelv(t *testing.T, rep *report) {
	t.Helper()
	for _, s := range settings {
		ds, anchor := w.ds[s.zone()], filepath.Join(t.TempDir(), "anchor")
		write(t, anchor, fmt.Sprintf("trust-anchors { %q static-ds %d %d %d %q; };\n", s.zone(), ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
		args := []string{"@" + ownAddresses[0], "-a", anchor, "+root=" + s.zone()}
		questions, _ := s.matrix()
		for _, transport := range []string{"+notcp", "+tcp"} {
			each(questions, func(q question) {
				judgeDelv(t, q, rep.of("delv", s), append(slices.Clip(args), transport))
			})
		}
	}
}

// judgeDelv asks delv a question. It refuses to ask for RRSIG, and asks the
// parent, which it cannot reach, for the DS records of the zone.
func judgeDelv(t *testing.T, q question, count *tally, args []string) {
	t.Helper()
	if q.qtype == dns.TypeRRSIG || q.qtype == dns.TypeDS && q.kind <= cut {
		return
	}
	said, err := runDelv(t.Context(), append(args, "-q", q.fqdn, "-t", dns.Type(q.qtype).String()))
	count.questions.Add(1)
	data, known := q.data()
	positive := strings.Contains(string(said), "; fully validated")
	negative := strings.Contains(string(said), "; negative response, fully validated")
	if err != nil || positive == negative || known && positive != data {
		t.Errorf("delv, %s: expected records %t, validated, got %v\n%s", q, data, err, said)
		return
	}
	count.secure.Add(1)
}

// delvHangs is long after delv has given up on every server. About one run in
// ten thousand of version 9.18 never ends, whatever it was told.
const delvHangs = 30 * time.Second

// runDelv runs delv, again where it hangs.
func runDelv(ctx context.Context, args []string) (said []byte, err error) {
	for range 3 {
		once, cancel := context.WithTimeout(ctx, delvHangs)
		said, err = exec.CommandContext(once, "delv", args...).CombinedOutput()
		hung := once.Err() != nil
		cancel()
		if !hung {
			break
		}
	}
	return said, err
}
