package servers

import (
	"errors"
	"net"
	"sync"
)

// enough is how often a server is waited for in vain.
const enough = 3

// Quiet remembers servers that do not answer, so that who asks about many zones
// waits for such a one a few times, and not for each zone that it serves. A nil
// Quiet remembers nothing.
type Quiet struct {
	mu   sync.Mutex
	vain map[string]int // how often each was asked since it answered last, by address; guarded by mu
}

var errQuiet = errors.New("it has not answered about other zones either")

// ask has a server asked, unless it is known not to answer.
func (q *Quiet) ask(s server, ask func() error) error {
	if q == nil {
		return ask()
	}
	q.mu.Lock()
	vain := q.vain[s.address]
	q.mu.Unlock()
	if vain >= enough {
		return errQuiet
	}
	err := ask()
	q.note(s, err)
	return err
}

func (q *Quiet) note(s server, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var network net.Error
	switch {
	case !errors.As(err, &network) || !network.Timeout():
		delete(q.vain, s.address)
	case q.vain == nil:
		q.vain = map[string]int{s.address: 1}
	default:
		q.vain[s.address]++
	}
}
