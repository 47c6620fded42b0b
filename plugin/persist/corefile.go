package persist

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/audit"
	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns-persist/persist/plugin/persist/zone"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
)

// property is one line of a persist stanza.
type property struct {
	usage    string // what to write, for error messages
	min, max int    // how many arguments; max < 0: any number
	set      func(p *parser, args []string) error
}

const (
	keysUsage   = "keys dir DIR | vault MOUNT/PATH | bind FILE... | none"
	denialUsage = "denial compact [BUDGET] | nsec"
)

// properties are all there is to say in a stanza. Each may stand once.
var properties = map[string]property{
	"vault":       {"vault [ADDRESS]", 0, 1, (*parser).vault},
	"auth":        {authUsage, 1, -1, (*parser).auth},
	"mount":       {"mount NAME", 1, 1, (*parser).mount},
	"namespace":   {"namespace NAME", 1, 1, (*parser).namespace},
	"tls":         {"tls [CERT KEY] [CA]", 0, 3, (*parser).tls},
	"policies":    {"policies DIR", 1, 1, (*parser).policies},
	"refresh":     {"refresh DURATION [INDEX]", 1, 2, (*parser).refresh},
	"max_stale":   {"max_stale DURATION", 1, 1, (*parser).maxStale},
	"grace":       {"grace DURATION", 1, 1, (*parser).grace},
	"ns":          {"ns NAME...", 1, -1, (*parser).ns},
	"ttl":         {"ttl SECONDS", 1, 1, (*parser).ttl},
	"cuts":        {"cuts", 0, 0, (*parser).cuts},
	"keys":        {keysUsage, 1, -1, (*parser).keys},
	"denial":      {denialUsage, 1, 2, (*parser).denial},
	"store":       {"store ID [GENERATION]", 1, 2, (*parser).store},
	"report":      {"report AGENT-DOMAIN", 1, 1, (*parser).report},
	"stop":        {"stop SCOPE...", 1, -1, (*parser).stop},
	"freeze":      {"freeze INSTANT", 1, 1, (*parser).freeze},
	"audit":       {"audit FILE | stdout", 1, 1, (*parser).audit},
	"targets":     {"targets", 0, 0, (*parser).targets},
	"fallthrough": {"fallthrough [ZONES...]", 0, -1, (*parser).fallthrough_},
}

// parser reads one stanza. Properties that speak about Vault may stand before
// the vault property, so they are gathered in client and joined at the end.
type parser struct {
	c      *caddy.Controller
	config *config
	client store.VaultConfig
	begin  int            // the line of the stanza
	lines  map[string]int // where each property stands
	root   string
}

// parse reads the persist stanza of a server block. It touches no network and
// no key; the only look outside the Corefile is whether the files and
// directories it names can be read.
func parse(c *caddy.Controller) (*config, error) {
	p := &parser{c: c, config: defaults(), lines: map[string]int{}, root: dnsserver.GetConfig(c).Root}
	var origins []string
	for i := 0; c.Next(); i++ {
		if i > 0 {
			return nil, c.Errf("persist stands in this server block already, in line %d, and may only once: "+
				"write the zones of both behind that one, or this stanza in a server block of its own, which begins with its zones", p.begin)
		}
		p.begin = c.Line()
		var err error
		if origins, err = originsOf(c.RemainingArgs(), c.ServerBlockKeys); err != nil {
			return nil, c.Errf("%v", err)
		}
		for c.NextBlock() {
			if err := p.property(c.Val(), c.RemainingArgs()); err != nil {
				return nil, err
			}
		}
	}
	if err := p.finish(origins); err != nil {
		return nil, fmt.Errorf("%s:%d - Error during parsing: %w", c.File(), p.lineOf(err), err)
	}
	return p.config, nil
}

// finish looks at what shows only when the whole stanza has been read.
func (p *parser) finish(origins []string) error {
	if err := p.joinVault(); err != nil {
		return err
	}
	if err := p.config.check(origins); err != nil {
		return err
	}
	p.config.keysAt = fmt.Sprintf("%s:%d", p.c.File(), p.lines["keys"])
	p.config.auditAt = fmt.Sprintf("%s:%d", p.c.File(), p.lines["audit"])
	return within(origins, p.c.ServerBlockKeys)
}

// lineOf returns the line of what is wrong. An error about a property begins
// with its name; every other one is about the stanza.
func (p *parser) lineOf(err error) int {
	name, _, _ := strings.Cut(err.Error(), " ")
	if line, said := p.lines[strings.TrimSuffix(name, ":")]; said {
		return line
	}
	return p.begin
}

// within refuses zones that lie in none of the server block's: CoreDNS gives
// the queries for them to other server blocks, or to none.
func within(origins, keys []string) error {
	block := plugin.Zones(plugin.OriginsFromArgsOrServerBlock(nil, keys))
	for _, o := range origins {
		if block.Matches(o) == "" {
			return fmt.Errorf("zone %s lies outside this server block, which is that of %s, so no query for it would get here: begin a server block with %s",
				o, strings.Join(block, " "), o)
		}
	}
	return nil
}

// property reads one line: name and args.
func (p *parser) property(name string, args []string) error {
	prop, ok := properties[name]
	switch {
	case !ok:
		return p.c.Errf("unknown property %q: the properties are %s", name, strings.Join(slices.Sorted(maps.Keys(properties)), ", "))
	case slices.Contains(args, "{") || slices.Contains(args, "}"):
		return p.c.Errf("%s shares its line with a brace: put each property on its own line, and the closing brace too", name)
	case p.lines[name] != 0:
		return p.c.Errf("%s stands twice: keep one of them", name)
	case len(args) < prop.min || prop.max >= 0 && len(args) > prop.max:
		return p.c.Errf("%s has %d arguments: write %s", name, len(args), prop.usage)
	}
	p.lines[name] = p.c.Line()
	if err := prop.set(p, args); err != nil {
		return p.c.Errf("%s: %v", name, err)
	}
	return nil
}

func (p *parser) vault(args []string) error {
	if len(args) == 1 {
		p.client.Address = args[0]
	}
	return nil
}

func (p *parser) mount(args []string) error {
	p.client.Mount = strings.Trim(args[0], "/")
	if p.client.Mount == "" {
		return fmt.Errorf("%q names no mount", args[0])
	}
	return nil
}

func (p *parser) namespace(args []string) error {
	p.client.Namespace = args[0]
	return nil
}

// tls takes what every CoreDNS plugin takes: a CA, a pair, or a pair and a CA.
func (p *parser) tls(args []string) error {
	for i, f := range args {
		args[i] = p.path(f)
	}
	switch len(args) {
	case 1:
		p.client.CACert = args[0]
	case 2:
		p.client.ClientCert, p.client.ClientKey = args[0], args[1]
	case 3:
		p.client.ClientCert, p.client.ClientKey, p.client.CACert = args[0], args[1], args[2]
	}
	return nil
}

func (p *parser) policies(args []string) error {
	dir := p.path(args[0])
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("the directory cannot be read: %w", err)
	}
	p.config.policies = dir
	return nil
}

func (p *parser) refresh(args []string) (err error) {
	if p.config.refresh, err = duration(args[0], time.Second, 24*time.Hour); err != nil || len(args) == 1 {
		return err
	}
	if p.config.index, err = duration(args[1], time.Second, 24*time.Hour); err == nil && p.config.index > p.config.refresh {
		return fmt.Errorf("INDEX %s is longer than DURATION %s, the time between full scans: write the shorter one last", args[1], args[0])
	}
	return err
}

func (p *parser) maxStale(args []string) (err error) {
	p.config.maxStale, err = duration(args[0], time.Minute, 30*24*time.Hour)
	return err
}

func (p *parser) grace(args []string) (err error) {
	p.config.grace, err = duration(args[0], time.Minute, 7*24*time.Hour)
	return err
}

func (p *parser) ns(args []string) error {
	for _, a := range args {
		if strings.Contains(a, ",") {
			return fmt.Errorf("%q: separate names by spaces", a)
		}
	}
	p.config.ns = args
	return nil
}

func (p *parser) ttl(args []string) error {
	n, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not a number of seconds: write it like 300", args[0])
	}
	p.config.ttl = uint32(n)
	return nil
}

func (p *parser) cuts([]string) error {
	p.config.cuts = true
	return nil
}

func (p *parser) keys(args []string) error {
	kind, args := args[0], args[1:]
	switch kind {
	case "none":
		if len(args) != 0 {
			return fmt.Errorf("none takes no argument, not %q", args[0])
		}
	case "dir", "vault":
		if len(args) != 1 {
			return fmt.Errorf("%s takes one argument: write %s", kind, keysUsage)
		}
		p.config.keys.path = args[0]
		if kind == "dir" {
			p.config.keys.path = p.path(args[0])
			if err := refuseKeyFile(args[0], p.config.keys.path); err != nil {
				return err
			}
		} else if mount, path, ok := strings.Cut(args[0], "/"); !ok || mount == "" || path == "" {
			return fmt.Errorf("%q is not MOUNT/PATH of a key document in a KV version 2 mount", args[0])
		}
	case "bind":
		if len(args) == 0 {
			return fmt.Errorf("bind takes the files of BIND key pairs: write %s", keysUsage)
		}
		for _, f := range args {
			p.config.keys.files = append(p.config.keys.files, p.path(f))
		}
		if err := eachPairOnce(p.config.keys.files); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown source %q: write %s", kind, keysUsage)
	}
	p.config.keys.kind = kind
	return nil
}

func (p *parser) denial(args []string) error {
	kind, args := args[0], args[1:]
	if kind != "compact" && kind != "nsec" || kind == "nsec" && len(args) > 0 {
		return fmt.Errorf("%q: write %s", strings.Join(append([]string{kind}, args...), " "), denialUsage)
	}
	p.config.denial = kind
	if len(args) == 1 {
		n, err := strconv.ParseUint(args[0], 10, 31)
		if err != nil || n == 0 {
			return fmt.Errorf("%q is not a number of signatures per second: write 1 to %d, as in denial compact 5000", args[0], math.MaxInt32)
		}
		p.config.budget = float64(n)
	}
	return nil
}

// report takes the domain whose servers receive reports of errors (RFC 9567).
// The root is none: it would mean that there is nobody to report to.
func (p *parser) report(args []string) error {
	agent, err := zone.Name(args[0])
	if err == nil && agent == "." {
		err = errors.New("it is the root")
	}
	if err != nil {
		return fmt.Errorf("%q is not a domain that receives reports: %w; write it like report.example.net", args[0], err)
	}
	p.config.report = agent
	return nil
}

// store pins the store of documents.
func (p *parser) store(args []string) (err error) {
	p.config.pin, err = policy.ParsePin(args[0], strings.Join(args[1:], ""))
	return err
}

func (p *parser) stop(args []string) error {
	for _, a := range args {
		s, err := policy.ParseScope(a)
		if err != nil {
			return err
		}
		p.config.brakes.Stops = append(p.config.brakes.Stops, s)
	}
	return nil
}

func (p *parser) freeze(args []string) (err error) {
	p.config.brakes.Freeze, err = policy.ParseInstant(args[0])
	return err
}

func (p *parser) fallthrough_(args []string) error {
	p.config.overlay = true
	for _, a := range args {
		zones, err := readOrigins(a)
		if err != nil {
			return err
		}
		p.config.through = append(p.config.through, zones...)
	}
	return nil
}

// audit takes the file of the audit log, which need not be there yet.
func (p *parser) audit(args []string) error {
	if args[0] == audit.Stdout {
		p.config.audit = audit.Stdout
		return nil
	}
	file, err := filepath.Abs(p.path(args[0]))
	if err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory: write the name of a file, or stdout", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is no directory in which a file can be made: make it, or write another FILE", filepath.Dir(file))
	}
	p.config.audit = file
	return nil
}

// joinVault hands the gathered Vault settings to the configuration.
func (p *parser) joinVault() error {
	if p.lines["vault"] != 0 {
		p.config.vault = &p.client
		return nil
	}
	for _, name := range []string{"auth", "mount", "namespace", "tls"} {
		if p.lines[name] != 0 {
			return fmt.Errorf("%s speaks about Vault, and there is no vault property: write vault ADDRESS or remove %s", name, name)
		}
	}
	return nil
}

// path resolves a file name against the root plugin's directory.
func (p *parser) path(name string) string {
	if filepath.IsAbs(name) || p.root == "" {
		return name
	}
	return filepath.Join(p.root, name)
}

// duration parses a duration, as documents write it, between least and most.
func duration(s string, least, most time.Duration) (time.Duration, error) {
	d, err := policy.ParseDuration(s)
	if err != nil {
		return 0, err
	}
	if d < least || d > most {
		return 0, fmt.Errorf("%s is out of range: write %s to %s", s, least, most)
	}
	return d, nil
}
