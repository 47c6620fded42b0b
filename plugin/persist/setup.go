package persist

import (
	"fmt"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/transfer"

	"golang.org/x/time/rate"
)

var log = clog.NewWithPlugin(pluginName)

// clock is the time of the day, which the clock of each backend goes by. Tests
// set it.
var clock = time.Now

var begin = time.Now()

// readClock also returns the time since the process began, however the clock
// has been set meanwhile.
func readClock() (wall time.Time, elapsed time.Duration) {
	now := clock()
	return now, now.Sub(begin)
}

func init() { plugin.Register(pluginName, setup) }

// setup reads the stanza and registers the handler. Nothing is fetched or
// started here: the reload plugin runs setup only to look whether it fails.
func setup(c *caddy.Controller) error {
	cfg, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	p := newPersist(cfg)
	server := dnsserver.GetConfig(c)
	corefileOf(c).add(p, server)
	c.OnStartup(func() error {
		p.view = server.ViewName
		if err := p.companions(server); err != nil {
			return plugin.Error(pluginName, err)
		}
		p.transfer, _ = server.Handler("transfer").(*transfer.Transfer)
		return wrap(p.start())
	})
	c.OnShutdown(p.stop)
	c.OnRestart(running.restarting)
	c.OnRestartFailed(running.restartFailed)
	server.AddPlugin(func(next plugin.Handler) plugin.Handler {
		p.Next = next
		return p
	})
	return nil
}

func newPersist(cfg *config) *Persist {
	p := &Persist{config: cfg, authorities: map[string]*answer.Authority{}, now: clock, failures: rate.Sometimes{Interval: time.Minute}}
	p.shadowed.Interval, p.lameness.Interval = time.Hour, time.Minute
	p.complete, p.empty, p.lowers = make(chan struct{}), map[string]*vacancy{}, newLowers()
	budget := cfg.budget
	if budget == 0 && cfg.signed() {
		budget = defaultBudget()
	}
	denials := answer.NewDenials(budget)
	for _, z := range cfg.zones {
		p.origins = append(p.origins, z.Origin)
		p.authorities[z.Origin] = authority(cfg, z, denials)
		if z.Cuts {
			p.authorities[z.Origin].WithCuts(&serials, denials)
		}
		p.authorities[z.Origin].Outgrown = outgrown(z.Origin)
		p.authorities[z.Origin].Verified = verified(z.Origin)
	}
	return p
}

func authority(cfg *config, z *zone.Zone, denials *answer.Denials) *answer.Authority {
	switch {
	case !cfg.signed():
		return answer.NewUnsigned(z)
	case z.Chained:
		return answer.NewChained(z, serials.Of(z.Origin))
	}
	return answer.NewSharing(z, denials)
}

// outgrown counts and logs the names of a zone whose answers need TCP.
func outgrown(zone string) func(owner string, octets int) {
	names := oversizeTotal.WithLabelValues(zone)
	return func(owner string, octets int) {
		names.Inc()
		log.Warningf("the answer at %s has %d octets, and at most %d go over UDP: whoever asks has to ask again over TCP; "+
			"grant the name to fewer accounts, or in fewer forms", owner, octets, answer.MaxUDP)
	}
}

// verified counts what was verified in a zone, and logs what is not valid.
func verified(zone string) func(err error) {
	valid, bogus := verificationsTotal.WithLabelValues(zone, "valid"), verificationsTotal.WithLabelValues(zone, "bogus")
	often := rate.Sometimes{Interval: time.Minute}
	return func(err error) {
		if err == nil {
			valid.Inc()
			return
		}
		bogus.Inc()
		often.Do(func() { log.Errorf("an answer in zone %s is not served: %v", zone, err) })
	}
}

// companions refuses plugins of the same server block that would break the
// answers: two signers never share a zone, and an overlay needs the zone that
// it lies over.
func (p *Persist) companions(server *dnsserver.Config) error {
	if p.config.signed() && server.Handler("dnssec") != nil {
		return fmt.Errorf("the dnssec plugin stands in the same server block and would sign %s with keys of its own: "+
			"give persist a server block without dnssec, or write fallthrough so that dnssec alone signs", p.zones())
	}
	p.warn(server)
	if why := p.untransferred(); why != "" && server.Handler("transfer") != nil {
		log.Warningf("the transfer plugin stands in the same server block as %v, and %s", []string(p.origins), why)
	}
	if p.config.cuts { // what lies between them goes to the next plugin
		return nil
	}
	if !p.config.overlay {
		return p.refuseHidden(server)
	}
	if p.Next == nil {
		return fmt.Errorf("fallthrough makes an overlay over %s, and no plugin after persist serves it: add file or another one, or remove fallthrough", p.zones())
	}
	return p.refuseSignedBelow()
}

// warn names plugins of the same server block that change answers on their way
// out, in ways that a signed zone does not survive.
func (p *Persist) warn(server *dnsserver.Config) {
	for name, harm := range map[string]string{
		"any":     "answers ANY with an unsigned HINFO, which validators refuse",
		"dns64":   "may synthesise records that nobody has signed",
		"rewrite": "breaks signatures where it changes names or TTLs",
	} {
		if p.config.signed() && server.Handler(name) != nil {
			log.Warningf("the %s plugin stands in the same server block as the signed zones %s and %s", name, p.zones(), harm)
		}
	}
}

// untransferred says why no secondary gets the zones whole, if none does.
func (p *Persist) untransferred() string {
	switch {
	case p.config.overlay:
		return "transfers lack the names that an overlay adds: delegate the label, as a zone with denial nsec"
	case p.config.denial != "nsec":
		return "transfers of zones without denial nsec are refused: write denial nsec, or let every server read the documents"
	}
	return ""
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return plugin.Error(pluginName, err)
}
