package chaos

import (
	"math/rand/v2"
	"os"
	"slices"
	"time"
)

// trouble is a time in which one fault, or two at once, are there.
type trouble struct {
	faults []fault
	hold   time.Duration // how long they are
	rest   time.Duration // how long all is well after the server has found out
}

// long is from which duration on a run has time for what takes longer.
const long = 5 * time.Minute

// schedule is what goes wrong in a run, in order. The same seed leads to the
// same one. Every fault comes in the first minute; a long run goes on with
// longer ones and with pairs, and has one silence longer than max_stale.
func schedule(seed uint64, duration time.Duration) []trouble {
	chance := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- repeatable
	plan := round(chance, available(false), 2500*time.Millisecond, time.Second)
	if duration < long {
		return plan
	}
	plan = append(plan, trouble{[]fault{{name: silenced, begin: mooded(cut), end: mooded(pass)}}, 90 * time.Second, 15 * time.Second})
	for rest := time.Duration(0); rest < duration; {
		for _, next := range round(chance, available(true), 3*time.Second+time.Duration(chance.Int64N(int64(8*time.Second))), 7*time.Second) {
			plan = append(plan, next)
			rest += next.hold + next.rest
		}
	}
	return plan
}

// available are the faults that can be brought about: where another Vault is
// named, it keeps nothing when it ends.
func available(all bool) [][]fault {
	first := slices.Concat(network, storage)
	if os.Getenv("PERSIST_VAULT_BIN") != "" {
		first = slices.Concat(network, storage[:1])
	}
	if all {
		first = append(first, hanging, emptied)
	}
	return [][]fault{first, rights}
}

// round is one of every fault in the order of chance. Those that end tokens come
// last, so that there is a minute between them and those of the next round: a
// server takes its time where every token that it gets is ended at once.
func round(chance *rand.Rand, groups [][]fault, hold, rest time.Duration) []trouble {
	var all []trouble
	for _, group := range groups {
		group = slices.Clone(group)
		chance.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
		for _, f := range group {
			all = append(all, trouble{pair(chance, f, rest), hold, rest})
		}
	}
	return all
}

// pair adds a fault of the network to one in three of the others, in rounds that
// have time for it.
func pair(chance *rand.Rand, f fault, rest time.Duration) []fault {
	if rest < bound || slices.ContainsFunc(network, func(n fault) bool { return n.name == f.name }) || f.name == hanging.name || chance.IntN(3) > 0 {
		return []fault{f}
	}
	return []fault{f, network[chance.IntN(len(network))]}
}
