package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// noteOfHold is the member of a document that apply itself has disabled for the
// time: another apply enables it again.
const noteOfHold = "x_disabled_by_apply"

// revives says what a change brings back that somebody has withdrawn in Vault,
// which may have been an emergency; empty if nothing.
func (c change) revives(held *store.Snapshot) string {
	was := held.Document(c.Document)
	switch {
	case was == nil || c.Action == remove || c.Document == store.ConfigPath || c.Document == store.ControlPath:
		return ""
	case was.Withdrawn:
		return was.ID() + " is deleted in Vault, and would be made anew"
	}
	if isHeld(was) {
		return ""
	}
	if fields := policy.Enables(c.Document, was.Body, c.body); len(fields) > 0 {
		return fmt.Sprintf("%s is disabled in Vault, and would be enabled again: %s", was.ID(), strings.Join(fields, ", "))
	}
	return ""
}

// isHeld reports whether an apply has disabled the document for the time.
func isHeld(d *store.Document) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(d.Body, &members) == nil && members[noteOfHold] != nil
}

// released is the body of a document that an apply has disabled, without that. It
// was enabled: else there was nothing to disable.
func released(d *store.Document) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(d.Body, &members); err != nil {
		return nil, err
	}
	delete(members, "enabled")
	delete(members, noteOfHold)
	return json.Marshal(members)
}

// refuseRevivals refuses what would come back, unless that is meant.
func (p *planning) refuseRevivals(found *plan, held *store.Snapshot) {
	if p.revival {
		return
	}
	for _, c := range found.Changes {
		if why := c.revives(held); why != "" {
			found.Refusals = append(found.Refusals, why+": write that into "+found.Dir+" too, or --allow-revival if it may count again")
		}
	}
}
