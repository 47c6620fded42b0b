// Package flood asks a server for random names faster than it signs denials,
// and looks at what that does to granted names, to its memory and to its
// counters.
package flood
