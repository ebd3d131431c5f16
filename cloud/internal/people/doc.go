// Package people answers who lives where after a snapshot of a property-management system (PMS):
// it matches the snapshot's people, leases and units to those known, takes over what changed,
// holds back what looks like an accident and says in words what somebody must look at.
//
// It stands between pms, which knows how a PMS speaks, and policy, which knows what a lease
// opens, so that neither has to know about changed ids, half exports or hand-made records. It is
// pure: time and new ids are passed in. It imports protocol/access and its rules and faults, pms
// and people/model; vendors, policy and the gateway's side never import it.
//
// # What follows from a snapshot, and what does not
//
// A record that could be read acts, also in an incomplete snapshot: names, numbers, types, dates,
// an explicit "past". A value that could not be read leaves the last known one: an unknown status
// label, a PIN that went through a number format. Absence is another matter (DESIGN §1.4). Only a
// complete snapshot shows that a lease is missing, only two different complete ones in a row make
// it a candidate for ending, and a record is never deleted here.
//
// # The brake (row G3)
//
// Over all of that stands the brake. When more than max(3, 10 %) of the current residents would
// lose their access in one run, or the property would stand empty, none of them does: their
// records stay as they were, the rest of the snapshot is taken over, and Result.Held says why in
// words. Somebody who lives here or will, and would be left without the PIN or without the card they
// had, counts like somebody who leaves: a renamed field must not empty a house. A run that is held
// takes no PIN and no card from those either, and changes none of people who have yet to move in. Ends that were published before (a move-out date that has come) do not count. A single
// explicit revocation always passes. The next run judges anew, so what is held stays held for as
// long as the PMS says the same, until Source.Release.
package people
