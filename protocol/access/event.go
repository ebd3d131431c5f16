package access

import "time"

// EventKind names what happened at a gateway.
type EventKind string

// The kinds of event. Written and confirmed are told apart on purpose: accepted by the device is
// not yet seen on the device.
const (
	EventWritten     EventKind = "written"     // the device accepted an add, change or removal
	EventConfirmed   EventKind = "confirmed"   // and it was read back, see Grade
	EventFailed      EventKind = "failed"      // an attempt failed, see Fault and NextTry
	EventRefused     EventKind = "refused"     // not attempted: it cannot work as it is, see Fault
	EventHeld        EventKind = "held"        // kept back until a person agrees
	EventUnreachable EventKind = "unreachable" // a device stopped answering
	EventReachable   EventKind = "reachable"   // and answers again
	EventDrift       EventKind = "drift"       // a device shows something we did not write
	EventDoor        EventKind = "door"        // somebody opened, or was refused at, a door
	EventStarted     EventKind = "started"     // the agent started
	EventClock       EventKind = "clock"       // the clock became trusted or untrusted
	EventState       EventKind = "state"       // a revision of the wanted state was stored
	EventLost        EventKind = "lost"        // events were dropped for want of room, see First and Last
	EventOverlay     EventKind = "overlay"     // somebody acted at the gateway by hand, see Overlay
	EventSettings    EventKind = "settings"    // settings of the cloud were taken, or refused: see Fault
	EventCommand     EventKind = "command"     // a command ended, see Command
	EventRing        EventKind = "ring"        // somebody rings, or rang, for Unit
	EventTamper      EventKind = "tamper"      // a device's case was opened, a door was forced or held open: see Message
)

// Op is what is done to one person's record on one device.
type Op string

// The operations, in the order in which they are due: removals go first.
const (
	OpRemove Op = "remove"
	OpChange Op = "change"
	OpAdd    Op = "add"
)

// LateAfter is how old an event may be when it is recorded, or received, and still count as live.
// Older ones are history: they inform and never trigger anything.
const LateAfter = 5 * time.Minute

// Event is one thing that happened, as the outbox keeps it: numbered without gaps per gateway,
// hash-chained, told to the cloud in order, exactly once. It holds ids, never names or secrets.
type Event struct {
	Number   uint64    `json:"n"`
	Kind     EventKind `json:"kind"`
	At       time.Time `json:"at"`               // when it happened, by the gateway's clock
	Recorded time.Time `json:"recorded"`         // when it was written to the outbox
	Unsure   bool      `json:"unsure,omitempty"` // the clock was untrusted at Recorded
	Boot     string    `json:"boot,omitempty"`   // boot id of the box
	Device   DeviceID  `json:"device,omitempty"`
	Person   PersonID  `json:"person,omitempty"`
	Op       Op        `json:"op,omitempty"`
	Grade    Grade     `json:"grade,omitempty"` // of a confirmation
	Epoch    uint64    `json:"epoch,omitempty"`
	Revision uint64    `json:"revision,omitempty"` // the wanted state acted on
	Attempt  int       `json:"attempt,omitempty"`  // 1 is the first
	NextTry  time.Time `json:"next_try,omitzero"`
	Fault    string    `json:"fault,omitempty"`   // a fault kind
	Message  string    `json:"message,omitempty"` // in words, without names or secrets
	Door     DoorID    `json:"door,omitempty"`
	Granted  bool      `json:"granted,omitempty"` // of a door event
	First    uint64    `json:"first,omitempty"`   // of a lost range
	Last     uint64    `json:"last,omitempty"`    // of a lost range

	// A removal proves itself: when it fell due or was asked for, and when the box knew of it.
	Asked  time.Time `json:"asked,omitzero"`
	Stored time.Time `json:"stored,omitzero"`

	Drift   DriftKind    `json:"drift,omitempty"`   // of a drift event
	Row     *DriftNote   `json:"row,omitempty"`     // of a drift event about one row
	Hold    *HoldNote    `json:"hold,omitempty"`    // of a held or state event: whose removals wait, or wait no longer
	Overlay *OverlayNote `json:"overlay,omitempty"` // of an overlay event
	Command string       `json:"command,omitempty"` // the id of a command

	// Of a door, ring or tamper event. At is when it happened as well as the gateway can tell: by the
	// panel where it says so and its clock is believed.
	How        string    `json:"how,omitempty"`        // "pin", "card", "app", "face", "api", ...; "" unknown
	DeviceTime time.Time `json:"device_time,omitzero"` // by the panel's own clock; zero: it did not say
	Unit       UnitID    `json:"unit,omitempty"`       // for whom somebody rang
	Log        string    `json:"log,omitempty"`        // identity of a door-log entry, for de-duplication; no secret in it
}

// OverlayNote is what an overlay event tells, enough for the cloud to make it its own.
type OverlayNote struct {
	ID   string      `json:"id"`
	Kind OverlayKind `json:"kind"`
	Gone bool        `json:"gone,omitempty"` // it was lifted here, or settled by the cloud
	Door DoorID      `json:"door,omitempty"`
	Window
	By     PersonID `json:"by"`
	Reason string   `json:"reason,omitempty"` // in the words of who did it, shown to staff
}

// Late reports whether the event was already history when it was recorded.
func (e Event) Late() bool { return e.Recorded.Sub(e.At) > LateAfter }
