package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Observer is told what a [Watcher] does. Its methods are called one at a time
// and must not block.
type Observer interface {
	// Scanned is called after every scan, with the time at which it began. It
	// was complete if err is nil.
	Scanned(began time.Time, err error)
	// Troubled is called after every scan and every look in between, with how
	// many things are not in order, by [Trouble].
	Troubled(count map[Trouble]int)
	// Info and Warning take lines for the log: documents that change, trouble
	// that begins and ends, and while there is any, one reminder a minute.
	Info(line string)
	Warning(line string)
}

// silence is the observer where there is none.
type silence struct{}

func (silence) Scanned(time.Time, error) {}
func (silence) Troubled(map[Trouble]int) {}
func (silence) Info(string)              {}
func (silence) Warning(string)           {}

// Limits of what goes to the log.
const (
	maxLines = 20 // of one kind in one scan
	reminder = time.Minute
)

// What trouble may be with, other than a document.
const (
	scanning = "scan"
	polling  = "look at control and index"
)

// journal knows what trouble there is, so that only a change is worth a line.
type journal struct {
	observer Observer
	troubles map[string]error // by what it is with
	since    time.Time        // when the first of them began
	spoken   time.Time        // the last warning
}

// report takes how it stands with one thing: err is nil if all is well.
func (j *journal) report(what string, err error, now time.Time) {
	known := j.troubles[what]
	switch {
	case err == nil && known != nil:
		delete(j.troubles, what)
		j.observer.Info(what + " is in order again")
	case err != nil:
		j.begin(what, err, now)
		if kind(known) != kind(err) {
			j.warn(what+" failed: "+err.Error(), now)
		}
	}
}

func (j *journal) begin(what string, err error, now time.Time) {
	if len(j.troubles) == 0 {
		j.since = now
	}
	j.troubles[what] = err
}

func (j *journal) warn(line string, now time.Time) {
	j.spoken = now
	j.observer.Warning(line)
}

// documents takes the trouble that a scan had with documents. What is not
// among it is in order again if the scan was complete.
func (j *journal) documents(troubles map[string]error, complete bool, now time.Time) {
	var worse, better []string
	for _, path := range slices.Sorted(maps.Keys(troubles)) {
		if err := troubles[path]; kind(j.troubles[path]) != kind(err) {
			worse = append(worse, err.Error())
		}
		j.begin(path, troubles[path], now)
	}
	for path := range j.troubles {
		if complete && troubles[path] == nil && path != scanning && path != polling {
			delete(j.troubles, path)
			better = append(better, path+" is in order again")
		}
	}
	lines(worse, func(line string) { j.warn(line, now) })
	lines(better, j.observer.Info)
}

// remind says once a minute that there is trouble.
func (j *journal) remind(now time.Time) {
	if len(j.troubles) == 0 || now.Sub(j.spoken) < reminder {
		return
	}
	first := slices.Min(slices.Collect(maps.Keys(j.troubles)))
	for _, what := range []string{polling, scanning} {
		if j.troubles[what] != nil {
			first = what
		}
	}
	j.warn(fmt.Sprintf("%d things are not in order since %s, one of them: %v", len(j.troubles), j.since.UTC().Format(time.RFC3339), j.troubles[first]), now)
}

// lines passes on as many as anybody will read.
func lines(all []string, say func(string)) {
	for i, line := range all {
		if i == maxLines {
			say(fmt.Sprintf("and %d more like these", len(all)-i))
			return
		}
		say(line)
	}
}

// errStepsBack is the trouble with a document that is older than the one held.
var errStepsBack = errors.New("goes back in time")

// Trouble is a kind of trouble with a document, a scan or a look.
type Trouble string

// troubles are the errors that are told apart.
var troubles = []struct {
	err  error
	name Trouble
}{
	{ErrNotFound, "not_found"},
	{ErrDenied, "denied"},
	{ErrUnavailable, "unavailable"},
	{ErrThrottled, "throttled"},
	{ErrRefused, "refused"},
	{errStepsBack, "back_in_time"},
	{errPanic, "panic"},
	{errOther, "other"},
}

// Troubles are all kinds.
func Troubles() []Trouble {
	all := make([]Trouble, len(troubles))
	for i, t := range troubles {
		all[i] = t.name
	}
	return all
}

// count returns how much trouble there is of each kind.
func (j *journal) count() map[Trouble]int {
	n := map[Trouble]int{}
	for _, err := range j.troubles {
		n[kind(err)]++
	}
	return n
}

// kind is what must change about an error for it to be news, empty for none.
// The text may hold what is another each time, like the number of a port.
func kind(err error) Trouble {
	if err == nil {
		return ""
	}
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return t.name
		}
	}
	return "other"
}

var errOther = errors.New("other")
