package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// endpoint is the value of a flag that names one server by IP:PORT.
type endpoint string

// String, Set and Type make endpoint a flag.
func (e *endpoint) String() string { return string(*e) }

// Set takes what can be asked as it stands: names are for a resolver to find.
func (e *endpoint) Set(s string) error {
	if at, err := netip.ParseAddrPort(s); err != nil || at.Port() == 0 {
		return fmt.Errorf("%q is not IP:PORT: write it like 192.0.2.53:53 or [2001:db8::53]:53", s)
	}
	*e = endpoint(s)
	return nil
}

// Type names what the flag takes, for the help.
func (*endpoint) Type() string { return "IP:PORT" }

// resolverAddress is the value of a flag that names a resolver by IP or IP:PORT.
type resolverAddress endpoint

// String, Set and Type make resolverAddress a flag.
func (r *resolverAddress) String() string { return string(*r) }

// Set adds the port of DNS where there is none.
func (r *resolverAddress) Set(s string) error {
	if at, err := netip.ParseAddr(s); err == nil {
		s = netip.AddrPortFrom(at, 53).String()
	}
	return (*endpoint)(r).Set(s)
}

// Type names what the flag takes, for the help.
func (*resolverAddress) Type() string { return "IP[:PORT]" }

// endpoints is the value of a flag that names any number of servers.
type endpoints []string

// String, Set and Type make endpoints a flag.
func (e *endpoints) String() string { return strings.Join(*e, ",") }

// Set adds servers, with commas between.
func (e *endpoints) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		var checked endpoint
		if err := checked.Set(one); err != nil {
			return err
		}
		*e = append(*e, one)
	}
	return nil
}

// Type names what the flag takes, for the help.
func (*endpoints) Type() string { return "IP:PORT" }
