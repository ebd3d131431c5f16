// Package reconcile makes one device match the wanted state, now and at every later minute, with
// or without the cloud. One goroutine owns one device: it evaluates who is due, takes the most
// urgent person, reads their row, plans, applies, reads back, records, and looks up again.
//
// It proves every removal from the minute in which it was asked for until it was read back, and lists
// what on the device is not as it was written. A full disk delays its records and no removal; a driver
// that panics or hangs is cut off and replaced (guard.go); a start looks only at whom something can
// have happened to (begin.go).
//
// It also reads what happened at the doors from the device's own log, between rounds (doorlog.go), and
// lets others hear what the device tells by itself (source.go).
//
// It is level-triggered: what woke it does not matter, everything is read afresh. Removals go
// first, and a revocation that arrives in mid-work is the next mutating request on the wire.
// It knows no vendor and no cloud link; both must not import it.
package reconcile
