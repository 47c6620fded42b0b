package answer

import (
	"sync"
	"sync/atomic"

	"github.com/coredns-persist/persist/plugin/persist/policy"
)

// keptCuts is how many cuts are remembered with all that was signed for them but
// their TXT RRsets. Each costs a few kilobytes once everything has been asked for.
var keptCuts = 1 << 14

// cuts are the authorities of cuts that were asked for lately. To find one takes
// no lock. Where there are too many, one goes that has not been asked for since
// the last look at it (the clock algorithm).
type cuts struct {
	serials *Serials // of those that are chained
	denials *Denials // which bounds what those cost that are not kept
	kept    sync.Map // *policy.Grant, the first at a name → *keptCut

	adding sync.Mutex
	ring   []*keptCut // the same ones; guarded by adding
	hand   int        // the next to be looked at; guarded by adding
}

type keptCut struct {
	*Authority

	of    *policy.Grant
	at    int // in the ring; guarded by adding
	asked atomic.Bool
}

// get returns the cut of g, nil where it is not kept.
func (c *cuts) get(g *policy.Grant) *Authority {
	v, ok := c.kept.Load(g)
	if !ok {
		return nil
	}
	k := v.(*keptCut)
	if !k.asked.Load() { // most times it is, and nobody else need hear of it
		k.asked.Store(true)
	}
	return k.Authority
}

// keep keeps a as the cut of g, and returns the one that is kept: it may be that
// of somebody who was faster.
func (c *cuts) keep(g *policy.Grant, a *Authority) *Authority {
	c.adding.Lock()
	defer c.adding.Unlock()
	if v, ok := c.kept.Load(g); ok {
		return v.(*keptCut).Authority
	}
	k := &keptCut{Authority: a, of: g}
	if len(c.ring) < keptCuts {
		k.at = len(c.ring)
		c.ring = append(c.ring, k)
	} else {
		k.at = c.evict()
		c.ring[k.at] = k
	}
	c.kept.Store(g, k)
	return a
}

// full reports whether one has to go for the next.
func (c *cuts) full() bool {
	c.adding.Lock()
	defer c.adding.Unlock()
	return len(c.ring) >= keptCuts
}

// evict drops one, and returns its place in the ring; adding is held.
func (c *cuts) evict() int {
	for {
		c.hand = (c.hand + 1) % len(c.ring)
		if k := c.ring[c.hand]; !k.asked.Swap(false) {
			c.kept.CompareAndDelete(k.of, k) // there may be a newer one
			return c.hand
		}
	}
}

// drop drops the cut of g, if it is kept.
func (c *cuts) drop(g *policy.Grant) {
	if v, ok := c.kept.LoadAndDelete(g); ok {
		c.leave(v.(*keptCut))
	}
}

// leave takes k, which is not kept any more, out of the ring.
func (c *cuts) leave(k *keptCut) {
	c.adding.Lock()
	defer c.adding.Unlock()
	if k.at >= len(c.ring) || c.ring[k.at] != k { // evicted meanwhile
		return
	}
	last := len(c.ring) - 1
	c.ring[k.at] = c.ring[last]
	c.ring[k.at].at = k.at
	c.ring[last] = nil
	c.ring = c.ring[:last]
}
