// Package audit tells what changes in what is served, one JSON object a line.
//
// draft-ietf-acme-dns-persist-02 sections 7.10, 7.11 and 9 ask operators to know
// which records they serve and why. A [Ledger] knows what was last said to be
// served of each zone, and says what another book, or the passing of time, makes
// of it. It is pure: lines go to a function, and instants come from whoever
// calls. A [Chain] numbers the lines and has each carry the hash of the one
// before, so that [Verify] finds what was changed or left out since. A [Log]
// brings the two together and writes to a file, behind a bounded queue: whatever
// becomes of the file, nobody who answers queries waits for it.
//
// What a line costs goes with what changes: of a million names of which a scan
// changes one, one is looked at. Time is kept for each set of terms of an account
// and not for each name, in a heap of the instants at which it changes anything.
package audit
