// Package store knows where policy documents come from, Vault or a directory,
// and keeps what was last known of them.
//
// A [Watcher] scans a [Source] and makes a [Snapshot] of it, by one rule: what
// the store states acts at once, and what it does not say changes nothing but
// starts a clock. A document that cannot be read, for whatever reason, stays as
// it was with the time it was last confirmed; only the store's own word that it
// was deleted, or two scans that agree on its absence, take it away. And
// nothing is believed of a store that does not have the config document, since
// Vault lists a mount that is not there just as it lists an empty one, nor of one
// whose config says that it is another store than the one meant, or an earlier
// state of it. What goes back in time widens nothing.
//
// Tools may write to a store ([Writer]); a server never does.
package store
