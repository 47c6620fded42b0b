// Command coredns is a lean CoreDNS with the persist plugin.
//
// It holds the plugins that an authoritative server for _validation-persist
// records needs, those that serve and sign a zone under an overlay among them,
// and no more; plugin/persist/README.md says which line of plugin.cfg adds
// persist to a full CoreDNS instead.
package main

import (
	"log"

	_ "github.com/coredns-persist/persist/plugin/persist"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/acl"
	_ "github.com/coredns/coredns/plugin/any"
	_ "github.com/coredns/coredns/plugin/auto"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/dnstap"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/minimal"
	_ "github.com/coredns/coredns/plugin/multisocket"
	_ "github.com/coredns/coredns/plugin/nsid"
	_ "github.com/coredns/coredns/plugin/pprof"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/root"
	_ "github.com/coredns/coredns/plugin/secondary"
	_ "github.com/coredns/coredns/plugin/shed"
	_ "github.com/coredns/coredns/plugin/timeouts"
	_ "github.com/coredns/coredns/plugin/tls"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/tsig"
	_ "github.com/coredns/coredns/plugin/view"
	_ "github.com/coredns/coredns/plugin/whoami"
)

// directives is the order in which plugins see a query: CoreDNS's own, with
// persist directly after transfer. There it stands behind acl and tsig, so that
// access control comes first, and dnssec, which signs what an overlay adds; and
// before file, auto, secondary and forward, which would otherwise claim the name.
var directives = []string{
	"root", "metadata", "timeouts", "multisocket", "reload", "nsid", "bufsize", "bind", "debug", "ready",
	"health", "pprof", "shed", "prometheus", "errors", "log", "dnstap", "any", "chaos", "tsig", "acl",
	"cache", "dnssec", "tls", "minimal", "transfer", "persist", "file", "auto", "secondary", "forward", "whoami",
	"view",
}

func init() {
	if err := dnsserver.SetDirectives(directives); err != nil {
		log.Fatal(err)
	}
}

func main() { coremain.Run() }
