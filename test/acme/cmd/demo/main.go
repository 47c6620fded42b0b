// Command demo shows persist at work. On loopback it starts a real Vault,
// CoreDNS, Unbound and Pebble, obtains a wildcard certificate with lego,
// withdraws the grant, and sees that the next order is refused. It leaves
// nothing behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/coredns-persist/persist/test/acme"
)

func main() {
	bin := flag.String("bin", "", "`directory` of coredns and persistctl; bin of the repository if empty")
	flag.Parse()
	if err := run(*bin); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(bin string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// lego asks for a record on standard input when it finds none that fits.
	// That would be a failure, and nobody is to answer.
	var err error
	if os.Stdin, err = os.Open(os.DevNull); err != nil {
		return err
	}
	outcome, err := acme.Run(ctx, bin, os.Stdout)
	if err != nil {
		return err
	}
	fmt.Println()
	fmt.Println("Issued by:", outcome.Certificate.Issuer)
	fmt.Println("For:      ", strings.Join(outcome.Certificate.DNSNames, ", "))
	return nil
}
