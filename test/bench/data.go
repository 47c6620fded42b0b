package main

import (
	"bufio"
	"crypto"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/record"

	"github.com/miekg/dns"
)

const (
	origin         = "example.com."
	prefix         = "https://acme-v02.api.letsencrypt.org/acme/acct/"
	perDocument    = 1000 // domains in one account document
	lifetime       = 100 * time.Hour
	ttl            = 300
	files, folders = 0o600, 0o700
)

// data are the same names and records in the form that each contestant wants,
// as files and directories.
type data struct {
	dir         string
	names       int
	now         time.Time
	policies    string   // policy documents, for persist
	persistKeys string   // where persist makes its keys
	zone        string   // master file, unsigned
	signedZone  string   // the TXT records and their signatures alone
	keys        []string // base names of KSK and ZSK, in BIND's format
	queries     string   // all names in random order, for dnsperf
}

// generate writes the data for n names to dir. Signatures are valid at now.
func generate(dir string, n int, now time.Time) (*data, error) {
	d := &data{
		dir:         dir,
		names:       n,
		now:         now,
		policies:    filepath.Join(dir, "policies"),
		persistKeys: filepath.Join(dir, "persist-keys"),
		zone:        filepath.Join(dir, "zone"),
		signedZone:  filepath.Join(dir, "signed-zone"),
		queries:     filepath.Join(dir, "queries"),
	}
	if err := d.writeDocuments(); err != nil {
		return nil, err
	}
	zsk, err := d.writeKeys()
	if err != nil {
		return nil, err
	}
	if err := d.writeZones(zsk); err != nil {
		return nil, err
	}
	return d, d.writeQueries()
}

func fqdn(i int) string  { return fmt.Sprintf("d%d.%s", i, origin[:len(origin)-1]) }
func owner(i int) string { return fmt.Sprintf("%s.%s.", record.Label, fqdn(i)) }

// account is the URI of the account that holds the i-th name.
func account(i int) string { return fmt.Sprintf("%s%d", prefix, 100_000_000+i/perDocument) }

// object is a JSON object.
type object = map[string]any

// writeDocuments grants every name, with a wildcard, to accounts of one team.
func (d *data) writeDocuments() error {
	documents := map[string]object{
		"config":  {"schema": 1},
		"control": {},
		"issuers/letsencrypt": {
			"issuer_domain_names":  []string{"letsencrypt.org"},
			"account_uri_prefixes": []string{prefix},
			"forms":                []string{"uri"},
			"wildcard":             true,
		},
		"teams/web": {
			"domains":    []string{origin[:len(origin)-1]},
			"issuers":    []string{"letsencrypt"},
			"wildcard":   true,
			"max_grants": d.names,
		},
	}
	for first := 0; first < d.names; first += perDocument {
		domains := object{}
		for i := first; i < min(first+perDocument, d.names); i++ {
			domains[fqdn(i)] = object{"wildcard": true}
		}
		path := fmt.Sprintf("accounts/web/letsencrypt/prod-%d", first/perDocument)
		documents[path] = object{"account_uri": account(first), "domains": domains}
	}
	for path, document := range documents {
		if err := writeJSON(filepath.Join(d.policies, path+".json"), document); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), folders); err != nil {
		return err
	}
	return os.WriteFile(path, body, files)
}

// zoneKey is a key with which the zone is signed.
type zoneKey struct {
	public  *dns.DNSKEY
	private crypto.Signer
}

// writeKeys makes a KSK and a ZSK and returns the ZSK.
func (d *data) writeKeys() (zoneKey, error) {
	if err := d.writeKey(newKey(dns.ZONE | dns.SEP)); err != nil {
		return zoneKey{}, err
	}
	zsk, err := newKey(dns.ZONE)
	return zsk, d.writeKey(zsk, err)
}

func newKey(flags uint16) (zoneKey, error) {
	public := &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: ttl},
		Flags:     flags,
		Protocol:  3,
		Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := public.Generate(256)
	if err != nil {
		return zoneKey{}, err
	}
	return zoneKey{public, private.(crypto.Signer)}, nil
}

// writeKey writes a key as BIND's dnssec-keygen would, unless err is set.
func (d *data) writeKey(k zoneKey, err error) error {
	if err != nil {
		return err
	}
	base := filepath.Join(d.dir, fmt.Sprintf("K%s+%03d+%05d", origin, k.public.Algorithm, k.public.KeyTag()))
	d.keys = append(d.keys, base)
	if err := os.WriteFile(base+".key", []byte(k.public.String()+"\n"), files); err != nil {
		return err
	}
	return os.WriteFile(base+".private", []byte(k.public.PrivateKeyString(k.private)), files)
}

// writeZones writes the records twice: as a zone for the file plugin, and with
// signatures made by zsk for the floor.
func (d *data) writeZones(zsk zoneKey) error {
	zone, err := os.Create(d.zone)
	if err != nil {
		return err
	}
	defer zone.Close()
	signed, err := os.Create(d.signedZone)
	if err != nil {
		return err
	}
	defer signed.Close()

	z, s := bufio.NewWriter(zone), bufio.NewWriter(signed)
	fmt.Fprintf(z, "%s %d IN SOA ns1.%[1]s hostmaster.%[1]s 1 3600 600 86400 60\n", origin, ttl)
	fmt.Fprintf(z, "%s %d IN NS ns1.%[1]s\n", origin, ttl)
	for i := range d.names {
		txt, err := txtRecord(i, d.now)
		if err != nil {
			return err
		}
		sig, err := zsk.sign(txt, d.now)
		if err != nil {
			return err
		}
		fmt.Fprintln(z, txt)
		fmt.Fprintf(s, "%s\n%s\n", txt, sig)
	}
	if err := z.Flush(); err != nil {
		return err
	}
	return s.Flush()
}

// txtRecord is the record that persist serves for the i-th name, but for the
// last digits of persistUntil.
func txtRecord(i int, now time.Time) (*dns.TXT, error) {
	value, err := record.Record{
		Issuer:     "letsencrypt.org",
		AccountURI: account(i),
		Wildcard:   true,
		Until:      now.Add(lifetime).Truncate(time.Second),
	}.Render()
	if err != nil {
		return nil, err
	}
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: owner(i), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: record.CharacterStrings(value),
	}, nil
}

func (k zoneKey) sign(rr dns.RR, now time.Time) (*dns.RRSIG, error) {
	sig := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: rr.Header().Ttl},
		Algorithm:  k.public.Algorithm,
		Inception:  uint32(now.Add(-time.Hour).Unix()), // #nosec G115 -- RFC 4034 section 3.1.5: modulo 2^32
		Expiration: uint32(now.Add(lifetime).Unix()),   // #nosec G115 -- as above
		KeyTag:     k.public.KeyTag(),
		SignerName: origin,
	}
	return sig, sig.Sign(k.private, []dns.RR{rr})
}

// writeQueries writes all names in an order that is random, but the same in
// every run.
func (d *data) writeQueries() error {
	file, err := os.Create(d.queries)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(d.names) { // #nosec G404 -- an order, not a secret
		fmt.Fprintf(w, "%s TXT\n", owner(i))
	}
	return w.Flush()
}
