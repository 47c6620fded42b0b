package years

import (
	"slices"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/dnssec"

	"github.com/miekg/dns"
)

// newCuts cuts secondaries off from their primaries, one after the other: most
// often just before something changes that their copies then lack, and for
// longer than those may be served.
func (w *world) newCuts(keys *dnssec.KeySet) {
	ends := make([]time.Time, w.secondaries) // of the last cut of each
	for i, at := range w.changes(keys) {
		if w.secondaries == 0 {
			return
		}
		n, from := i%w.secondaries, at.Add(time.Duration(w.random.Int64N(int64(16*time.Minute)))-2*time.Minute)
		if from.Before(ends[n].Add(2 * time.Hour)) {
			continue
		}
		lengths := []time.Duration{13 * time.Hour, 26 * time.Hour, 26 * time.Hour, 50 * time.Hour, 10 * time.Minute, 4 * time.Hour}
		ends[n] = from.Add(lengths[w.random.IntN(len(lengths))])
		w.cut(n, from, ends[n])
	}
}

func (w *world) cut(n int, from, to time.Time) { w.cuts = append(w.cuts, outage{from, to, n}) }

// cutSome cuts all secondaries but one off before an instant, by whatever clock,
// for longer than any copy lasts. Whatever cut them off until then is over two
// hours before.
func (w *world) cutSome(at time.Time) {
	spared := w.random.IntN(3)
	for n := range w.secondaries {
		if n == spared {
			continue
		}
		for i, c := range w.cuts {
			if again := at.Add(-2 * time.Hour); c.node == n && c.from.Before(at) && c.to.After(again) {
				w.cuts[i].to = again
			}
		}
		w.cut(n, at.Add(-skew-time.Minute), at.Add(lag+2*time.Hour))
	}
}

// changes are the instants at which the zone does, by the key document alone: a
// ZSK is published, and signatures are replaced.
func (w *world) changes(keys *dnssec.KeySet) []time.Time {
	var all []time.Time
	for at := w.start.Add(w.lifetime); at.Before(w.end); at = at.Add(w.lifetime) {
		all = append(all, at.Add(-w.ttl-lag-margin), at.Add(w.data/2))
	}
	windows := make([]question, 0, 3+len(w.always))
	windows = append(windows, question{origin, dns.TypeDNSKEY}, question{origin, dns.TypeNS}, question{origin, dns.TypeNSEC})
	for i, name := range w.always {
		windows = append(windows, question{name, []uint16{dns.TypeTXT, dns.TypeNSEC}[i%2]})
	}
	for _, q := range windows {
		for at := w.start; at.Before(w.end); {
			begins, ends := keys.Window(q.name, q.rrtype, at)
			all = append(all, begins)
			at = ends
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}
