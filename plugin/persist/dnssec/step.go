package dnssec

import (
	"fmt"
	"slices"
	"time"
)

// Phase is how far the roll-over of a key signing key has come.
type Phase string

// The phases, in their order.
const (
	Settled   Phase = "settled"   // nothing is being rolled
	Announced Phase = "announced" // the new key is in the document, and not published yet
	Spreading Phase = "spreading" // it is published and signs, and some caches lack it
	Submitted Phase = "submitted" // CDS names it, and no parent is known to have its DS
	Retiring  Phase = "retiring"  // its DS is at every parent, and some caches lack that
	Finished  Phase = "finished"  // the old key is removed, and still in the document
)

// Step is where the roll-over of the key signing key is, and what it waits for.
type Step struct {
	Phase Phase
	Old   uint16 // tag of the key in force, or that goes
	New   uint16 // tag of the key that comes, 0 if none does

	Publish time.Time // from which the new key, or that in force, is published
	Submit  time.Time // from which CDS names it; zero as long as that is not known
	Remove  time.Time // at which the old key goes; zero as long as that is not known

	Held  time.Time // since when all this stands still, zero if it does not
	Waits string    // what for, "" if for nothing
	Until time.Time // zero if nobody can know
}

// Roll returns the step that the roll-over of the key signing key is in at the
// instant at.
func (k *KeySet) Roll(at time.Time) Step {
	still := at
	if !k.hold.IsZero() {
		still = earlier(at, k.hold)
	}
	step := k.roll(still)
	if still.Before(at) || still.Equal(k.hold) {
		step.Held, step.Until = k.hold, time.Time{}
		step.Waits = "the end of the hold" + because(k.reason)
	}
	return step
}

// roll is Roll without a hold.
func (k *KeySet) roll(at time.Time) Step {
	young := k.youngest(at)
	step := Step{Phase: Settled, Old: young.tag, Publish: young.planned.publish, Submit: young.planned.submit}
	if step.Submit.Equal(undecided) {
		step.Submit = time.Time{}
	}
	var ends []time.Time // of the old keys
	for _, s := range k.ksks {
		if s != young && s.planned.comesOrIs(at) {
			step.Old, step.New = s.tag, young.tag
			ends = append(ends, s.planned.remove)
		}
	}
	if step.New == 0 {
		return k.finished(step, at)
	}
	if !slices.ContainsFunc(ends, time.Time.IsZero) {
		step.Remove = slices.MaxFunc(ends, time.Time.Compare)
	}
	step.advance(at)
	return step
}

// finished makes step the last one if there are keys that are removed.
func (k *KeySet) finished(step Step, at time.Time) Step {
	for _, s := range k.ksks {
		if !s.planned.comesOrIs(at) {
			return Step{Phase: Finished, Old: s.tag, New: step.Old, Publish: step.Publish, Submit: step.Submit, Remove: s.planned.remove}
		}
	}
	return step
}

// comesOrIs reports whether a key is published or will be.
func (l life) comesOrIs(at time.Time) bool { return l.remove.IsZero() || at.Before(l.remove) }

// youngest is the key that is offered to the parents last.
func (k *KeySet) youngest(at time.Time) *ksk {
	young := k.ksks[0]
	for _, s := range k.ksks[1:] {
		if s.planned.comesOrIs(at) && (s.planned.submit.After(young.planned.submit) || !young.planned.comesOrIs(at)) {
			young = s
		}
	}
	return young
}

// advance finds the phase of a roll-over, and what it waits for.
func (s *Step) advance(at time.Time) {
	switch {
	case at.Before(s.Publish):
		s.Phase, s.Until = Announced, s.Publish
		s.Waits = "every server to read the key document"
	case s.Submit.IsZero():
		s.Phase = Spreading
		s.Waits = "every server to be seen with the new key"
	case at.Before(s.Submit):
		s.Phase, s.Until = Spreading, s.Submit
		s.Waits = "every cache to have the DNSKEY RRset with the new key"
	case s.Remove.IsZero():
		s.Phase = Submitted
		s.Waits = fmt.Sprintf("every server of every parent to have the DS of the key with tag %d", s.New)
	default:
		s.Phase, s.Until = Retiring, s.Remove
		s.Waits = "the DS RRset without the new key to leave every cache"
	}
}
