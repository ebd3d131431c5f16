// Package serialport makes a byte line to a lock encoder safe to use: a serial port, or raw TCP
// through a device server, behind the one interface Link. Reads and writes end with their context,
// a silence (ErrTimeout) is told apart from a line that is gone (ErrUnplugged), a port taken by
// another program is refused (ErrBusy, also to root), Close always returns, and a Keeper opens a
// line that went away again, ever more slowly.
//
// tarm/serial opens the port, sets the line and reads. On its own it would lie or hang
// (packaging/DEPENDENCIES.md), so beside it stands a descriptor of ours on the same device: it holds
// the lock, writes without ever blocking, and is asked whether the last bit has left.
//
// Time is the time package's and is only measured, never recorded, so that tests run all of it in
// testing/synctest. It imports nothing of protocol, agent or cloud and knows no frames: codecs
// stand beside it and take a Link. Drivers of encoders and the device commands import it; the
// planner, the reconciler and the cloud must not.
package serialport
