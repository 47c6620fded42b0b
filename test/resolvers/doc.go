// Package resolvers holds a running server before validators that others have
// written: delv, asked directly, and Unbound, set up as strictly as a CA's.
package resolvers
