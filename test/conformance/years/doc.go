// Package years lives through two simulated years of a signed zone.
//
// Five servers whose clocks differ answer from documents in one store, which
// falls silent now and then; they are restarted at any point. A team edits its
// documents, an operator rolls the key signing key, and the parent exchanges the
// DS record soon, late or never. Resolvers whose clocks are slow keep what they
// are told for its TTL and ask any of the servers, at random all the time and
// densely around every event.
//
// Where the KSK is kept away from the servers, a job signs bundles for weeks ahead
// and fails for weeks; elsewhere key pairs of BIND are handed out, to each server
// at another time. A chained zone is transferred to secondaries, too, which are
// cut off from their primaries for hours and days, and answer from their copies
// until SOA EXPIRE.
//
// At every question the whole chain is validated, by package validator: the DS
// RRset and the DNSKEY RRset that the resolver has, and the answer. What is said
// is held against a model of the documents, which shares no code with the
// servers. Where an assertion can fail by one formula of time alone, a test
// breaks that formula and sees the assertion fail.
package years
