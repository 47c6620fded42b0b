// Command persistctl is the operator's tool of the persist plugin: it checks
// policy documents, shows what a server answers at any instant, judges records
// as a CA would, and looks after keys.
//
// It reads documents and keys with the very packages that the server does, and
// judges what it is about to write with them.
package main

import "os"

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }
