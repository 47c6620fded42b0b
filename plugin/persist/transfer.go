package persist

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/answer"
	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
)

// Transfer implements transfer.Transferer. A zone that cannot be transferred
// whole is refused, and the log says why. There is no incremental transfer:
// whoever has an older version gets the whole of this one.
func (p *Persist) Transfer(origin string, serial uint32) (<-chan []dns.RR, error) {
	a := p.primary(origin)
	if a == nil {
		return nil, transfer.ErrNotAuthoritative
	}
	rrs, current, err := a.Transfer(p.now())
	if err != nil {
		log.Warningf("The transfer of %s is refused: %v", origin, err)
		return nil, transfer.ErrNotAuthoritative // so that ServeDNS answers REFUSED
	}
	if serial != 0 && !newer(current, serial) {
		return stream(rrs[:1]), nil
	}
	return stream(append(rrs, rrs[0])), nil
}

// primary returns who answers for the zone with an origin, nil where there is no
// such zone, or it is another plugin's.
func (p *Persist) primary(origin string) *answer.Authority {
	a := p.authority(origin)
	switch {
	case a == nil || a.Zone().Overlay:
		return nil
	case a.Zone().Cuts:
		return a.CutAt(origin, p.now())
	case a.Zone().Origin != origin:
		return nil
	}
	return a
}

// newer reports whether the serial a is newer than b (RFC 1982 section 3.2).
func newer(a, b uint32) bool { return int32(a-b) > 0 } // #nosec G115 -- wraps

// stream sends rrs in pieces. The transfer plugin reads them all, whatever
// becomes of the client.
func stream(rrs []dns.RR) <-chan []dns.RR {
	pieces := make(chan []dns.RR)
	go func() {
		defer close(pieces)
		for piece := range slices.Chunk(rrs, 500) {
			pieces <- piece
		}
	}()
	return pieces
}

// serials are the version numbers of the zones that this process has been
// primary of: they outlive reloads of the Corefile.
var serials answer.Serials
