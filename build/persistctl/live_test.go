package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/build/persistctl/servers"
	"github.com/coredns-persist/persist/plugin/persist/policy/policytest"

	"github.com/miekg/dns"
)

const good = "ca.example; accounturi=" + policytest.AccountURI

func questionFor(zone string) dns.Question { return dns.Question{Name: zone, Qtype: dns.TypeSOA} }

// checked is what check --live prints for programs.
type checked struct {
	Status, Reason, Advice string
	Resolver               struct {
		Status    string
		Validated bool
	}
	Servers []checkedServer
	Hints   []string

	Delegation []string
	Verdicts   []struct{ Accepted, Bogus bool }
}

// checkedServer is what it prints of one server.
type checkedServer struct {
	Server, Name, Status, Reason, Alias string
	Validated                           bool
	Records                             []string
	Extra                               []string `json:"not_in_documents"`
	Lacking                             []string `json:"not_served"`
}

// statuses are those of the servers, in the order of the servers.
func (c checked) statuses() []string {
	all := make([]string, 0, len(c.Servers))
	for _, s := range c.Servers {
		all = append(all, s.Status)
	}
	return all
}

// checkLive runs check --live, whose exit status must be that of the status it
// prints.
func checkLive(t *testing.T, w *liveWorld, resolver string, args ...string) checked {
	t.Helper()
	args = append([]string{"check"}, args...)
	args = append(args, "--live", "--resolver", resolver, "--port", w.port, "--ipv4", "--issuer", "ca.example")
	if !slices.Contains(args, "--account") {
		args = append(args, "--account", policytest.AccountURI)
	}
	var out, complaint strings.Builder
	exit := execute(append(args, "-o", "json"), &out, &complaint)
	var c checked
	if err := json.Unmarshal([]byte(out.String()), &c); err != nil {
		t.Fatalf("persistctl %s: status %d: %v: %s", strings.Join(args, " "), exit, err, complaint.String())
	}
	want, known := map[string]int{
		"ok": 0, "missing": 1, "wrong": 1, "unparseable": 1, "unacceptable": 1, "expired": 1, "not_yet": 3, "dns_error": 4, "bogus": 4,
	}[c.Status]
	if !known || exit != want {
		t.Errorf("Expected the exit status %d with the status %q, got %d", want, c.Status, exit)
	}
	if (c.Advice == "") != (c.Status == "ok") || c.Reason == "" {
		t.Errorf("Expected a reason, and advice unless all is well, got %+v", c)
	}
	return c
}

// expect fails unless c has a status, and the servers theirs.
func (c checked) expect(t *testing.T, status, reason string, servers ...string) {
	t.Helper()
	if c.Status != status || !strings.Contains(c.Reason, reason) || !slices.Equal(c.statuses(), servers) {
		t.Errorf("Expected %s because of %q, with %q at the servers, got %+v", status, reason, servers, c)
	}
}

// Two nodes of ours with the same documents and keys, and a resolver that trusts
// their DS.
func TestServersThatAgreeAndValidateAreOK(t *testing.T) {
	w := newLiveWorld(t, owner)
	keys, policies := keysFor(t), documentsIn(t, policytest.Standard())
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--dir", keys))
	for n := range 2 {
		w.persist(n+1, policies, "keys dir "+keys, owner)
	}
	resolver := w.resolver()

	for _, dir := range [][]string{nil, {policies}} {
		c := checkLive(t, w, resolver, append([]string{"example.com"}, dir...)...)
		c.expect(t, "ok", "every server", "ok", "ok")
		if !c.Resolver.Validated || !c.Servers[0].Validated || !c.Servers[1].Validated || len(c.Hints) > 0 {
			t.Errorf("Expected all of it to validate, got %+v", c)
		}
	}
	c := checkLive(t, w, resolver, "example.com", "--at", time.Now().Add(30*24*time.Hour).UTC().Format(time.RFC3339))
	c.expect(t, "expired", "persistUntil was", "expired", "expired")
	c = checkLive(t, w, resolver, "*.example.com")
	c.expect(t, "wrong", "no policy=wildcard", "wrong", "wrong")
	if want := `_validation-persist.example.com. TXT "` + good + `; policy=wildcard"`; !strings.Contains(c.Advice, want) {
		t.Errorf("Expected the advice to publish %s, got %q", want, c.Advice)
	}
	c = checkLive(t, w, resolver, "example.com", "--account", policytest.AccountURI+"4")
	c.expect(t, "wrong", "that of the account is "+policytest.AccountURI+"4", "wrong", "wrong")
	c = checkLive(t, w, resolver, "example.com", "--rules", "draft-02")
	c.expect(t, "unacceptable", "accountHashPrefix", "unparseable", "unparseable")
}

func TestAnEmptyAnswerIsMissing(t *testing.T) {
	w := newLiveWorld(t, owner)
	keys := keysFor(t)
	granted := documentsIn(t, policytest.Standard())
	without := documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {"enabled": false}}`))
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--dir", keys))
	for n := range 2 {
		w.persist(n+1, without, "keys dir "+keys, owner)
	}
	resolver := w.resolver()

	c := checkLive(t, w, resolver, "example.com")
	c.expect(t, "missing", "there is no TXT record at "+owner, "missing", "missing")
	if !c.Servers[0].Validated || !strings.Contains(c.Advice, `TXT "`+good+`"`) {
		t.Errorf("Expected a denial that validates, and the record to publish, got %+v", c)
	}
	c = checkLive(t, w, resolver, "example.com", granted)
	c.expect(t, "missing", "", "missing", "missing")
	if !strings.Contains(c.Advice, "the documents say that it is served") || len(c.Servers[0].Lacking) != 1 {
		t.Errorf("Expected the documents to be held against it, got %+v", c)
	}
	above := documentsIn(t, policytest.Standard().Account(`"domains": {"com": {"subtree": true}}`).
		With(policytest.Documents{"teams/web": `{"domains": ["com"], "issuers": ["ca"], "subtree": true}`}))
	c = checkLive(t, w, resolver, "example.com", above)
	if c.expect(t, "missing", "", "missing", "missing"); !strings.Contains(c.Advice, "by the subtree of com: look whether something leads from this name too") {
		t.Errorf("Expected advice on what serves no subtree, got %+v", c)
	}
	c = checkLive(t, w, resolver, "example.com", without)
	if c.expect(t, "missing", "", "missing", "missing"); !strings.Contains(c.Advice, "why the grant is not served") {
		t.Errorf("Expected the grant to be the reason, got %+v", c)
	}
	later := documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {"not_before": "2099-01-01T00:00:00Z"}}`))
	c = checkLive(t, w, resolver, "example.com", later)
	c.expect(t, "not_yet", "the grant begins at 2099-01-01T00:00:00Z", "missing", "missing")
}

// One node has read the documents, and the other has not yet.
func TestServersThatDisagreeAreNotYet(t *testing.T) {
	w := newLiveWorld(t, owner)
	keys := keysFor(t)
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--dir", keys))
	granted := documentsIn(t, policytest.Standard())
	w.persist(1, granted, "keys dir "+keys, owner)
	w.persist(2, documentsIn(t, policytest.Standard().Account(`"domains": {}`)), "keys dir "+keys, owner)
	resolver := w.resolver()

	for _, dir := range [][]string{nil, {granted}} {
		c := checkLive(t, w, resolver, append([]string{"example.com"}, dir...)...)
		c.expect(t, "not_yet", "ns2.example.net. (127.0.0.12:"+w.port+") (missing: ", "ok", "missing")
	}
	c := checkLive(t, w, resolver, "example.com", "--without-server", "ns1.example.net")
	if !slices.Equal(c.statuses(), []string{"missing"}) {
		t.Errorf("Expected one server to be left out, got %+v", c)
	}
}

// What static servers say that nobody signs.
func TestRecordsOfOtherServersAreJudgedAsTheyStand(t *testing.T) {
	for _, tt := range []struct {
		name   string
		texts  []string
		status string
		reason string
	}{
		{"a good one", []string{good}, "ok", ""},
		{"a good one beside what is not ours", []string{"v=spf1 -all", "other.example; accounturi=" + policytest.AccountURI, good}, "ok", ""},
		{"none", nil, "missing", "there is no TXT record"},
		{"for other CAs only", []string{"other.example; accounturi=" + policytest.AccountURI}, "missing", "only for other CAs"},
		{"a semicolon at its end", []string{good + ";"}, "unparseable", "remove the semicolon at the end"},
		{"another account", []string{good + "4"}, "wrong", "accounturi"},
		{"persistUntil long ago", []string{good + "; persistUntil=1721952000"}, "expired", "persistUntil was 2024-07-26T00:00:00Z"},
		{"the nearest counts", []string{good + ";", good + "4", good + "; persistUntil=1721952000"}, "expired", "persistUntil"},
		{"more than fit into UDP", append(many(40), good), "ok", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLiveWorld(t, owner)
			for n := range 2 {
				w.nsd(n+1, map[string]string{owner: static(owner, tt.texts...)})
			}
			c := checkLive(t, w, w.resolver(), "example.com")
			c.expect(t, tt.status, tt.reason, tt.status, tt.status)
			if c.Status == "ok" && (len(c.Hints) != 1 || !strings.Contains(c.Hints[0], "no chain of trust")) {
				t.Errorf("Expected a note that nothing was validated, got %q", c.Hints)
			}
			if c.Resolver.Validated || c.Servers[0].Validated {
				t.Errorf("Expected nothing to be validated, got %+v", c)
			}
		})
	}
}

// many are records of other CAs.
func many(n int) []string {
	texts := make([]string, 0, n)
	for i := range n {
		texts = append(texts, fmt.Sprintf("ca%d.example; accounturi=%s", i, policytest.AccountURI))
	}
	return texts
}

func TestWhatTheDocumentsDoNotSayIsWrong(t *testing.T) {
	policies := documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {"until": "none"}}`).With(policytest.Documents{
		"issuers/ca": `{"issuer_domain_names": ["ca.example"], "account_uri_prefixes": ["https://ca.example/acct/"], "allow_none": true}`,
	}))
	for _, tt := range []struct {
		texts         []string
		status        string
		extra, lacked int
	}{
		{[]string{good}, "ok", 0, 0},
		{[]string{good, good + "4"}, "wrong", 1, 0},
		{[]string{good + "; persistUntil=4102444800"}, "wrong", 1, 1},
	} {
		w := newLiveWorld(t, owner)
		w.names = 1
		w.nsd(1, map[string]string{owner: strings.ReplaceAll(static(owner, tt.texts...), "ns2.", "ns1.")})
		c := checkLive(t, w, w.resolver(), "example.com", policies)
		if c.Status != tt.status || !slices.Equal(c.statuses(), []string{tt.status}) || len(c.Servers[0].Extra) != tt.extra || len(c.Servers[0].Lacking) != tt.lacked {
			t.Errorf("%q: expected %s with %d records besides and %d lacking, got %+v", tt.texts, tt.status, tt.extra, tt.lacked, c)
		}
	}
}

// Signed by BIND's tools, and broken in the ways that happen.
func TestWhatDoesNotValidateIsBogus(t *testing.T) {
	key, other := newBind(t, owner), newBind(t, owner)
	text, now := static(owner, good), time.Now()
	valid := key.sign(text, now.Add(7*24*time.Hour))
	expired := key.sign(text, now.Add(-2*24*time.Hour))
	foreign := swapped(t, valid, other.sign(text, now.Add(7*24*time.Hour)))
	for _, tt := range []struct {
		name, anchor string
		zones        [2]string
		reason       string
		servers      [2]string
	}{
		{"nothing", key.ds(), [2]string{valid, valid}, "", [2]string{"ok", "ok"}},
		{"expired signatures", key.ds(), [2]string{expired, expired}, "SERVFAIL", [2]string{"bogus", "bogus"}},
		{"expired signatures at one server", key.ds(), [2]string{valid, swapped(t, valid, expired)}, "its signature is valid from ", [2]string{"ok", "bogus"}},
		{"a signature by a key that is not published", key.ds(), [2]string{valid, foreign}, "has no key with the tag ", [2]string{"ok", "bogus"}},
		{"no signatures at one server", key.ds(), [2]string{valid, text}, "it is not signed", [2]string{"ok", "bogus"}},
		{"a DS of another key", other.ds(), [2]string{valid, valid}, "SERVFAIL", [2]string{"bogus", "bogus"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLiveWorld(t, owner)
			w.anchor = tt.anchor
			for n, zone := range tt.zones {
				w.nsd(n+1, map[string]string{owner: zone})
			}
			c := checkLive(t, w, w.resolver(), "example.com")
			if tt.reason == "" {
				c.expect(t, "ok", "", tt.servers[:]...)
				return
			}
			c.expect(t, "bogus", "", tt.servers[:]...)
			var reasons strings.Builder
			fmt.Fprintln(&reasons, c.Reason)
			for _, s := range c.Servers {
				fmt.Fprintln(&reasons, s.Reason)
			}
			if !strings.Contains(reasons.String(), tt.reason) {
				t.Errorf("Expected a reason with %q, got %+v", tt.reason, c)
			}
		})
	}
}

// A node that has made keys of its own, which happens where a directory of keys is not
// copied.
func TestANodeWithKeysOfItsOwnIsBogus(t *testing.T) {
	w := newLiveWorld(t, owner)
	keys, policies := keysFor(t), documentsIn(t, policytest.Standard())
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--dir", keys))
	w.persist(1, policies, "keys dir "+keys, owner)
	w.persist(2, policies, "keys dir "+keysFor(t), owner)
	resolver := w.resolver()
	c := checkLive(t, w, resolver, "example.com")
	c.expect(t, "bogus", "", "ok", "bogus")
	if !strings.Contains(c.Servers[1].Reason, "has no key with the tag ") {
		t.Errorf("Expected the key to be missed, got %+v", c)
	}
	for _, v := range c.Verdicts {
		if v.Accepted || !v.Bogus {
			t.Errorf("Expected nothing to be accepted, as it is bogus, got %+v", c.Verdicts)
		}
	}
	if len(c.Verdicts) == 0 {
		t.Error("Expected a verdict of each rule set")
	}
	_, out, _ := run("check", "example.com", "--live", "--resolver", resolver, "--port", w.port, "--ipv4", "--issuer", "ca.example", "--account", policytest.AccountURI)
	if !strings.Contains(out, "\nBoulder: would be accepted if all of it validated, until ") || strings.Contains(out, ": accepted, ") {
		t.Errorf("Expected no CA to accept what does not validate, got\n%s", out)
	}
}

// The clock of the check, not that of the resolver, says whether signatures that a
// server serves have expired.
func TestSignaturesOfServersAreHeldAgainstTheClock(t *testing.T) {
	w := newLiveWorld(t, owner)
	keys, policies := keysFor(t), documentsIn(t, policytest.Standard())
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", owner, "--dir", keys))
	for n := range 2 {
		w.persist(n+1, policies, "keys dir "+keys, owner)
	}
	port, err := strconv.ParseUint(w.port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	c := checking{stanza: defaultStanza(), issuer: "ca.example", account: policytest.AccountURI}
	c.live = live{on: true, finder: servers.Finder{Resolver: w.resolver(), Port: uint16(port), IPv4: true}}
	for passed, want := range map[time.Duration]status{0: statusOK, 4 * 24 * time.Hour: statusBogus, -4 * 24 * time.Hour: statusBogus} {
		c.live.now = func() time.Time { return time.Now().Add(passed) }
		found, err := c.run(t.Context(), "example.com", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found.(*sight).Servers {
			if v.Status != want || want == statusBogus && !strings.Contains(v.Reason, "its signature is valid from ") {
				t.Errorf("%s from now: expected %s, got %+v", passed, want, v)
			}
		}
	}
}

// A signed parent without a DS: resolvers go on as if nothing were signed.
func TestAZoneWithoutDSIsOKAndNoted(t *testing.T) {
	const above = "example.com."
	parent := newBind(t, above)
	child := newBind(t, owner).sign(static(owner, good), time.Now().Add(7*24*time.Hour))
	delegated := static(above) + strings.ReplaceAll(static(owner), "300 IN SOA", "300 IN TXT \"not\" ;")
	zones := map[string]string{
		above: parent.sign(strings.ReplaceAll(delegated, owner+" 300 IN TXT", ";"), time.Now().Add(7*24*time.Hour)),
		owner: child,
	}
	w := newLiveWorld(t, owner)
	w.anchor = parent.ds()
	for n := range 2 {
		w.nsd(n+1, maps.Clone(zones))
	}
	c := checkLive(t, w, w.resolver(above), "example.com")
	c.expect(t, "ok", "", "ok", "ok")
	if c.Resolver.Validated || len(c.Hints) != 1 || !strings.Contains(c.Hints[0], "no DS at its parent") {
		t.Errorf("Expected a note about the DS, got %+v", c)
	}
}

func TestAServerThatGivesNoAnswerIsAnErrorOfDNS(t *testing.T) {
	t.Run("lame", func(t *testing.T) {
		w := newLiveWorld(t, owner)
		w.nsd(1, map[string]string{owner: static(owner, good)})
		w.nsd(2, map[string]string{"example.org.": static("example.org.")})
		resolver := w.resolver()
		c := checkLive(t, w, resolver, "example.com")
		c.expect(t, "dns_error", "ns2.example.net. (127.0.0.12:"+w.port+"): it answers REFUSED", "ok", "dns_error")
		// What is missing at all servers that answer is missing.
		c = checkLive(t, w, resolver, "example.com", "--account", policytest.AccountURI+"4")
		c.expect(t, "wrong", "accounturi", "wrong", "dns_error")
	})
	t.Run("away", func(t *testing.T) {
		w := newLiveWorld(t, owner)
		w.nsd(1, map[string]string{owner: static(owner, good)})
		c := checkLive(t, w, w.resolver(), "example.com")
		c.expect(t, "dns_error", "127.0.0.12:"+w.port, "ok", "dns_error")
	})
	t.Run("without an address", func(t *testing.T) {
		w := newLiveWorld(t, owner)
		zone := strings.ReplaceAll(static(owner, good), "ns2.", "ns3.")
		w.nsd(1, map[string]string{owner: zone})
		w.nsd(2, map[string]string{owner: zone})
		c := checkLive(t, w, w.resolver(), "example.com")
		if c.expect(t, "dns_error", "has no address of ns3.example.net.", "ok", "dns_error"); !strings.HasPrefix(c.Advice, "give ns3.example.net. an address, or take it out of the NS RRsets") {
			t.Errorf("Expected advice on the address, got %+v", c)
		}
	})
	t.Run("the resolver", func(t *testing.T) {
		w := newLiveWorld(t, owner)
		c := checkLive(t, w, "127.0.0.9:9", "example.com")
		if c.expect(t, "dns_error", "resolver 127.0.0.9:9: read udp ", "dns_error"); !strings.HasPrefix(c.Advice, "name a resolver that answers") {
			t.Errorf("Expected advice on the resolver, which is in no NS RRset, got %+v", c)
		}
	})
}

// The record stands where a CNAME record leads, in a zone that is ours. Server 1 has
// the one zone, and server 2 the other.
func TestAliasesAreFollowed(t *testing.T) {
	const above, target = "example.com.", "_validation-persist.www.example.com."
	w := newLiveWorld(t, "unused.example.")
	w.ns = "ns2.example.net"
	keys, policies := keysFor(t), documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {}, "www.example.com": {}}`))
	w.anchor = strings.TrimSpace(persistctl(t, "keys", "ds", target, "--dir", keys))
	w.persist(2, policies, "keys dir "+keys, target)
	w.nsd(1, map[string]string{above: strings.ReplaceAll(static(above), "ns2.", "ns1.") +
		owner + " 300 IN CNAME " + target + "\n" +
		"_validation-persist.loop.example.com. 300 IN CNAME _validation-persist.pool.example.com.\n" +
		"_validation-persist.pool.example.com. 300 IN CNAME _validation-persist.loop.example.com.\n" +
		"_validation-persist.none.example.com. 300 IN CNAME nothing.example.com.\n"})
	w.unbound = []string{
		"stub-zone:", `name: "` + above + `"`, "stub-addr: 127.0.0.11@" + w.port,
		"stub-zone:", `name: "` + target + `"`, "stub-addr: 127.0.0.12@" + w.port,
	}
	resolver := w.resolver()

	c := checkLive(t, w, resolver, "example.com")
	c.expect(t, "ok", "", "ok", "ok")
	if first, second := c.Servers[0], c.Servers[1]; first.Name != owner || first.Alias != target || second.Name != target || !second.Validated {
		t.Errorf("Expected the alias, and where it leads, got %+v", c)
	}
	c = checkLive(t, w, resolver, "example.com", "--server", w.address(2))
	c.expect(t, "ok", "", "ok")
	if c.Servers[0].Name != target {
		t.Errorf("Expected the server that is given to be asked for the target, got %+v", c)
	}
	c = checkLive(t, w, resolver, "none.example.com")
	c.expect(t, "missing", "nothing.example.com.", "missing", "missing")
	if !strings.Contains(c.Advice, "nothing.example.com. TXT ") {
		t.Errorf("Expected the advice to publish where the alias leads, got %q", c.Advice)
	}
	c = checkLive(t, w, resolver, "loop.example.com")
	if c.Status != "dns_error" || !slices.ContainsFunc(c.Servers, func(s checkedServer) bool { return strings.Contains(s.Reason, "in a circle") }) {
		t.Errorf("Expected a circle to be noticed, got %+v", c)
	}
}

// A slip in a CNAME leads to the target of another name, or to nowhere.
func TestACNAMEToTheWrongTargetIsNamed(t *testing.T) {
	const above, zone = "example.com.", "targets.example."
	w := newLiveWorld(t, "unused.example.")
	w.ns = "ns2.example.net"
	keys := keysFor(t)
	policies := documentsIn(t, policytest.Standard().Account(`"domains": {"example.com": {}, "www.example.com": {"wildcard": true}, "far.example.com": {}, "off.example.com": {}}`))
	w.persist(2, policies, "keys dir "+keys+"\ntargets", zone)
	w.nsd(1, map[string]string{above: strings.ReplaceAll(static(above), "ns2.", "ns1.") +
		"_validation-persist.example.com. 300 IN CNAME www.example.com." + zone + "\n" +
		"_validation-persist.www.example.com. 300 IN CNAME wwww.example.com." + zone + "\n" +
		"_validation-persist.far.example.com. 300 IN CNAME pool.example.com.\n" +
		"pool.example.com. 300 IN CNAME FAR.example.com." + zone + "\n"})
	w.unbound = []string{
		"stub-zone:", `name: "` + above + `"`, "stub-addr: 127.0.0.11@" + w.port,
		"stub-zone:", `name: "` + zone + `"`, "stub-addr: 127.0.0.12@" + w.port,
	}
	resolver := w.resolver()
	const to = " CNAME "
	for name, want := range map[string]struct{ status, reason, advice string }{
		"example.com":     {"wrong", "the CNAME record at " + owner + " leads to www.example.com." + zone + ", not to example.com." + zone, owner + to + "example.com." + zone},
		"www.example.com": {"missing", "leads to wwww.example.com." + zone, "correct it to _validation-persist.www.example.com." + to + "www.example.com." + zone},
		"far.example.com": {"ok", "", ""}, // by way of another name, however that is written
		"off.example.com": {"missing", "no TXT record", "publish this CNAME record, as persistctl delegate prints it: _validation-persist.off.example.com." + to + "off.example.com." + zone},
	} {
		for _, dir := range [][]string{{policies}, nil} {
			c := checkLive(t, w, resolver, append(append([]string{name}, dir...), "--targets", "--zone", zone)...)
			if dir == nil && name == "example.com" {
				continue // what stands there is good for a CA
			}
			if c.Status != want.status || !strings.Contains(c.Reason, want.reason) || !strings.Contains(c.Advice, want.advice) {
				t.Errorf("%s: expected %+v, got %+v", name, want, c)
			}
		}
	}
	for name, want := range map[string]string{
		"nobody.example.com": "grant nobody.example.com to the account",
		"www.example.com":    "correct it to _validation-persist.www.example.com." + to + "www.example.com." + zone,
	} {
		c := checkLive(t, w, resolver, name, policies, "--targets", "--zone", zone)
		if !strings.HasPrefix(c.Advice, want) {
			t.Errorf("%s: expected the advice %q, got %+v", name, want, c)
		}
	}
	// The servers of the target alone are asked.
	c := checkLive(t, w, resolver, "www.example.com", policies, "--targets", "--zone", zone, "--server", "127.0.0.12:"+w.port)
	if want := "leads to wwww.example.com." + zone; !strings.Contains(c.Reason, want) {
		t.Errorf("Expected %q, got %+v", want, c)
	}
}

// Who asks for another account is not told to lift a stop.
func TestAStopIsToBlameForTheWildcardOfItsGrantsAlone(t *testing.T) {
	const other = "https://ca.example/acct/999"
	book := policytest.Standard().Account(`"domains": {"example.com": {"wildcard": true}}`).With(policytest.Documents{"control": `{"stop": {"domain:x.example.com": {}}}`}).Compile(t)
	for account, want := range map[string]bool{policytest.AccountURI: true, other: false} {
		told := newTold()
		told.explainWildcard(book, book.Lookup("example.com"), asked{Account: account, Wildcard: true, At: time.Now()})
		if told.narrowed != want || len(told.Hints) != 1 {
			t.Errorf("%s: expected %v, got %+v", account, want, told)
		}
	}
}

func TestIPAddressesAreCheckedAtTheirOwnLabel(t *testing.T) {
	const zone = "_ip-validation-persist.1.2.0.192.in-addr.arpa."
	w := newLiveWorld(t, zone)
	for n := range 2 {
		w.nsd(n+1, map[string]string{zone: static(zone, "ca.example; accounturi=https://ca.example/account-hash/sha-256/"+strings.Repeat("A", 43))})
	}
	w.unbound = []string{"local-zone: \"192.in-addr.arpa.\" nodefault", "local-zone: \"2.0.192.in-addr.arpa.\" nodefault"}
	resolver := w.resolver()
	hash := []string{"1.2.0.192.in-addr.arpa", "--hash-prefix", "https://ca.example/account-hash/", "--thumbprint", policytest.Thumbprint}
	c := checkLive(t, w, resolver, hash...)
	c.expect(t, "wrong", "accounturi", "wrong", "wrong")
	if !strings.Contains(c.Advice, `publish this TXT record instead: `+zone+` TXT "ca.example; accounturi=https://ca.example/account-hash/`) {
		t.Errorf("Expected the hash, which alone is accepted at an address, got %q", c.Advice)
	}
	c = checkLive(t, w, resolver, slices.Concat(hash, []string{"--rules", "boulder"})...)
	c.expect(t, "unacceptable", "no record would be accepted at "+zone+": Boulder validates no IP addresses", "missing", "missing")
	if strings.Contains(c.Advice, "publish") || !strings.Contains(c.Advice, "RFC 8738") {
		t.Errorf("Expected no record to be published, because none will do, got %q", c.Advice)
	}
	// Nor when the grant begins.
	later := documentsIn(t, policytest.Standard().Account(`"domains": {"192.0.2.1": {"not_before": "2099-01-01T00:00:00Z"}}`).
		With(policytest.Documents{"teams/web": `{"domains": ["2.0.192.in-addr.arpa"], "issuers": ["ca"]}`}))
	c = checkLive(t, w, resolver, "192.0.2.1", later, "--rules", "boulder")
	c.expect(t, "unacceptable", "no record would be accepted at "+zone+": Boulder validates no IP addresses", "missing", "missing")
	// Without a prefix of hashes, as Let's Encrypt has none.
	c = checkLive(t, w, resolver, "192.0.2.1")
	c.expect(t, "unacceptable", "no record would be accepted at "+zone+": Boulder validates no IP addresses", "unparseable", "unparseable")
	if strings.Contains(c.Advice, "publish") || !strings.Contains(c.Advice, "accountHashPrefix") {
		t.Errorf("Expected no record to be published, because none will do, got %q", c.Advice)
	}
	c = checkLive(t, w, resolver, hash[:3]...)
	if strings.Contains(c.Advice, "publish") || !strings.Contains(c.Advice, "--thumbprint") {
		t.Errorf("Expected advice to name the key of the account, got %q", c.Advice)
	}
}

func TestCheckLiveSaysWhatItSaw(t *testing.T) {
	w := newLiveWorld(t, owner)
	for n := range 2 {
		w.nsd(n+1, map[string]string{owner: static(owner, good+";")})
	}
	var out, complaint strings.Builder
	status := execute([]string{"check", "example.com", "--live", "--resolver", w.resolver(), "--port", w.port, "--issuer", "ca.example", "--account", policytest.AccountURI}, &out, &complaint)
	if status != exitFailed {
		t.Errorf("Expected the exit status 1, got %d: %s", status, complaint.String())
	}
	for _, line := range []string{
		"May https://ca.example/acct/123 validate example.com at ca.example, asked at ",
		"\nunparseable: resolver 127.0.0.1:",
		"\nWhat to do: publish this TXT record instead: " + owner + ` TXT "` + good + `"`,
		"\nns2.example.net. (127.0.0.12:" + w.port + ")  " + owner + "  unparseable  no",
		"\nBoulder: refused: ",
		"remove the semicolon at the end",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("Expected %q in the output, got\n%s", line, out.String())
		}
	}
}

func TestFlagsOfLiveNeedIt(t *testing.T) {
	for _, flag := range onlyLive {
		value := map[string]string{"ipv4": "true", "port": "53", "hash-prefix": "https://ca.example/", "without-server": "a"}[flag]
		if value == "" {
			value = "127.0.0.1:53"
		}
		var out, complaint strings.Builder
		status := execute([]string{"check", "example.com", "--issuer", "ca.example", "--account", policytest.AccountURI, "--" + flag + "=" + value}, &out, &complaint)
		if status != exitUsage || !strings.Contains(complaint.String(), "write --live too") {
			t.Errorf("--%s: expected a hint at --live, got %d: %s", flag, status, complaint.String())
		}
	}
}

// Whoever gets a truncated answer asks again over TCP, and some CAs from the start.
func TestAServerWithoutTCPIsNoted(t *testing.T) {
	w := newLiveWorld(t, owner)
	w.nsd(1, map[string]string{owner: static(owner, good)})
	w.nsd(2, map[string]string{owner: static(owner, good)}, "tcp-count: 1", "tcp-reject-overflow: yes")
	only, err := net.Dial("tcp", w.address(2))
	if err != nil {
		t.Fatal(err)
	}
	defer only.Close()
	c := checkLive(t, w, w.resolver(), "example.com")
	c.expect(t, "ok", "", "ok", "ok")
	if !slices.ContainsFunc(c.Hints, func(h string) bool {
		return strings.HasPrefix(h, "ns2.example.net. (127.0.0.12:"+w.port+") gives no answer over TCP")
	}) || len(c.Hints) != 2 {
		t.Errorf("Expected a note about one server, got %q", c.Hints)
	}
}
