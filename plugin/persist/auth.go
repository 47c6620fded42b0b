package persist

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// authMethod is one of the ways to prove to Vault who the server is, as it is
// written after auth.
type authMethod struct {
	usage  string // what follows the name
	least  int    // how many arguments
	most   int
	logsIn bool // at an auth mount of Vault
	set    func(p *parser, args []string) error
}

// authMethods are all of them, by name.
var authMethods = map[string]authMethod{
	"token":      {"", 0, 0, false, func(*parser, []string) error { return nil }},
	"token_file": {"FILE", 1, 1, false, (*parser).tokenFile},
	"agent":      {"", 0, 0, false, func(*parser, []string) error { return nil }},
	"approle":    {"ROLE_ID_FILE SECRET_ID_FILE [wrapped]", 2, 3, true, (*parser).appRole},
	"kubernetes": {"ROLE [JWT_FILE]", 1, 2, true, (*parser).roleAndJWT},
	"jwt":        {"ROLE FILE", 2, 2, true, (*parser).roleAndJWT},
	"cert":       {"[NAME]", 0, 1, true, (*parser).certRole},
}

// authUsage is what to write, for error messages.
var authUsage = usageOfAuth()

func usageOfAuth() string {
	list := make([]string, 0, len(authMethods))
	for _, name := range slices.Sorted(maps.Keys(authMethods)) {
		list = append(list, strings.TrimSpace(name+" "+authMethods[name].usage))
	}
	return "auth " + strings.Join(list, " | ") + " [mount NAME]"
}

// auth chooses how the server proves to Vault who it is.
func (p *parser) auth(args []string) error {
	name, args := args[0], args[1:]
	m, ok := authMethods[name]
	if !ok {
		// What stands there may be a token that was meant to be in a file.
		return fmt.Errorf("unknown method: write %s", authUsage)
	}
	if n := len(args); n >= 2 && args[n-2] == "mount" {
		if !m.logsIn {
			return fmt.Errorf("%s is without a login, and so without a mount: remove mount", name)
		}
		p.client.AuthMount, args = args[n-1], args[:n-2]
	}
	if len(args) < m.least || len(args) > m.most {
		return fmt.Errorf("%s does not take %d arguments: write %s", name, len(args), m.line(name))
	}
	p.client.Auth = name
	return m.set(p, args)
}

// logsIn reports whether the token of the store is that of a login.
func (c *config) logsIn() bool { return c.vault != nil && authMethods[c.vault.Auth].logsIn }

// line is how the property is written with this method.
func (m authMethod) line(name string) string {
	line := strings.TrimSpace("auth " + name + " " + m.usage)
	if m.logsIn {
		line += " [mount NAME]"
	}
	return line
}

func (p *parser) tokenFile(args []string) error {
	p.client.TokenFile = p.path(args[0])
	return nil
}

func (p *parser) appRole(args []string) error {
	p.client.RoleIDFile, p.client.SecretIDFile = p.path(args[0]), p.path(args[1])
	p.client.Wrapped = len(args) == 3
	if p.client.Wrapped && args[2] != "wrapped" {
		return errors.New("after the two files there may stand wrapped, and nothing else: write auth approle ROLE_ID_FILE SECRET_ID_FILE [wrapped] [mount NAME]")
	}
	return nil
}

func (p *parser) roleAndJWT(args []string) error {
	p.client.Role = args[0]
	if len(args) == 2 {
		p.client.JWTFile = p.path(args[1])
	}
	return nil
}

func (p *parser) certRole(args []string) error {
	if len(args) == 1 {
		p.client.Role = args[0]
	}
	return nil
}
