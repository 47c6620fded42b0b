// Package conformance holds a running server before validators and verifiers
// that others have written. They reach it as they would in the world: from a
// signed root through a signed parent, on port 53, inside a network of their
// own. report.md is what they said.
package conformance
