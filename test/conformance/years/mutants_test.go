package years

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns-persist/persist/test/parts"
)

// formula is a line of the source and a copy in which one formula of time is
// halved, or else broken to where it does harm. It is noticed in the few days of the plan, or by the test named, where
// two rules of time cover each other in any plan.
type formula struct{ what, file, line, halved, plan, test string }

// Where the formulas are.
const (
	dnssecDir = "../../../plugin/persist/dnssec/"
	answerDir = "../../../plugin/persist/answer/"
	zoneDir   = "../../../plugin/persist/zone/"
)

var formulas = []formula{
	{"a ZSK is published ahead", dnssecDir + "keyset.go",
		"zsks:         zskSchedule{ahead: d.ahead(), after: d.after()},",
		"zsks:         zskSchedule{ahead: d.ahead() / 2, after: d.after()},", "secondaries", ""},
	{"a ZSK is published after", dnssecDir + "keyset.go",
		"zsks:         zskSchedule{ahead: d.ahead(), after: d.after()},",
		"zsks:         zskSchedule{ahead: d.ahead(), after: d.after() / 2},", "dense", ""},
	{"a ZSK is published for servers that lag", dnssecDir + "schedule.go",
		"margin = 25 * time.Hour",
		"margin = 25 * time.Hour / 2", "secondaries", ""},
	{"a window, as far as a ZSK is published after", dnssecDir + "schedule.go",
		"return time.Duration(d.Validity.Data)/2 + MaxTTL*time.Second + margin",
		"return time.Duration(d.Validity.Data)/4 + MaxTTL*time.Second + margin", "secondaries", ""},
	{"a window", dnssecDir + "window.go",
		"step := seconds(validity / 2)",
		"step := seconds(validity / 4)", "dense", ""},
	{"backdate", dnssecDir + "signer.go",
		"t := terms{inception: w.from.Add(-backdate)}",
		"t := terms{inception: w.from.Add(-backdate / 2)}", "dense", ""},
	{"validity", dnssecDir + "signer.go",
		"t.expiration = t.inception.Add(validity)",
		"t.expiration = t.inception.Add(validity / 2)", "dense", ""},
	{"the life that is left of a signature", dnssecDir + "window.go",
		"leastLife = 12 * time.Hour",
		"leastLife = 12 * time.Hour / 2", "extreme", ""},
	{"expiration is capped", dnssecDir + "signer.go",
		"t.expiration = earlier(t.expiration, notAfter.Truncate(time.Second))",
		"t.expiration = t.expiration.Add(min(0, notAfter.Truncate(time.Second).Sub(t.expiration)) / 2)", "dense", ""},
	// Records leave earlier than this, and other signatures have leastLife.
	{"a signature is served until", dnssecDir + "signer.go",
		"t.served.until = earlier(t.served.until, t.expiration.Add(-time.Duration(h.Ttl)*time.Second))",
		"t.served.until = earlier(t.served.until, t.expiration.Add(-time.Duration(h.Ttl)*time.Second/2))", "", "TestNotAfterEndsASignatureEarly"},
	{"a record leaves", zoneDir + "rotation.go",
		"t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew)",
		"t.bound(at, g.NotBefore, (time.Duration(z.ttl)*time.Second+Skew)/2)", "dense", ""},
	{"a record leaves, by the TTL", zoneDir + "rotation.go",
		"t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew)",
		"t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second/2+Skew)", "dense", ""},
	{"a record leaves, by the skew", zoneDir + "rotation.go",
		"t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew)",
		"t.bound(at, g.NotBefore, time.Duration(z.ttl)*time.Second+Skew/2)", "dense", ""},
	{"a grant goes stale before its record leaves", zoneDir + "rotation.go",
		"return min(z.maxStale, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)",
		"return min(z.maxStale, g.Until.Floor+z.grace-(time.Duration(z.ttl)*time.Second+Skew)/2)", "dense", ""},
	{"a grant goes stale, max_stale", zoneDir + "rotation.go",
		"return min(z.maxStale, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)",
		"return min(z.maxStale/2, g.Until.Floor+z.grace-time.Duration(z.ttl)*time.Second-Skew)", "dense", ""},
	{"grace", zoneDir + "rotation.go",
		"z.rotate(&t, g.Until, at, confirmed.Add(z.grace))",
		"z.rotate(&t, g.Until, at, confirmed.Add(z.grace/2))", "dense", ""},
	{"floor", zoneDir + "rotation.go",
		"t = t.Add(floor)",
		"t = t.Add(floor / 2)", "dense", ""},
	{"a listing goes stale", zoneDir + "place.go",
		"return at.Before(listed.Add(z.maxStale))",
		"return at.Before(listed.Add(z.maxStale / 2))", "dense", ""},
	{"CDS waits for caches behind secondaries", dnssecDir + "roll.go",
		"estimated := k.Publish.time().Add(d.ahead())",
		"estimated := k.Publish.time().Add(d.ahead() / 2)", "secondaries", ""},
	// Servers are seen before CDS names the key, and those that nobody sees cover
	// for caches.
	{"CDS waits for caches", dnssecDir + "roll.go",
		"observed := secondsUp(seen.UTC()).Add(time.Duration(d.TTL)*time.Second + notice)",
		"observed := secondsUp(seen.UTC()).Add((time.Duration(d.TTL)*time.Second + notice) / 2)", "", "TestTheNewKeyIsOfferedOnlyAfterEveryServerWasSeenWithIt"},
	{"the old KSK waits for caches", dnssecDir + "roll.go",
		"end := instant(secondsUp(seen.UTC()).Add(ttl + notice))",
		"end := instant(secondsUp(seen.UTC()).Add((ttl + notice) / 2))", "dense", ""},
	{"a secondary keeps data until", dnssecDir + "expire.go",
		"data := k.dataValidity/2 - backdate - MaxTTL*time.Second",
		"data := k.dataValidity - backdate - MaxTTL*time.Second", "expiring", ""},
	{"a secondary keeps data until, by the backdating", dnssecDir + "expire.go",
		"data := k.dataValidity/2 - backdate - MaxTTL*time.Second",
		"data := k.dataValidity/2 - MaxTTL*time.Second", "expiring", ""},
	{"a secondary keeps data until, by the TTL", dnssecDir + "expire.go",
		"data := k.dataValidity/2 - backdate - MaxTTL*time.Second",
		"data := k.dataValidity/2 - backdate", "expiring", ""},
	{"a secondary keeps keys until", dnssecDir + "expire.go",
		"keys := k.keyValidity/2 - backdate - time.Duration(k.ttl)*time.Second",
		"keys := k.keyValidity - backdate - time.Duration(k.ttl)*time.Second", "expiringKeys", ""},
	{"a secondary keeps keys until, by the backdating", dnssecDir + "expire.go",
		"keys := k.keyValidity/2 - backdate - time.Duration(k.ttl)*time.Second",
		"keys := k.keyValidity/2 - time.Duration(k.ttl)*time.Second", "expiringKeys", ""},
	{"a secondary keeps keys until, by the TTL", dnssecDir + "expire.go",
		"keys := k.keyValidity/2 - backdate - time.Duration(k.ttl)*time.Second",
		"keys := k.keyValidity/2 - backdate", "expiringKeys", ""},
	{"a secondary gets signatures late", dnssecDir + "expire.go",
		"return min(data, keys) - late",
		"return min(data, keys)", "expiring", ""},
	// Signatures over keys are replaced at once, and Expire takes them to be late.
	{"a zone is transferred only if its signatures last", answerDir + "compose.go",
		"if lasts := st.lasts(); lasts < (refresh+retry)*time.Second {",
		"if lasts := st.lasts(); lasts < -(refresh+retry)*time.Second {", "", "TestAZoneWhoseSignaturesDoNotLastUntilARefreshIsNotTransferred"},
	{"a secondary keeps the zone until", answerDir + "compose.go",
		"mostExpire = 86400",
		"mostExpire = 86400 * 2", "secondaries", ""},
	{"a zone that is no longer whole has another serial", answerDir + "compose.go",
		"c.changed = c.changed || txt != nil // the chain may not tell: a stale name keeps its bit",
		"", "secondaries", ""},
	{"a bundle begins before its window", dnssecDir + "bundle.go",
		"inception := w.from.Add(-backdate)",
		"inception := w.from.Add(-backdate / 2)", "away", ""},
	{"a bundle is valid", dnssecDir + "bundle.go",
		"return terms{inception: inception, expiration: inception.Add(k.keyValidity), served: w}",
		"return terms{inception: inception, expiration: inception.Add(k.keyValidity / 2), served: w}", "away", ""},
	{"a bundle is served for half its validity", dnssecDir + "bundle.go",
		"grid := windowOf(origin, dns.TypeDNSKEY, k.keyValidity, at)",
		"grid := windowOf(origin, dns.TypeDNSKEY, k.keyValidity*2, at)", "away", ""},
	{"a bundle ends where the keys change", dnssecDir + "bundle.go",
		"return earlier(earlier(dnskey, cds), signed.until)",
		"return earlier(earlier(never, cds), signed.until.Add(0*dnskey.Sub(dnskey)))", "away", ""},
	{"a bundle ends where CDS changes", dnssecDir + "bundle.go",
		"return earlier(earlier(dnskey, cds), signed.until)",
		"return earlier(earlier(dnskey, never), signed.until.Add(0*cds.Sub(cds)))", "away", ""},
	{"a bundle ends where its signers change", dnssecDir + "bundle.go",
		"return earlier(earlier(dnskey, cds), signed.until)",
		"return earlier(earlier(dnskey, cds), most.Add(0*signed.until.Sub(signed.until)))", "", "TestBundlesFollowARollOfTheKey"},
	{"bundles are signed for clocks that are slow", dnssecDir + "bundlesign.go",
		"for w := k.bundleWindow(origin, from.Add(-margin)); w.from.Before(until); w = k.bundleWindow(origin, w.until) {",
		"for w := k.bundleWindow(origin, from); w.from.Before(until); w = k.bundleWindow(origin, w.until) {", "away", ""},
	{"bundles are read for clocks that are slow", dnssecDir + "bundlecheck.go",
		"if one.until.Add(margin).Before(at) {",
		"if one.until.Before(at) {", "", "TestBundlesServeAClockThatWasAheadWhenTheyWereRead"},
	// Of these the document of bundles alone could make use.
	{"a bundle ends where the key document says otherwise", dnssecDir + "bundlecheck.go",
		"used.until = earlier(one.until, k.unchanged(origin, one.from, one.until))",
		"used.until = one.until", "", "TestAnOlderBundleServesUntilTheKeyDocumentSaysOtherwise"},
	{"a bundle is valid for longer than its window", dnssecDir + "bundlecheck.go",
		"last := b.until.Add(leastLife)",
		"last := b.until.Add(leastLife / 2)", "", "TestABundleThatFailsIsNotUsedAndIsNamed"},
	{"bundles of other zones are kept for clocks that are slow", dnssecDir + "bundles.go",
		"b.zones[name] = slices.DeleteFunc(list, func(one *bundle) bool { return one.until.Add(margin).Before(at) })",
		"b.zones[name] = slices.DeleteFunc(list, func(one *bundle) bool { return one.until.Add(margin / 2).Before(at) })", "", "TestBundlesOfOtherZonesStayUntilTheyAreOver"},
	{"a key of BIND is published ahead", dnssecDir + "bindkeys.go",
		"zone := &bindKeys{ahead: time.Duration(k.ttl)*time.Second + margin}",
		"zone := &bindKeys{ahead: (time.Duration(k.ttl)*time.Second + margin) / 2}", "bind", ""},
	{"a key of BIND is published after", dnssecDir + "bindkeys.go",
		"after := k.window() + MaxTTL*time.Second",
		"after := (k.window() + MaxTTL*time.Second) / 2", "", "TestKeysOfBINDThatWouldFailAreRefused"},
	{"a key of BIND is waited for", dnssecDir + "continuebind.go",
		"held := at.Add(time.Duration(before.ttl)*time.Second + skew)",
		"held := at.Add((time.Duration(before.ttl)*time.Second + skew) / 2)", "", "TestChangedFilesOfBINDAreTakenOverOnlyIfNothingBreaks"},
	{"a key of BIND stays while what it signed is served", dnssecDir + "continuebind.go",
		"for _, used := range []time.Time{at.Add(-before.window() - MaxTTL*time.Second), at} {",
		"for _, used := range []time.Time{at} {", "", "TestChangedFilesOfBINDAreTakenOverOnlyIfNothingBreaks"},
	{"a key document waits for its bundles", dnssecDir + "bundlereach.go",
		"case needed && has.Before(had) && has.Before(b.End(origin)) && has.Sub(at) < LowReach:",
		"case needed && has.Before(had) && has.Before(b.End(origin)) && has.Sub(at) < -LowReach:", "away", ""},
	{"bundles are signed beside those in use", dnssecDir + "bundlesign.go",
		"if !slices.Contains(b.zones[origin], old) {",
		"if !slices.Contains(b.zones[origin], old) && false {", "away", ""},
	// No formula, but what the operator must not leave out.
	{"CDS waits for every server", "operator_test.go",
		"if behind {",
		"if behind && false {", "dense", ""},
	{"the old KSK stays while the parent has lost the new DS", "operator_test.go",
		"if w.seen(t) { // and has not lost it",
		"if true {", "dense", ""},
}

// Where one formula is broken, somebody must notice: a copy of the source takes
// the place of the file in one build, and with that the simulation must fail in
// which everything happens in few days.
func TestBreakingAnyFormulaIsNoticed(t *testing.T) {
	if shortened {
		t.Skip("the same without the race detector")
	}
	for _, f := range formulas {
		t.Run(f.what, func(t *testing.T) {
			t.Parallel()
			dir, test := ".", "TestNoResolverIsMisledByAnyEvent/^"+f.plan+"$"
			if f.test != "" {
				dir, test = filepath.Dir(f.file), f.test
			}
			run := exec.Command(f.build(t, dir), "-test.run=^"+test)
			run.Dir = dir
			out, err := run.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("Nobody noticed\n%s", out)
			case !strings.Contains(string(out), "--- FAIL: "+strings.NewReplacer("^", "", "$", "").Replace(test)):
				t.Errorf("The test did not run: %v\n%s", err, out)
			default:
				t.Logf("%s", out)
			}
		})
	}
}

// build compiles the tests of the package in dir with the line replaced.
func (f formula) build(t *testing.T, dir string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", parts.Overlay(t, f.file, f.line, f.halved), "-o", binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
