package main

import (
	"fmt"
	"slices"
)

// unanswering is a server that gives no answer, one that is lame if there is such a
// one; nil where all answer, or where none is known. A resolver has no answer either
// then, and is not to blame.
func (s *sight) unanswering() *liveView {
	for _, is := range []func(liveView) bool{
		func(v liveView) bool { return v.lame },
		func(v liveView) bool { return v.Status == statusDNSError && v.Server != nobody && v.Alias == "" },
	} {
		if i := slices.IndexFunc(s.Servers, is); i >= 0 {
			return &s.Servers[i]
		}
	}
	return nil
}

// unanswered says which server gives no answer, and what it gives instead.
func (v liveView) unanswered() string {
	if v.lame {
		return fmt.Sprintf("lame delegation at %s: %s for %s", v.Server, v.Reason, v.Name)
	}
	return fmt.Sprintf("%s: %s", v.Server, v.Reason)
}

// whereUnanswered says what to do where there is no answer.
func (s *sight) whereUnanswered() string {
	switch v := s.unanswering(); {
	case v == nil:
		return "name a resolver that answers this machine, by --resolver; a server of the zone stands in for one only at names in its own zones, and so not at a name whose CNAME leads there"
	case v.lame:
		return fmt.Sprintf("have that server serve the zone of %s (the zones of its Corefile must hold it; with cuts, one of its documents must list the name, whether or not its grant has begun), or take it out of the NS RRset at the parent: no resolver finds an answer there", v.Name)
	case v.unaddressed:
		return fmt.Sprintf("give %s an address, or take it out of the NS RRsets of the zone and of its parent: a CA may ask it", v.Server)
	}
	return "have that server answer, or take it out of the NS RRsets of the zone and of its parent: a CA may ask it"
}
