package dnssec

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Node is a name of a zone with the types of its RRsets, NSEC and RRSIG aside.
type Node struct {
	Name  string
	Types []uint16
}

// Chain is the NSEC records of a whole zone (RFC 4034 section 4): one at every
// name that has RRsets, each pointing to the next in canonical order, the last
// one to the apex. It is immutable.
type Chain struct {
	keys    [][]byte // names as orderKey makes them, sorted
	records []*dns.NSEC
}

// NewChain links nodes, in any order, into the chain of the zone of apex,
// which must be among them. An empty non-terminal is no node (RFC 4035 section
// 2.3). It fails where a name stands twice, is none or lies outside the zone.
func NewChain(apex string, nodes []Node, ttl uint32) (*Chain, error) {
	type link struct {
		key  []byte
		node Node
	}
	links := make([]link, len(nodes))
	for i, n := range nodes {
		if !dns.IsSubDomain(apex, n.Name) {
			return nil, fmt.Errorf("%s lies outside the zone %s", n.Name, apex)
		}
		links[i] = link{orderKey(split(n.Name)), n}
	}
	slices.SortFunc(links, func(a, b link) int { return bytes.Compare(a.key, b.key) })
	if len(links) == 0 || links[0].node.Name != apex {
		return nil, errors.New("the chain begins at the apex, which is not among its names")
	}
	c := &Chain{}
	for i, l := range links {
		next := links[(i+1)%len(links)].node.Name
		if i > 0 && next == l.node.Name {
			return nil, fmt.Errorf("%s stands twice in the chain", next)
		}
		c.keys = append(c.keys, l.key)
		c.records = append(c.records, nsec(l.node.Name, next, ttl, l.node.Types...))
	}
	return c, nil
}

// orderKey is a name as octets that compare in canonical order (RFC 4034
// section 6.1): the labels from the right, each ended by an octet lower than
// any other. To leave room for that one, 0 and 1 are written as two octets.
func orderKey(l labels) []byte {
	key := make([]byte, 0, l.size())
	for _, label := range slices.Backward(l) {
		for _, c := range label {
			if c <= 1 {
				key = append(key, 1)
			}
			key = append(key, c)
		}
		key = append(key, 0)
	}
	return key
}

// Records returns every NSEC record, in canonical order from the apex on. The
// slice is shared and must not be written to.
func (c *Chain) Records() []*dns.NSEC { return c.records }

// Find returns the NSEC record at name, or else the one that covers it, and
// whether it is at name. name lies in the zone.
func (c *Chain) Find(name string) (record *dns.NSEC, matches bool) {
	i, matches := slices.BinarySearchFunc(c.keys, orderKey(split(name)), bytes.Compare)
	if !matches {
		i--
	}
	return c.records[max(i, 0)], matches
}

// Exists reports whether name has RRsets or stands above a name that has
// (RFC 4592 section 2.2.2).
func (c *Chain) Exists(name string) bool {
	record, matches := c.Find(name)
	return matches || dns.IsSubDomain(name, record.NextDomain)
}

// Deny returns the records which prove that name does not exist and that no
// wildcard matches it: the one that covers name, and the one that covers the
// wildcard at the closest encloser, which may be the same (RFC 4035 section
// 3.1.3.2).
func (c *Chain) Deny(name string) []*dns.NSEC {
	covering, _ := c.Find(name)
	wildcard, _ := c.Find("*." + encloser(name, covering))
	if wildcard == covering {
		return []*dns.NSEC{covering}
	}
	return []*dns.NSEC{covering, wildcard}
}

// encloser is the longest ancestor of name that exists. Both ends of the record
// that covers name have it in common with name.
func encloser(name string, covering *dns.NSEC) string {
	n := max(dns.CompareDomainName(name, covering.Hdr.Name), dns.CompareDomainName(name, covering.NextDomain))
	if n == 0 {
		return "."
	}
	starts := dns.Split(name)
	return name[starts[len(starts)-n]:]
}
