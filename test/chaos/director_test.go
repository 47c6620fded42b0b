//go:build linux

package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	pause    = 200 * time.Millisecond // between edits: 5 a second
	recovery = 10 * time.Second       // after Vault has come back
	generous = 3                      // times that, on a machine with other things to do
)

// incident is a trouble that was.
type incident struct {
	name      string
	span                    // from the first fault to the end of the last
	recovered moment        // when an edit made after it was served; 0: it never was
	limit     time.Duration // of that
	refused   int           // requests that it cost
}

// director has things go wrong one after the other, and has edits made all the
// while, where Vault can be written.
type director struct {
	*editor
	end       moment // of the run
	plan      []trouble
	incidents []incident
	away      bool
}

// run goes on until the time is over, but has the first of what is planned
// happen at least.
func (d *director) run(least int) error {
	d.editFor(2 * time.Second)
	well := d.now()
	for i := 0; i < len(d.plan) && (i < least || d.now()+d.plan[i].hold+recovery < d.end) && d.err == nil; i++ {
		d.model.well = append(d.model.well, span{well, d.now()})
		d.suffer(d.plan[i])
		well = d.now()
		d.editFor(d.plan[i].rest)
	}
	d.editFor(bound)
	d.model.well = append(d.model.well, span{well, d.now()})
	return d.err
}

// editFor edits for a time.
func (d *director) editFor(time time.Duration) {
	for end := d.now() + time; d.now() < end && d.err == nil; {
		d.tick()
	}
}

// tick makes one edit, if that can be, and waits for the next.
func (d *director) tick() {
	next := d.now() + pause
	if !d.away {
		d.edit()
	}
	time.Sleep(next - d.now()) // real time: nobody has a clock that could be set
}

// suffer goes through a trouble, until the server has got over it.
func (d *director) suffer(t trouble) {
	before := d.proxy.refusals()
	in := incident{limit: t.limit()}
	in.from = d.now()
	names := make([]string, 0, len(t.faults))
	for _, f := range t.faults {
		names = append(names, f.name)
		d.do(f.name, f.begin)
		d.away = d.away || f.away
	}
	in.name = strings.Join(names, " + ")
	d.editFor(t.hold)
	for _, f := range slices.Backward(t.faults) {
		d.do(f.name, f.end)
	}
	d.away = false
	in.to = d.now()
	in.recovered = d.recover(in.limit)
	in.refused = d.proxy.refusals() - before
	d.incidents = append(d.incidents, in)
	d.slowed(t, in)
}

// limit is how long the server may take to find out that all is well. After a
// long silence it asks every 30 s.
func (t trouble) limit() time.Duration {
	if t.hold >= time.Minute {
		return generous * (30*time.Second + recovery)
	}
	return generous * recovery
}

func (d *director) do(name string, what func(*world) error) {
	if err := what(d.world); err != nil {
		d.err = cmp.Or(d.err, fmt.Errorf("%s: %w", name, err))
	}
}

// slowed notes for how long requests took long; the last of them ended later.
func (d *director) slowed(t trouble, in incident) {
	for _, f := range t.faults {
		if f.late > 0 {
			d.model.slow = append(d.model.slow, slow{span{in.from, in.to + f.late}, f.late})
		}
	}
}

// recover writes the canary, and returns the moment when it was served as
// written, 0 if that does not happen within the limit.
func (d *director) recover(limit time.Duration) moment {
	until := d.soon()
	d.say(canary, claim{until: until})
	for end, edited := d.now()+limit, d.now(); d.now() < end && d.err == nil; time.Sleep(20 * time.Millisecond) {
		if d.served(until) {
			return d.now()
		}
		if d.now()-edited >= pause {
			edited = d.now()
			d.edit()
		}
	}
	return 0
}

func (d *director) served(until int64) bool {
	r, err := dns.Exchange(new(dns.Msg).SetQuestion("_validation-persist."+canary+".", dns.TypeTXT), d.server.Address)
	return err == nil && len(r.Answer) == 1 && strings.Contains(r.Answer[0].String(), fmt.Sprintf("persistUntil=%d", until))
}
