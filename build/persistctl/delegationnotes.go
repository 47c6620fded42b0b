package main

import (
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// What people have to mind, in plain words. Each is a paragraph.
var (
	targetNotes = []string{
		"Put each CNAME into the zone that holds its name. Nothing else may stand beside it (RFC 1034 section 3.6.2): remove a TXT record that is there. Nobody needs to change it again, as what it points to is what the server answers.",
		"CAs follow it (Baseline Requirements 3.2.2.4.22). That of Let's Encrypt asks a resolver, Unbound, which does. Pebble does not by itself: give it a resolver by -dnsserver.",
		"The hash form binds the name that is validated, and not the target (draft-ietf-acme-dns-persist-02 section 4.1), so point each name to its own. A URI binds no name: whatever points to a target authorises the accounts there.",
		"A record that is withdrawn is gone after the TTL of the target, whatever that of the CNAME is. Where the zone of the CNAME is signed the CNAME is signed too, and where it is not a CA takes the answer all the same.",
	}
	aliasNote = "A name of more than 152 octets has a hash of itself for its target, as it would not fit."

	zoneNotes = []string{
		"Put the NS records, and the DS records beside them, into the parent zone, that which holds their name today. It has nothing else at that name or below then, but glue (RFC 1034 section 4.2.1). Do so when every server answers for the zone.",
		"A DS record belongs only into a zone that is signed itself: leave it out of any other. With one that is wrong no CA validates, for they check DNSSEC with every look-up (Baseline Requirements 3.2.2.4).",
		"The TTL of DS counts when the key-signing key is rolled: persistctl keys roll-ksk waits for it.",
	}
	directNote = "A CA finds the record where it asks for it, so that its rules for CNAMEs do not matter, and the hash form binds the name that is validated (draft-ietf-acme-dns-persist-02 section 4.1)."
	cutsNote   = "Cuts are served at the names that documents list, and not at those which the subtree of another name covers: see that they list each NAME, as --all DIR does by itself. To a name that none lists such a delegation is lame."
	noKeysNote = "These are delegations without DNSSEC: write --keys DIR or --keys-vault MOUNT/PATH for the DS records."

	overlayNotes = []string{
		"Nothing is to be put anywhere: the server answers at these names inside a zone that another plugin serves, and that is delegated already. What it adds is signed only by a signer that signs all of that zone.",
	}
)

// handedNote is about a zone that is no label of this challenge alone, and so may have
// more in it; empty where it is one.
func (s *stanza) handedNote() string {
	if label, _, _ := strings.Cut(strings.ToLower(s.zone), "."); label == record.Label || label == record.IPLabel {
		return ""
	}
	note := fmt.Sprintf("This hands all of %s to the servers of persist, which answer for nothing in it but this challenge: a domain that is in use goes down, as its A, AAAA, MX and PTR records are found no more.", s.zone)
	if s.targets {
		return note + " Take a zone that holds nothing else."
	}
	return note + " To delegate no more than CAs ask for, name what is validated and leave out --zone."
}

// belowNote is about names that are granted with all below them, which cuts do not
// serve.
func belowNote(names []record.FQDN, cuts bool) string {
	const most = 10
	list := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		list = append(list, string(name))
	}
	if more := len(names) - most; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	if cuts {
		return fmt.Sprintf("Names below %s are granted too, and cuts do not serve them: delegate none of them to these servers before the documents list it, or have a zone without cuts that holds them all.", strings.Join(list, ", "))
	}
	return fmt.Sprintf("Names below %s are granted too, and a CA asks at the label of each: write those that are ordered as NAME..., since what stands here leads to none of them, or delegate a zone that holds them all, by --zone and --ns.", strings.Join(list, ", "))
}
