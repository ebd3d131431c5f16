// Package store keeps what a gateway must not forget, in two bbolt files.
//
// wanted.db holds the wanted state and nothing that could not be fetched again: when it is
// damaged it is put aside and filled anew. site.db holds what exists nowhere else: the gateway's
// own keys, the ledger of what stands on which device, the proofs of removals, what waits for
// somebody's word, what devices showed, the overlay, the command journal, the clock's memory, the
// position behind which nobody may lead the gateway, and (written by package outbox) the events. A
// change of the ledger and the events that tell of it are one transaction, so that no crash can
// keep one and lose the other. Buckets are made when they are first needed; a program that does
// not know one leaves it alone, so an older one may be installed again.
//
// Beside the items, wanted.db has an index: who has an edge of a grant when, and who changed in
// which revision. It is made of the items and can be made anew from them; with it a start needs to
// read nobody to whom nothing happened. An older program that does not keep it leaves one behind
// that no longer fits the state: that shows, and it is made anew.
//
// Every value is sealed with XChaCha20-Poly1305, bound to its file, bucket and key: bbolt has no
// checksum on data pages, so the seal is also what finds silent damage. A value that does not
// open is reported as Unreadable, by name, and never taken for absent.
//
// A database is exchanged for another file of the same name while it is open in two cases: after a
// failed commit, when what the system shows of it may not be on the disk, and at night, when most of it
// has become free pages. The new file is written beside it, synced, checked, held to the old one where
// it was made from its records, and renamed; a cut at any point leaves one of the two. The lock of an
// empty file beside each database keeps a second agent out throughout.
//
// It imports only access and access/fault: it knows no messages, no devices and no clock. The
// assembly (package agent) hands it out; plan and drivers must not import it.
package store
