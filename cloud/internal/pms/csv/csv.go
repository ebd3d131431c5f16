package csv

import (
	"fmt"
	"io"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access/fault"
)

// Bounds: a property is a few megabytes; more is a mistake or an attack.
const (
	MaxBytes = 64 << 20
	MaxRows  = 200_000
	maxField = 1000 // bytes of one value
)

// Options say what the file does not.
type Options struct {
	Zone      string // IANA zone of properties that the file gives none; "" leaves it unknown
	Property  string // take this property's lines only; "" takes all
	PINDigits int    // length of every PIN, where the property has one; 0 unknown (row A3)
}

// Read reads one file. An error means that the file cannot be understood at all: wrong columns,
// wrong encoding, wrong zone, too large; it is of kind invalid with a remedy, the snapshot is not
// OK and says the same as evidence. Without an error every readable line is in the snapshot,
// every other is in Skipped with its number and reason, and Complete tells whether absence from
// this file means anything. Lines of other properties than Options.Property do not count for that.
func Read(r io.Reader, o Options) (pms.Snapshot, error) {
	s, err := read(r, o)
	if err != nil {
		failed := pms.Snapshot{}
		failed.Incomplete("the file could not be read: " + err.Error())
		return failed, err
	}
	return s, nil
}

func read(r io.Reader, o Options) (pms.Snapshot, error) {
	if err := checkZone(o.Zone, "the zone given"); err != nil {
		return pms.Snapshot{}, err
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return pms.Snapshot{}, fault.Wrap(fault.Internal, "read", "CSV file", err)
	}
	if len(data) > MaxBytes {
		return pms.Snapshot{}, invalid("Export one property at a time.", "larger than %d MiB", MaxBytes>>20)
	}
	body, seal := cutFooter(data)
	t, err := readTable(body, !seal.present)
	if err != nil {
		return pms.Snapshot{}, err
	}
	b := newBuilder(o, t)
	if err := b.build(); err != nil {
		return pms.Snapshot{}, err
	}
	seal.judge(&b.snap, t)
	b.finish()
	return b.snap, nil
}

// checkZone wants an IANA name. "Local" is refused: it means another place on every machine.
func checkZone(name, where string) error {
	if name == "" {
		return nil
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return invalid("Use an IANA name such as America/Chicago.", "%s: %.60q is not a time zone", where, name)
	}
	return nil
}

func invalid(remedy, format string, args ...any) error {
	return fault.New(fault.Invalid, "read", "CSV file", format, args...).WithRemedy("%s", remedy)
}

func atLine(n int) string { return fmt.Sprintf("line %d", n) }
