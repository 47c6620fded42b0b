package store

import (
	"crypto/sha256"
	"errors"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Paths of the documents that every scan reads first.
const (
	ConfigPath  = "config"  // the sentinel: without it nothing else is believed
	ControlPath = "control" // the brakes
	IndexPath   = "index"   // optional: a new version of it asks for a scan
)

// MaxDocument is the largest size of a document in octets, whatever a store can
// hold: it is the default of Vault's max_entry_size.
const MaxDocument = 1 << 20

// Errors that a [Source] returns, wrapped in what was asked and where. Any
// other error means that this one path could not be read.
var (
	// ErrNotFound means that the store answers and that the path does not
	// exist. It proves nothing unless the sentinel is read in the same scan.
	ErrNotFound = errors.New("not found")
	// ErrDenied means that the store answers but does not allow the request.
	// It says nothing about whether the path exists.
	ErrDenied = errors.New("permission denied")
	// ErrUnavailable means that the store does not answer, or that it answers
	// that it cannot serve: unreachable, sealed, failing.
	ErrUnavailable = errors.New("store unavailable")
	// ErrThrottled means that the store asks for fewer requests; see
	// [ThrottledError].
	ErrThrottled = errors.New("too many requests")
	// ErrRefused means that the store answers and is not the one that is meant:
	// another one, or an earlier state of it. See [Options.Accept].
	ErrRefused = errors.New("the store is refused")
)

// Document is one version of one policy document, as the store has it.
type Document struct {
	Path      string    // without suffix: "config", "issuers/letsencrypt", "accounts/web/letsencrypt/prod"
	Version   string    // Vault: its version number; directory: first 12 hex digits of the body's SHA-256
	Created   time.Time // Vault: created_time of the version; directory: modification time
	Body      []byte    // JSON; nil when Withdrawn, or once read: see Watcher.Release
	Withdrawn bool      // soft-deleted or destroyed: the store states that it is gone
	Undelete  string    // the command that brings a withdrawn version back, empty where nothing does
	Deleted   time.Time // Vault: deletion_time of the version, zero if none; where it lies ahead the version still counts
	Hash      [32]byte  // SHA-256 of Body
	Confirmed time.Time // when the request began that last vouched for this version
	Doubt     Doubt     // why only what it restricts counts; empty: all of it does
}

// Doubt is why a document counts for what it restricts only, and not for what
// it adds: it is for people, in words that follow the document's ID.
type Doubt string

// The doubts that there are.
const (
	// Unvouched: the control document was read, and config in the same look was
	// not, so it may be that of another store.
	Unvouched Doubt = "was read where the document config is not as it should be, so what it stops is stopped, and it lifts nothing"
	// Unfinished: an issuer or a team that was not read together with all others,
	// since the scan ended among them, or before the accounts. What one team gives up
	// another one may have got, or an account given up, whose document was read
	// before.
	Unfinished Doubt = "was not read together with all issuers and teams, and before the accounts: what it restricts counts, and what it adds or gives up waits for the next scan"
	// Pending: an account after which what it rests on is not read yet. It is in
	// order, and no fault.
	Pending Doubt = "was read after the issuer and the team that it rests on: what it restricts counts, and what it adds waits until they are read once more"
	// Backdated: a higher version that is older than a lower one. The store's
	// clock was set back, or its history was replaced.
	Backdated Doubt = "goes back in time, though its version is higher: what it restricts counts, and what it adds does not: write it anew to have it count"
)

// ID returns "path@version", for messages.
func (d *Document) ID() string { return d.Path + "@" + d.Version }

// Remedy says how to have back what a withdrawn version said: by undeleting it,
// or otherwise where that cannot be.
func (d *Document) Remedy(otherwise string) string {
	if d.Undelete != "" {
		return "bring it back first (" + d.Undelete + ")"
	}
	return "it cannot be brought back: " + otherwise
}

// same reports whether d and e are one version: a version number alone does
// not tell, since it starts at 1 again in a document that is made anew.
func (d *Document) same(e *Document) bool {
	return d.Version == e.Version && d.Created.Equal(e.Created) && d.Deleted.Equal(e.Deleted) && d.Withdrawn == e.Withdrawn && d.Hash == e.Hash
}

// precedes reports whether d is from before e: the answer of a standby that
// lags, or of a store that was restored. A lower version alone is a document
// that was made anew.
func (d *Document) precedes(e *Document) bool {
	if d.Created.Equal(e.Created) {
		return e.outnumbers(d)
	}
	return d.Created.Before(e.Created)
}

// outnumbers reports whether d has the higher version number.
func (d *Document) outnumbers(e *Document) bool {
	n, err1 := strconv.Atoi(d.Version)
	m, err2 := strconv.Atoi(e.Version)
	return err1 == nil && err2 == nil && n > m
}

// revives reports whether d is the version e, which was withdrawn, and is not
// any more.
func (d *Document) revives(e *Document) bool {
	return e.Withdrawn && !d.Withdrawn && d.Version == e.Version && d.Created.Equal(e.Created)
}

// in returns d in doubt.
func (d *Document) in(doubt Doubt) *Document {
	doubted := *d
	doubted.Doubt = doubt
	return &doubted
}

// isReleasable reports whether d has a body that nobody will read once more.
func (d *Document) isReleasable() bool {
	return d.Body != nil && d.Path != ConfigPath && d.Doubt == ""
}

// seal sets what follows from the body.
func (d *Document) seal() { d.Hash = sha256.Sum256(d.Body) }

// Snapshot is the last known good state of a store. It is never changed after
// it was handed out.
type Snapshot struct {
	// Documents are sorted by path. One that can no longer be read, or that
	// went back in time, stays as it was, with the Confirmed it had.
	Documents []Document

	// Listed says for each folder ("issuers", "teams", "accounts",
	// "accounts/web", "accounts/web/letsencrypt") when the LIST began that
	// last vouched for its being complete: for every document in it being
	// among Documents. It is zero where that was never so.
	Listed map[string]time.Time

	// dated is what the store's clock said before the LIST that Listed speaks
	// of, zero for a store without one.
	dated map[string]time.Time

	// Braked is when the request began that last read the control document, or
	// found that there is none.
	Braked time.Time

	// Date is the store's own clock and DateAt this clock when Date was read.
	// Both are zero for a store without one.
	Date, DateAt time.Time
}

// Document returns the document at path, nil if there is none.
func (s *Snapshot) Document(path string) *Document {
	if i, ok := s.search(path); ok {
		return &s.Documents[i]
	}
	return nil
}

// search returns where the document at path stands, or would.
func (s *Snapshot) search(path string) (i int, found bool) {
	return sort.Find(len(s.Documents), func(i int) int { return strings.Compare(path, s.Documents[i].Path) })
}
