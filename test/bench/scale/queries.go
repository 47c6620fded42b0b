package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// await returns when the server begins to have a record at a name, or to have
// none.
func (w *world) await(ctx context.Context, name string, record bool) (time.Time, error) {
	for ctx.Err() == nil {
		if reply, err := w.ask(ctx, name); err == nil && (len(reply.Answer) > 0) == record {
			return time.Now(), nil
		}
		select {
		case <-w.Exited():
			return time.Time{}, fmt.Errorf("%s ended:\n%s", w.server, w.Output())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return time.Time{}, fmt.Errorf("%s: %w; the server says\n%s", name, ctx.Err(), w.Output())
}

func (w *world) ask(ctx context.Context, name string) (*dns.Msg, error) {
	query := new(dns.Msg).SetQuestion(name, dns.TypeTXT).SetEdns0(1232, true)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, query, w.address)
	return reply, err
}

// await returns when a document is read from now on.
func (r *reads) await(ctx context.Context, path string) error {
	before, _ := r.of(path)
	for ctx.Err() == nil {
		if now, _ := r.of(path); now > before {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("%s is not read: %w", path, ctx.Err())
}

// waiting is how long queries have waited for their answers.
type waiting struct {
	stop    chan struct{}
	done    chan struct{}
	answers []time.Duration
	err     error
}

// query asks one query after the other, for names of which none is asked for
// twice in a row, until it is ended.
func (w *world) query() *waiting {
	q := &waiting{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for {
			select {
			case <-q.stop:
				return
			case <-time.After(time.Millisecond):
			}
			began := time.Now()
			if _, err := w.ask(context.Background(), owner(host(rand.IntN(w.hosts), rand.IntN(w.zones())))); err != nil { // #nosec G404 -- any will do
				q.err = err
			}
			q.answers = append(q.answers, time.Since(began))
		}
	}()
	return q
}

// end returns when the last answer is there.
func (q *waiting) end() {
	close(q.stop)
	<-q.done
}

// String is how long half of the answers took at the most, 99 and 99.9 of a
// hundred, and all.
func (q *waiting) String() string {
	slices.Sort(q.answers)
	at := func(part float64) float64 {
		return float64(q.answers[min(int(part*float64(len(q.answers))), len(q.answers)-1)]) / float64(time.Millisecond)
	}
	return fmt.Sprintf("%d, of which 50 %% waited %.1f ms at the most, 99 %% %.1f ms, 99.9 %% %.1f ms, and all %.1f ms",
		len(q.answers), at(0.5), at(0.99), at(0.999), at(1))
}
