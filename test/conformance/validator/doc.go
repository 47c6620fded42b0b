// Package validator judges signed answers as a security-aware resolver does.
//
// It is written from RFC 4035 section 5, the canonical form of RFC 4034 section
// 6, the clarifications of RFC 6840 and the compact proofs of RFC 9824, so that
// what the signer gets wrong is not got wrong here in the same way. It shares no
// code with the signer: miekg/dns holds and packs the records, and the standard
// library verifies.
//
// A Validator remembers which signatures fit which keys and messages, because
// that cannot change. Everything that can is looked at every time: times, tags,
// names, labels and TTLs.
package validator
