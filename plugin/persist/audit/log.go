package audit

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"
	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// Stdout is the name of the log that goes to the standard output.
const Stdout = "stdout"

const (
	mostQueued = 256             // books and the like that wait to be told of
	tick       = time.Minute     // how often the clock is looked at where nothing is due
	again      = 5 * time.Second // after which is tried again to write
	patience   = 2 * time.Second // that the end of the process waits for a disk
)

// Options of a [Log]. All must be set.
type Options struct {
	Now     func() time.Time // for lines that are about no zone
	Failed  func(err error)  // nothing can be written from now on; nil: it can again
	Written func(lines int)
	Lost    func(lines int) // for good, because they could not be written for too long
}

// Log writes an audit log. Its methods return at once, whatever becomes of the
// file; Sync and Close are the exceptions.
type Log struct {
	options Options
	queue   chan func()
	skipped atomic.Int64
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once

	// What follows is owned by the goroutine.
	ledger  *Ledger
	views   map[*View]bool
	rings   map[string]keysOf // by place
	file    *file
	chain   Chain
	dropped int  // lines since the last that had room
	failing bool // to write
}

// Open goes on with the log at path, or begins one. It fails where there is
// something else, or where the file cannot be written.
func Open(path string, o Options) (*Log, error) {
	l := &Log{
		options: o, queue: make(chan func(), mostQueued), quit: make(chan struct{}), done: make(chan struct{}),
		views: map[*View]bool{}, rings: map[string]keysOf{}, file: &file{f: os.Stdout},
	}
	started := Line{At: o.Now(), Event: Started, PID: os.Getpid()}
	if path != Stdout {
		f, end, err := openFile(path)
		if err != nil {
			return nil, fmt.Errorf("audit %s: %w", path, err)
		}
		l.file, l.chain = f, end.Chain
		if started.Count = end.torn; end.torn > 0 {
			started.Reason = "the line before is torn: the process that wrote it did not end in order"
		}
	}
	l.ledger = NewLedger(l.write)
	l.write(started)
	go l.run()
	return l, nil
}

// Take has told what book changes in the zones of v.
func (l *Log) Take(v *View, book *policy.Book) {
	at := v.Now()
	l.post(func() {
		if !v.left {
			l.views[v] = true
			l.ledger.Take(v, book, at)
		}
	})
}

// Keys has told what has become of the keys at place, which sign origin, and
// what becomes of them with time.
func (l *Log) Keys(v *View, place, origin string, set *dnssec.KeySet) {
	l.post(func() {
		if !v.left {
			l.rings[place] = keysOf{v, origin, set}
			l.ledger.Keys(place, origin, set, v.Now())
		}
	})
}

// keysOf are keys that a view is signed with.
type keysOf struct {
	view   *View
	origin string
	set    *dnssec.KeySet
}

// Refused has told that the store of v is not believed, or with nil that it is.
func (l *Log) Refused(v *View, err error) {
	at := v.Now()
	l.post(func() { l.ledger.Refused(v, err, at) })
}

// Leave has the zones of v end that no other view has taken over. It waits while
// there is no room, up to two seconds.
func (l *Log) Leave(v *View) {
	at := v.Now()
	leave := func() {
		delete(l.views, v)
		maps.DeleteFunc(l.rings, func(_ string, k keysOf) bool { return k.view == v })
		l.ledger.Leave(v, at)
	}
	select {
	case l.queue <- leave:
	case <-time.After(patience):
		l.skipped.Add(1)
	}
}

// post hands over something to tell of, or counts what there is no room for: the
// next book is held against the last one told of.
func (l *Log) post(tell func()) {
	select {
	case l.queue <- tell:
	default:
		l.skipped.Add(1)
	}
}

// Sync returns when everything so far is written, as far as it can be, and all
// that time has changed too.
func (l *Log) Sync() {
	synced := make(chan struct{})
	l.queue <- func() {
		defer close(synced)
		l.advance()
		l.flush()
	}
	<-synced
}

// Close ends the log in order, unless the disk takes too long for that.
func (l *Log) Close() {
	l.closing.Do(func() { close(l.quit) })
	select {
	case <-l.done:
	case <-time.After(patience):
	}
}

func (l *Log) run() {
	defer close(l.done)
	for {
		select {
		case tell := <-l.queue:
			l.survive(tell)
		case <-time.After(l.wait()):
			l.survive(l.advance)
		case <-l.quit:
			l.end()
			return
		}
		if len(l.queue) == 0 {
			l.survive(l.flush)
		}
	}
}

// wait is how long there is nothing to do.
func (l *Log) wait() time.Duration {
	wait := tick
	for v := range l.views {
		if due := l.ledger.Next(v); !due.IsZero() {
			wait = min(wait, max(time.Second, due.Sub(v.Now())))
		}
	}
	if l.failing {
		wait = min(wait, again)
	}
	return wait
}

func (l *Log) advance() {
	for v := range l.views {
		l.ledger.Advance(v, v.Now())
	}
	for place, k := range l.rings {
		l.ledger.Keys(place, k.origin, k.set, k.view.Now())
	}
}

// survive keeps a fault of the ledger from ending the server. What was said
// before is forgotten then, and everything told anew with the next books.
func (l *Log) survive(f func()) {
	defer func() {
		if r := recover(); r != nil {
			l.options.Failed(fmt.Errorf("this is a fault of persist, please report it: panic: %v", r))
			l.ledger = NewLedger(l.write)
			for v := range l.views {
				v.forget()
			}
			l.dropped++
		}
	}()
	f()
}

// write appends a line, or counts it where there is no room.
func (l *Log) write(line Line) {
	if l.dropped > 0 || !l.file.hasRoom() {
		l.dropped++
		l.options.Lost(1)
		return
	}
	l.file.append(l.chain.Append(line))
	l.options.Written(1)
	if len(l.file.pending) >= writeAt && !l.failing {
		l.try()
	}
}

// try writes what is pending, and says when that begins, and ends, to fail.
func (l *Log) try() {
	err := l.file.flush()
	if failing := err != nil; failing != l.failing {
		l.failing = failing
		l.options.Failed(err)
	}
}

// flush writes what there is. Where lines were lost and there is room again, a
// line says so, and everything that is served is told anew.
func (l *Log) flush() {
	if n := l.skipped.Swap(0); n > 0 {
		l.write(Line{At: l.options.Now(), Event: Skipped, Count: int(n)})
	}
	l.try()
	if l.failing || l.dropped == 0 {
		return
	}
	lost := Line{At: l.options.Now(), Event: Lost, Count: l.dropped}
	l.dropped = 0
	l.write(lost)
	l.ledger.restand(l.options.Now())
	for v := range l.views {
		l.ledger.Restate(v, v.Now())
	}
	l.try()
}

func (l *Log) end() {
	for len(l.queue) > 0 {
		l.survive((<-l.queue))
	}
	l.survive(l.flush)
	l.write(Line{At: l.options.Now(), Event: Ended})
	if err := l.file.close(); err != nil && !l.failing {
		l.options.Failed(err)
	}
}
