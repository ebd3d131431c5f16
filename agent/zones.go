package agent

import (
	"time"

	"gatehouse/protocol/access/fault"
)

// zones makes sure that the box knows time zones: without their files no date of a lease could be judged. load is
// time.LoadLocation.
func zones(load func(string) (*time.Location, error)) error {
	const known = "America/Chicago" // any but UTC, which needs no file
	if _, err := load(known); err != nil {
		return fault.New(fault.Unsupported, "find time zone", known, "%w", err).WithRemedy("Install the system's time zones: apt install tzdata.")
	}
	return nil
}
