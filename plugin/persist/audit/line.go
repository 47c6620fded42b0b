package audit

import (
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// Event is what a line tells of.
type Event string

// The events.
const (
	Started Event = "started" // a process begins to write; what it serves is told anew after it
	Ended   Event = "ended"   // it ends in order
	Lost    Event = "lost"    // Count lines were lost before this one; what is served is told anew after it
	Skipped Event = "skipped" // Count books came faster than they could be told apart; the next one is told of

	Serving Event = "serving" // from now on the Names have the records New of one account
	Left    Event = "left"    // the zone is not served any more

	Added   Event = "added"   // an account has records at Name, and had none
	Removed Event = "removed" // it has none any more
	Altered Event = "altered" // it has others
	Begun   Event = "begun"   // it has some, because their time has come
	Expired Event = "expired" // it has none any more, because their time is over
	Rotated Event = "rotated" // in every record of the zone with this Floor and Step Old has become New, but for those of the accounts in Except
	Stale   Event = "stale"   // nobody has vouched for the account's records for too long: they are not served
	Vouched Event = "vouched" // they are again

	Document  Event = "document"  // another version of a policy document, or none
	Rejected  Event = "rejected"  // a document or a part of it is not used
	Corrected Event = "corrected" // it is not rejected any more
	Stopped   Event = "stopped"   // a stop is in force
	Lifted    Event = "lifted"    // it is not any more
	Frozen    Event = "frozen"    // rotation stands still from the instant New on, or will
	Thawed    Event = "thawed"    // it does not
	Store     Event = "store"     // the store says that it is New
	Refused   Event = "refused"   // a store is not the one that is meant, and not believed
	Accepted  Event = "accepted"  // it is believed again

	Keys    Event = "keys"    // a key document is taken over
	Key     Event = "key"     // a key signing key goes from the state Old to New
	Bundles Event = "bundles" // the DNSKEY RRset is signed ahead until New
)

// Line is one line of the log. What does not apply is left out.
type Line struct {
	Seq   uint64    `json:"seq"`   // from 1 on, without a gap
	At    time.Time `json:"at"`    // by the clock that answers go by
	Event Event     `json:"event"` //

	Zone    string        `json:"zone,omitempty"`  // the origin
	Name    record.FQDN   `json:"name,omitempty"`  // the validated FQDN
	Names   []record.FQDN `json:"names,omitempty"` // of Serving
	Count   int           `json:"count,omitempty"` // of names, lines or octets
	Issuer  string        `json:"issuer,omitempty"`
	Team    string        `json:"team,omitempty"`
	Account string        `json:"account,omitempty"`

	// Subtree is set where what is said of the name goes for the names in its
	// subtree, each with a hash of its own; of an IP prefix, of which New and Old
	// are those of the first address, for the addresses alone.
	Subtree bool `json:"subtree,omitempty"`

	// Floor and Step are those of records that rotate.
	Floor string `json:"floor,omitempty"`
	Step  string `json:"step,omitempty"`

	Old    []string `json:"old,omitempty"` // text of the records before
	New    []string `json:"new,omitempty"` // and of those since
	Stale  bool     `json:"stale,omitempty"`
	Except []string `json:"except,omitempty"` // accounts, as TEAM/ISSUER/NAME

	Document string        `json:"document,omitempty"` // path@version
	Was      string        `json:"was,omitempty"`      // path@version before
	By       *store.Author `json:"by,omitempty"`       // who wrote it, where Vault tells
	Field    string        `json:"field,omitempty"`    // of the document
	Scope    string        `json:"scope,omitempty"`    // of a stop
	Reason   string        `json:"reason,omitempty"`
	Source   string        `json:"source,omitempty"` // the store, or where keys are

	Tag uint16 `json:"tag,omitempty"` // of a key
	PID int    `json:"pid,omitempty"` // of the process that has started

	// Digest is of what is granted in the zone, as of this line: two servers
	// that grant the same have the same, whatever the order they learnt it in.
	Digest string `json:"digest,omitempty"`
	// Prev is the SHA-256 of the line before, without its newline, in hex; of
	// the first line it is all zeros.
	Prev string `json:"prev"`
}
