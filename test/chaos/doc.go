// Package chaos lets everything go wrong that can go wrong between a server and
// a real Vault, while documents change and resolvers ask, and holds every answer
// against a model of what may be said at that moment.
//
// The model knows three things: what was written when (history), what of it has
// reached the server when (reads, noted by a proxy before Vault), and what
// docs/failures.md says of that. It shares no code with the plugin.
package chaos
