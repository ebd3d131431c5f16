package reconcile

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
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
	// Edges calls f with everybody who has a grant that begins or ends after from and not after to.
	Edges(from, to time.Time, f func(access.PersonID) error) error
	// ChangedSince calls f with everybody who changed in a revision after rev; false, without a call,
	// when that is not known. rev must be of the epoch of Position.
	ChangedSince(rev uint64, f func(access.PersonID) error) (bool, error)
	// Since tells of the newest revision that changed a person: when the cloud made it and when it was
	// stored here. Zero where it is not known.
	Since(access.PersonID) (rev uint64, issued, stored time.Time, err error)
}

// Ledger is what we wrote on which device. Record changes an entry (nil: deletes it) and appends
// events in one transaction that is on disk when it returns.
type Ledger interface {
	Entry(access.DeviceID, access.PersonID) (access.LedgerEntry, bool, error)
	Entries(access.DeviceID, func(access.LedgerEntry) error) error
	Record(access.DeviceID, access.PersonID, *access.LedgerEntry, ...access.Event) error
	Overlays() ([]access.Overlay, error)
	Records
	// Print is a keyed fingerprint.
	Print(string) string
}

// Records is what else the box keeps of a device.
type Records interface {
	// Holds are the losses of access that wait for somebody's word.
	Holds() (map[access.PersonID]access.Hold, error)
	// Proof is the removal that is under way, or else the last one that was done; false: none.
	Proof(access.DeviceID, access.PersonID) (access.Proof, bool, error)
	// RecordProof is Record with a proof in the same transaction.
	RecordProof(access.DeviceID, access.PersonID, *access.LedgerEntry, access.Proof, ...access.Event) error
	// OpenProofs begins proofs in one transaction and leaves those alone that are open already.
	OpenProofs([]access.Proof) error
	// Drift is the list that SaveDrift replaced last.
	Drift(access.DeviceID) ([]access.Drift, error)
	SaveDrift(access.DeviceID, []access.Drift, ...access.Event) error
	// Observed is what was kept of the last full read-back; false: none.
	Observed(access.DeviceID) (Observed, bool, error)
	SaveObserved(access.DeviceID, Observed) error
	// Mark is what SaveMark kept last; false: none.
	Mark(access.DeviceID) (Mark, bool, error)
	SaveMark(access.DeviceID, Mark) error
}

// Observed is what is remembered of a full read-back, so that a plan need not read again.
type Observed struct {
	At   time.Time
	Rows int
	// Secrets says whose each PIN and card is, by fingerprint; "" is a stranger's.
	Secrets map[string]access.PersonID
}

// Mark is the state up to which everybody's row on a device was decided: whoever neither changed nor
// had an edge since needs no look at a start.
type Mark struct {
	At       time.Time       `json:"at"`
	Position access.Position `json:"position"`
	Print    string          `json:"print"` // fingerprint of what else decides: doors, limits, policy
}

// DoorBook keeps across restarts what was told of a device's door log.
type DoorBook interface {
	// LogFrom is since when the log counts, by the device's clock. Where that is not kept, or was kept
	// for another zone than the one by which its dates are read, it is now, and kept.
	LogFrom(d access.DeviceID, zone string, now time.Time) (time.Time, error)
	// TellLog appends events, but for those whose Log was told before, in one transaction, and returns
	// those that were new.
	TellLog(access.DeviceID, []access.Event) ([]access.Event, error)
}

// Clock gives the time and whether it can be trusted.
type Clock interface {
	Now() (time.Time, bool)
}

// Device is what the loop must know of its device.
type Device struct {
	ID     access.DeviceID
	Doors  map[access.DoorID]string // the relay that opens each door
	Report bool                     // plan and audit, but write nothing, whatever SetPolicy says
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
	// Contact is when the cloud last surely knew of this gateway, zero never; nil: a lease end needs no
	// contact. StaleAfter is plan.Input's. Both may be called at any time.
	Contact    func() time.Time
	StaleAfter func(access.DoorID) time.Duration
	// Doors keeps what was told of the door log; nil: it is not read.
	Doors DoorBook
	// Apartments is told, from the loop's goroutine, what a device that calls units calls, whenever that was
	// asked for; true: it is news. Units says where the device calls each unit (plan.Input). Either may be nil.
	Apartments func([]driver.Apartment) bool
	Units      func(access.Places) map[access.UnitID]plan.Bell
	// Probed is called from the loop's goroutine whenever the device said what it is; may be nil.
	Probed func()
}
