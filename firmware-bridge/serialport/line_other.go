//go:build !linux

package serialport

import "errors"

func openLine(a Address) (line, error) { return nil, Probe(a.Device) }

// Probe says that serial ports are driven on Linux only.
func Probe(name string) error {
	return &Error{Op: "open", Line: name, Cause: errors.ErrUnsupported, Remedy: "Use a device server: tcp://HOST:PORT."}
}
