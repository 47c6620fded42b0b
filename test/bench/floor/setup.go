package floor

import (
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
)

func init() { plugin.Register("floor", setup) }

// setup reads the stanza "floor FILE".
func setup(c *caddy.Controller) error {
	var file string
	if c.Next(); !c.Args(&file) {
		return plugin.Error("floor", c.Err("the file with the answers is missing: write floor FILE"))
	}
	f, err := open(file)
	if err != nil {
		return plugin.Error("floor", err)
	}
	dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return f })
	return nil
}

func open(name string) (*Floor, error) {
	file, err := os.Open(name) // #nosec G304 -- the Corefile says what to read
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file)
}
