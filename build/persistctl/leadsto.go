package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// leadsTo reports whether every validator finds key by a DS RRset. Of several
// digests it may go by the strongest alone (RFC 4509 section 3 has it ignore SHA-1
// beside SHA-256).
func leadsTo(all []*dns.DS, key *dns.DNSKEY) bool {
	var strongest uint8
	for _, ds := range all {
		if ds.DigestType == dns.SHA1 || ds.DigestType == dns.SHA256 || ds.DigestType == dns.SHA384 {
			strongest = max(strongest, ds.DigestType)
		}
	}
	return slices.ContainsFunc(all, func(ds *dns.DS) bool { return ds.DigestType == strongest && pointsTo(ds, key) })
}

// unled says what a parent has whose DS RRset does not lead to key.
func unled(all []*dns.DS, key *dns.DNSKEY) string {
	if slices.ContainsFunc(all, func(ds *dns.DS) bool { return pointsTo(ds, key) }) {
		return fmt.Sprintf("a DS of the key with tag %d, but of a weaker digest than another's, beside which validators may ignore it", key.KeyTag())
	}
	return fmt.Sprintf("no DS of the key with tag %d", key.KeyTag())
}

// pointsTo reports whether a DS record is one of key, by whatever digest.
func pointsTo(ds *dns.DS, key *dns.DNSKEY) bool {
	made := key.ToDS(ds.DigestType)
	return made != nil && made.KeyTag == ds.KeyTag && made.Algorithm == ds.Algorithm && strings.EqualFold(made.Digest, ds.Digest)
}
