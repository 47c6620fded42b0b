// Package dnssec signs RRsets and denies names with keys that nobody hands out.
//
// A key document holds seeds and instants. Which keys there are, which of them
// is published and which one signs are functions of the document and the
// clock, and so are the windows in which a signature is served. Servers that
// read the same document therefore give the same signatures to the last octet,
// zone signing keys roll without anybody writing anything, and what will be
// served in ten years is found by asking with that instant.
//
// The package works on RRsets, names and type sets and knows nothing of what
// they mean. It builds the canonical form (RFC 4034 section 6) itself:
// RRSIG.Sign of miekg/dns counts the labels of *foo.example wrongly.
package dnssec
