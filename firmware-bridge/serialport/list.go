package serialport

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
)

// Candidate is a port that an encoder may hang on.
type Candidate struct {
	Name   string // the most lasting name there is: by-id, else by-path, else Device
	Device string // the kernel's own name, which may change when plugs are pulled
}

// Devices is where Linux shows its devices.
const Devices = "/dev"

// List gives the serial ports below dev (Devices, or a folder made by a test), those with a lasting
// name first. The board's own ports are listed whether or not there is hardware behind the number;
// Probe tells. Adapters without a serial number of their own (CH340) have no name by id: by-path
// tells two of them apart as long as each stays in its socket.
func List(dev string) ([]Candidate, error) {
	if _, err := os.Stat(dev); err != nil {
		return nil, &Error{Op: "list", Line: dev, Cause: err}
	}
	var out []Candidate
	for _, pattern := range []string{"serial/by-id/*", "serial/by-path/*", "ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS*"} {
		names, err := filepath.Glob(filepath.Join(dev, pattern))
		if err != nil {
			return nil, &Error{Op: "list", Line: dev, Cause: err}
		}
		slices.SortFunc(names, byLength)
		for _, name := range names {
			device, err := filepath.EvalSymlinks(name)
			known := slices.ContainsFunc(out, func(c Candidate) bool { return c.Device == device })
			if err == nil && !known { // else a link that points to what was pulled out
				out = append(out, Candidate{Name: name, Device: device})
			}
		}
	}
	return out, nil
}

// byLength puts ttyS2 before ttyS10.
func byLength(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
