// Command server is the CoreDNS that make bench measures: persist beside the
// plugins it is compared with, in one build.
package main

import (
	"log"

	_ "github.com/coredns-persist/persist/plugin/persist"
	_ "github.com/coredns-persist/persist/test/bench/floor"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/file"
)

func init() {
	if err := dnsserver.SetDirectives([]string{"bind", "dnssec", "floor", "persist", "file"}); err != nil {
		log.Fatal(err)
	}
}

func main() { coremain.Run() }
