// Package smoke runs the three programs as they are shipped, as processes on loopback: built once
// without cgo, fed with bad input, killed in the middle of their work, pointed at every kind of
// simulated panel. What single packages do is tested beside them; here is only what nobody sees
// until everything is linked and started. It holds nothing but tests, and nobody imports it.
package smoke
