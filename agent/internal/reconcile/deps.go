package reconcile

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// Wanted is the wanted state as it is stored on the box.
type Wanted interface {
	Position() access.Position
	// Holder is one person whole; false when the state does not have them.
	Holder(access.PersonID) (access.Holder, bool, error)
	// People calls f with every person's id; an error from f ends it.
	People(f func(access.PersonID) error) error
	Places() (access.Places, error)
}

// Ledger is what we wrote on which device. Record changes an entry (nil: deletes it) and appends
// events in one transaction that is on disk when it returns.
type Ledger interface {
	Entry(access.DeviceID, access.PersonID) (access.LedgerEntry, bool, error)
	Entries(access.DeviceID, func(access.LedgerEntry) error) error
	Record(access.DeviceID, access.PersonID, *access.LedgerEntry, ...access.Event) error
	Overlays() ([]access.Overlay, error)
	// Print is a keyed fingerprint.
	Print(string) string
}

// Clock gives the time and whether it can be trusted.
type Clock interface {
	Now() (time.Time, bool)
}

// Device is what the loop must know of its device.
type Device struct {
	ID     access.DeviceID
	Doors  map[access.DoorID]string // the relay that opens each door
	Report bool                     // plan and audit, but write nothing
}

// Config is what a Loop is made of.
type Config struct {
	Device Device
	// Open makes the driver, without touching the network. Called again it first cuts off the instance
	// before, which can send nothing from then on (driver/wrap.Fence), also when it then fails.
	Open func() (driver.Panel, error)
	// Panel is the one instance there is when Open is nil: a call that never returns is waited for.
	Panel  driver.Panel
	Wanted Wanted
	Ledger Ledger
	Clock  Clock
	Log    *slog.Logger
	Rand   *rand.Rand    // for jitter; nil: a fixed one, for tests
	Audit  time.Duration // between full read-backs; 0: a day
	Limits model.Limits  // what the device last said of itself, until it is asked again
	// Probed is called from the loop's goroutine whenever the device said what it is; may be nil.
	Probed func()
}
