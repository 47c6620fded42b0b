// Package policy compiles policy documents into the book of grants.
//
// Decoding is lenient in form, because "vault kv put key=value" stores nothing
// but strings, and strict in meaning: an unknown or repeated member rejects
// what it stands in, so that a typo never widens anything. Every grant is held
// against what its team may claim and its issuer allows, because a store's
// access rules see paths and not what a document says.
//
// Two rules decide what happens to a document that is not valid. It keeps its
// last valid version, which ages because nobody vouches for it any more. And
// whatever can still be read of it that restricts acts at once: a team that
// withdraws a name withdraws it, however else the document is broken.
package policy
