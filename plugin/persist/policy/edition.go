package policy

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// edition is what a document counts for: its newest version where that is
// valid, else the last valid one, narrowed by what could be read since.
type edition[T any] struct {
	seen      store.Document  // the newest version, valid or not, without its body
	counts    *T              // nil where no version does
	read      *T              // what could be read of the newest version where none counts; else nil
	confirmed time.Time       // when the version that counts was last vouched for
	aging     bool            // what counts is not vouched for by the newest version
	vouched   bool            // a version was read that is of the store that is meant
	faults    faults          // of the newest version
	doubtful  map[string]bool // its members that are not sound
}

// kind is how documents of one kind are read.
type kind[T any] struct {
	// read takes the members of a document. What it cannot read it leaves as a
	// fault in the object, and the document is valid where there is none.
	read func(*object, *store.Document) *T
	// narrow returns last with every restriction that was read of an invalid
	// newer version; sound tells which of its members can be relied on.
	narrow func(last, read *T, sound func(member string) bool) *T
}

// advance returns the edition of d, where prev is that of the scan before or
// nil. It returns the same T as long as it says the same.
func (k kind[T]) advance(prev *edition[T], d *store.Document) *edition[T] {
	if prev == nil {
		prev = &edition[T]{}
	}
	if same(&prev.seen, d) {
		return prev.confirm(d)
	}
	e := &edition[T]{seen: bare(d), confirmed: d.Confirmed, vouched: prev.vouched || d.Doubt != store.Unvouched}
	if d.Withdrawn {
		return e
	}
	var read *T
	var parts faults
	top, wrong := open(d)
	if top != nil {
		read = k.readAll(top, d)
		e.doubtful = top.faults.members
		if wrong.list == nil {
			wrong, parts = top.faults, top.parts
		}
	}
	if d.Doubt != "" && d.Doubt != store.Pending {
		wrong.add(fault{reason: string(d.Doubt)})
	}
	e.faults = wrong.with(parts)
	switch {
	case wrong.list == nil && d.Doubt == "":
		e.counts = read
	case prev.counts == nil:
		e.read, e.aging = read, true
		if prev.aging {
			e.confirmed = prev.confirmed
		}
	default:
		e.counts = prev.counts
		if read != nil {
			e.counts = k.narrow(prev.counts, read, top.sound)
		}
		if wrong.list != nil || d.Doubt != store.Pending { // else it vouches for what both versions say
			e.confirmed, e.aging = prev.confirmed, true
		}
	}
	return e
}

func (k kind[T]) readAll(o *object, d *store.Document) *T {
	o.schema()
	t := k.read(o, d)
	o.finish()
	return t
}

// confirm returns e vouched for anew by d, which says the same.
func (e *edition[T]) confirm(d *store.Document) *edition[T] {
	next := *e
	next.seen = bare(d)
	if !e.aging {
		next.confirmed = d.Confirmed
	}
	return &next
}

// withoutDocument returns e, nil included, where the document is gone: d is
// nil, or withdrawn. What e says goes on to hold, until somebody writes anew what
// it is to say, for whom anew are the words.
func (e *edition[T]) withoutDocument(d *store.Document, anew string) *edition[T] {
	if e == nil {
		return nil
	}
	next := *e
	next.aging = true
	next.seen = store.Document{Path: e.seen.Path, Version: e.seen.Version} // to be read anew once it is back
	next.faults = wholly("is gone, and what it said goes on to hold: " + anew)
	if d != nil {
		next.seen = bare(d)
		next.faults = wholly("was deleted, and what it said goes on to hold: " + d.Remedy(anew))
	}
	return &next
}

// best is what counts, else what could be read.
func (e *edition[T]) best() *T {
	if e.counts != nil {
		return e.counts
	}
	return e.read
}

// same reports whether a and b say the same. The version number does not tell:
// a store that was wiped counts from 1 again. When they were written does,
// because an until is held against that.
func same(a, b *store.Document) bool {
	return a.Path == b.Path && a.Withdrawn == b.Withdrawn && a.Hash == b.Hash && a.Created.Equal(b.Created) && a.Doubt == b.Doubt
}

// bare is d without its body, which is read once and would otherwise stay in
// memory.
func bare(d *store.Document) store.Document {
	bare := *d
	bare.Body = nil
	return bare
}

// open reads the body of d as an object, nil where it is none. A document with
// a private key in it has that one fault: any other might quote the key.
func open(d *store.Document) (top *object, wrong faults) {
	v, err := parseJSON(d.Body)
	switch {
	case err != nil && pem.Match(d.Body):
		return nil, wholly(secretReason)
	case err != nil:
		return nil, wholly(err.Error() + ": write one JSON object, {…}")
	}
	if field, found := findSecret(v); found {
		wrong.add(fault{field: field, reason: secretReason})
	}
	if !v.isObject() {
		wrong.add(fault{reason: "is " + v.kind.String() + " in JSON: write one object, {…}"})
		return nil, wrong
	}
	return newObject("", v), wrong
}
