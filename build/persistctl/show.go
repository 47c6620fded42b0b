package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/spf13/cobra"
)

// showing is what a show command was asked for.
type showing struct {
	docs   documents
	stanza stanza
	keys   *keySource
	at     instant
	qtype  string
	dnssec bool

	addresses addresses
}

const showHelp = `Show every grant, or those at NAME, as of an instant: what its record says, or why
there is none, and how long it takes in the worst case until nobody relies on it
any more once it is stopped, disabled or removed from its document. The store is
taken to answer all the time. A dash under SCOPE is that of a grant which is
stopped, disabled or rejected: it has no record that could reach anywhere. An IP
prefix that stands for several reverse names is one line for all of them that say the
same, unless --addresses is given. -o json has each, and the texts of the records too.

With --keys or --keys-vault, show instead the answer that a server gives at that
instant, octet by octet, in the form of a zone file. That takes what stands in
the server's Corefile: --zone, --ns, and what is not left at its default. For
SOA, NS and DNSKEY, which the zone itself has, NAME need not be given. With denial
nsec the SOA has a serial of the server's own, which cannot be told.

With --targets, each grant is shown with the name in --zone at which its records
stand, and the answer is that at this name. persistctl delegate prints the CNAME
that points to it.

A single argument is DIR where there is such a directory, else NAME. DIR is the
working directory by default.`

func newShow(out *output) *cobra.Command {
	var s showing
	cmd := &cobra.Command{
		Use:   "show [NAME] [DIR | --vault[=ADDRESS]]",
		Short: "Show which records stand at an instant, or the answer that a server gives",
		Long:  showHelp,
		Example: `  persistctl show docs/example/policies
  persistctl show api.example.com docs/example/policies --at 2027-01-01T00:00:00Z
  persistctl show --vault --zone _validation-persist.example.com -o json
  persistctl show example.com docs/example/policies --keys /etc/coredns/keys --zone _validation-persist.example.com --ns ns1.example.net
  persistctl show api.example.com docs/example/policies --zone persist.example.net --targets
  persistctl show --vault --keys-vault persist-keys/example --zone _validation-persist.example.com --ns ns1.example.net --type DNSKEY`,
		Args: arity(0, 2),
	}
	flags := cmd.Flags()
	s.docs.register(flags)
	s.stanza.register(flags)
	s.addresses.register(flags)
	s.keys = registerKeySource(flags, "keys", "keys-vault")
	s.at.register(flags, "as of this instant")
	flags.StringVar(&s.qtype, "type", "TXT", "`TYPE` to ask for, with --keys or --keys-vault")
	flags.BoolVar(&s.dnssec, "dnssec", true, "ask for signatures, with --keys or --keys-vault")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, dir := s.arguments(args)
		shown, err := s.show(cmd, name, dir)
		if err != nil {
			return err
		}
		return out.print(cmd.OutOrStdout(), shown)
	}
	return cmd
}

// arguments tells NAME and DIR apart.
func (s *showing) arguments(args []string) (name, dir string) {
	if len(args) == 1 && s.docs.take(args[0]) {
		return "", args[0]
	}
	return argument(args, 0), argument(args, 1)
}

func (s *showing) show(cmd *cobra.Command, name, dir string) (result, error) {
	if err := s.stanza.check(); err != nil {
		return nil, err
	}
	var fqdn record.FQDN
	if name != "" {
		var err error
		if fqdn, _, err = record.ParseFQDN(name); err != nil {
			if dir == "" && strings.ContainsRune(name, filepath.Separator) {
				return nil, usagef("%s is neither a NAME (%w) nor a directory that is there", name, err)
			}
			return nil, usageError{err}
		}
	}
	if s.keys.isSet() {
		if p, err := s.keys.place(); err == nil && s.docs.vault != "" {
			p.warnBeside(cmd.ErrOrStderr(), s.docs.mount)
		}
		return s.answer(cmd.Context(), fqdn, dir)
	}
	if cmd.Flags().Changed("type") || cmd.Flags().Changed("dnssec") {
		return nil, usagef("--type and --dnssec are about an answer, which takes keys: write --keys DIR or --keys-vault MOUNT/PATH")
	}
	return s.inventory(cmd.Context(), fqdn, dir)
}

// grants returns those at name, all where that is empty, in the zone of the
// stanza, if there is one.
func (s *showing) grants(book *policy.Book, name record.FQDN) ([]*policy.Grant, error) {
	grants := slices.Clone(s.stanza.grantsAt(book, name))
	if name == "" {
		grants = slices.Collect(book.Grants())
	}
	inside, err := s.stanza.inside()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(grants, func(g *policy.Grant) bool { return !inside(g.FQDN) }), nil
}
