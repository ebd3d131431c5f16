// Package simkit is what every simulator does in the same way: faults that are switched while it runs, a control side
// that takes and gives JSON, a connection that dies on purpose.
//
// It knows no wire. What a device or a vendor says is each simulator's own, and never its driver's: two that shared it
// would be wrong together. Only simulators and the programs that run them import it.
package simkit
