package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// switches are what a document switches on and off.
type switches struct {
	on      bool
	domains map[record.FQDN]bool // of an account; whether each is on
}

// switchesOf reads the body of a document at path. What cannot be read is on.
func switchesOf(path string, body []byte) switches {
	d := &store.Document{Path: path, Body: body}
	s := switches{on: true, domains: map[record.FQDN]bool{}}
	if _, ok := parsePlace(path); ok {
		if a := accounts.advance(nil, d).best(); a != nil {
			s.on = a.halt == ""
			for _, one := range a.domains {
				s.domains[one.name] = !one.wanted.disabled
			}
		}
	} else if top, _ := open(d); top != nil {
		s.on = top.enabled()
	}
	return s
}

// Enables returns the fields in which held, the body of a document at path, has
// switched something off that body switches on again. A name that body does not
// have stays off, and so does all of a document that is off.
func Enables(path string, held, body []byte) []string {
	was, is := switchesOf(path, held), switchesOf(path, body)
	var fields []string
	if !is.on {
		return nil
	}
	if !was.on {
		fields = append(fields, "enabled")
	}
	for name, on := range is.domains {
		if before, had := was.domains[name]; on && had && !before {
			fields = append(fields, fieldOf("domains", string(name))+".enabled")
		}
	}
	slices.Sort(fields)
	return fields
}
