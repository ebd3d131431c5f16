// Package driver is what every panel can do, and how a panel says that it can do more.
//
// Capability is asked for, never assumed: the least is Panel; everything else is a one-method
// interface found by type assertion. Pacing, retry and metrics are wrappers around a driver,
// never inside it. The planner does not import this package; vendors' folders below it do, and
// import nothing of each other.
package driver

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// Panel is the least a device must do. Calls are made one at a time by the device's one owner.
// Every error is a fault (access/fault): Unreachable before anything was sent, Timeout when it was
// sent and the outcome is unknown, Denied for credentials, Full for no room, Unsupported,
// Conflict, Invalid for a record the device refuses. A cancelled context returns within a second.
type Panel interface {
	// Probe says what the device is and can hold. It only reads and is safe to repeat.
	Probe(ctx context.Context) (model.Identity, model.Limits, error)
	// Read returns the rows that carry ref, all of them: none when absent, several when somebody
	// made doubles. A nil error means the answer is complete.
	Read(ctx context.Context, ref model.Ref) ([]model.Record, error)
	// List returns every row, strangers included. A nil error means the answer is complete;
	// anything short of that is an error, never a short list.
	List(ctx context.Context) ([]model.Record, error)
	// Apply does one step. It is safe to repeat after a fresh Read. Before a removal or change the
	// driver checks that the row still carries step.Ref; a row that does not is a Conflict. A Read of it
	// that was the last exchange, a moment ago, is such a check.
	Apply(ctx context.Context, step model.Step) error
	// Close lets go of the device. Nothing may be called afterwards.
	Close() error
}

// DoorReleaser opens one relay for a moment. It is never retried by anyone: a door that opens
// twice is worse than one that did not open.
type DoorReleaser interface {
	Release(ctx context.Context, relay string) error
}

// Taker changes one row that this gateway did not write, after somebody on site named it
// (DESIGN §1.5): nothing else may.
type Taker interface {
	// Take gives the row a reference of ours and changes nothing else, or with "" deletes it. seen is
	// the row as it was just listed: one that shows anything else now, or that the vendor's cloud owns,
	// is a Conflict. To delete what is gone already is done; it is safe to repeat.
	Take(ctx context.Context, seen model.Record, ref model.Ref) error
}

// Inviter has a device invite somebody's app once more. The activation code stays on the device, whose vendor mails it.
type Inviter interface {
	// Invite is Conflict where the person has no app there, Invalid where the device makes none, because the app was
	// activated for example. Another code replaces the one before.
	Invite(ctx context.Context, ref model.Ref) error
}

// RelayChecker says without touching the network whether the device may have a relay, so that a
// wrong one is found before anybody stands at the door. The error is Invalid and names those it has.
type RelayChecker interface {
	CheckRelay(relay string) error
}

// Counter says by one cheap request how many rows the device holds, strangers included; -1 when it
// does not tell. A count that changed by itself shows a device that was reset or edited by hand.
type Counter interface {
	Count(ctx context.Context) (int, error)
}

// ScheduleWriter keeps weekly hours on the device, whose own clock then opens and shuts by them. Rows
// name them in Record.Schedules.
type ScheduleWriter interface {
	// KeepSchedules brings our schedules on the device closer to want, by one change a call, so that a
	// removal of a person that falls due never waits for more. more says that something was changed:
	// call it again, which also reads the change back. Only rows whose schedules stand are taken by
	// Apply. A schedule of ours that is not wanted is removed once no row of the last List carries it;
	// those of others are never touched. Holidays are not looked at unless Limits.Holidays: the caller
	// gives no hours that have any ahead. Conflict when the device's clock is not good enough to go by.
	KeepSchedules(ctx context.Context, want []access.Schedule) (more bool, err error)
}

// ClockReader says how far the device's clock is ahead of the gateway's; negative: behind. Unsupported
// when the device does not tell.
type ClockReader interface {
	Skew(ctx context.Context) (time.Duration, error)
}

// MoreLister names what a device keeps beside people and their hours, and this gateway leaves to others: "groups",
// "contacts", "contacts_read_only"; and "calls" where CallAt can be used. It sends reading requests only.
type MoreLister interface {
	More(ctx context.Context) ([]string, error)
}

// DoorLogEvery is how often a door log is asked for where nothing else is said.
const DoorLogEvery = 30 * time.Second

// DoorLogger reads what happened at the doors. The device's log is polled: no device is known to tell
// of an opening reliably by itself.
type DoorLogger interface {
	// DoorLog returns the entries that this instance has not returned before, oldest first. Its cost is
	// bounded, so entries may be left out: then Gap. The PIN or card in an entry goes to ask.Whose and
	// nowhere else.
	DoorLog(ctx context.Context, ask DoorLogAsk) (DoorLog, error)
}

// DoorLogAsk is what reading a door log needs.
type DoorLogAsk struct {
	// Since bounds the first call of an instance: what is older counts as told. Zero: nothing does.
	Since time.Time
	// Zone is the wall clock of the device; nil: UTC.
	Zone *time.Location
	// Whose finds the person of a PIN or card; "" nobody's. nil: nobody is looked for.
	Whose func(code access.Secret) access.PersonID
}

// DoorLog is what was new.
type DoorLog struct {
	Entries []DoorEntry
	Gap     bool // more had happened than was read
}

// DoorEntry is one opening or refusal.
type DoorEntry struct {
	At      time.Time // by the device's clock, to the second; zero when its date cannot be read
	Relay   string    // "A"; "" where none opened or the device does not say
	Granted bool
	How     string // "pin", "card", "public", "face", "api"; "" unknown
	By      access.PersonID
}

// Happening is something a device told by itself, or that was read from it. It names no secret.
type Happening struct {
	At    time.Time // by the device's clock; zero: it did not say, the gateway's clock counts
	Kind  HappeningKind
	Relay string          // "A"; "" unknown or none
	Unit  string          // of a ring: the unit's name or address, as the device says it
	How   string          // "pin", "card", ... as in DoorEntry; "" unknown
	By    access.PersonID // "" unknown
	Cause string          // in words: why a ring ended, which input
}

// HappeningKind names what happened.
type HappeningKind string

// The kinds of happening.
const (
	HappenedRing    HappeningKind = "ring"     // somebody rings for Unit
	HappenedRingEnd HappeningKind = "ring_end" // and no longer
	HappenedTamper  HappeningKind = "tamper"   // the device's case was opened, a door forced or held open
	HappenedDoor    HappeningKind = "door"     // a hint only: a relay or a code at a door; the door log is the truth
)

// EventSource tells what happens while it happens. Events runs beside the other calls, in one goroutine of
// the caller's, until ctx ends or the device is lost; the driver orders the wire itself. tell never blocks for long.
type EventSource interface {
	Events(ctx context.Context, tell func(Happening)) error
}

// EventCaller is a device that can be made to call an address of the gateway's when something happens.
type EventCaller interface {
	// CallAt makes the device call base+"/"+<event> for every event it has, reads that back, and names what it
	// did not keep. base "" takes back only what this gateway installed. Safe to repeat: what stands is not
	// written again.
	CallAt(ctx context.Context, base string) (CallsKept, error)
	// Called reads one such call; false: not a call of this device. It touches no network, and
	// passes on no PIN or card that stands in it.
	Called(event string, query url.Values) (Happening, bool)
}

// CallsKept is what a device keeps of the calls it was to make.
type CallsKept struct {
	Events  []string
	Dropped []string // "$alarmstatus of AlarmTriggered", in words for the installer
}

// Redeemer turns an activation code, made on the device for a slot of its own, into this gateway's own token. A code
// serves once: Timeout means that it may be used up. name is what the device may show for the slot.
type Redeemer interface {
	Redeem(ctx context.Context, code access.Secret, name string) (token access.Secret, err error)
}

// UnitLister lists what a device calls by unit.
type UnitLister interface {
	Units(ctx context.Context) ([]Apartment, error)
}

// Apartment is one line of a device's list: what it calls, and the name it shows for it. "" is unknown.
type Apartment struct {
	Index         int
	Address, Name string
}

// Doctor tells an installer, in words, what a device that does not work as expected is missing:
// the dialect met, and what to switch on.
type Doctor interface {
	// Dialect names the local interface the device speaks, "http-api".
	Dialect(ctx context.Context) (string, error)
}

// Prover tells how well the last Read of a reference is proven, the absence of rows included. A device
// that can be read back only so often answers from what it accepted once that is used up: then the
// grade is Unprovable, else Exact. It touches no network.
type Prover interface {
	Proven(ref model.Ref) access.Grade
}

// Memory keeps something of one device across restarts: whatever a driver must know that the device
// has no room for, in parts of a few kilobytes, so that one change writes little. What is in it is about
// people: it is kept sealed and never logged.
type Memory interface {
	// Load returns what Save kept last of a part; nil and no error when there is nothing. "" is a part.
	Load(part string) ([]byte, error)
	// Save keeps parts, all of them or none; nil bytes forget one.
	Save(parts map[string][]byte) error
}

// Deps is what a driver is given. Nothing in it is global.
type Deps struct {
	Log  *slog.Logger
	Now  func() time.Time
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
	// Memory is the device's own; nil: nothing outlives the driver.
	Memory Memory
}

// Config is how to reach one device: the [[device]] table of the agent's file and the ADDR-FLAGS
// of the command line give the same value.
type Config struct {
	ID          access.DeviceID
	Kind        string
	URL         string // http://host:port
	Host        string
	WebPort     int // of Host; 0: the kind's default
	IconaPort   int // of Host, of a comelit device's bridge; 0: the kind's default
	User        string
	Password    access.Secret
	Token       access.Secret
	InsecureTLS bool
	TLSPin      string        // SHA-256 of the certificate, hex
	Pace        time.Duration // pause after each request; < 0: none; 0: the kind's default
	Timeout     time.Duration // of one request; 0: the kind's default
	Model       string        // profile to assume; "": ask the device
	Buttons     int           // named buttons of a panel that calls people, one for each person; 0: a directory is searched
}

// Kind is one line of agent/drivers.go.
type Kind struct {
	Name string // "akuvox"
	// New makes the driver without touching the network. Errors are Invalid and name the key.
	New func(Config, Deps) (Panel, error)
	// Finds are the ways to find devices of this kind; none: they must be known.
	Finds []Find
}

// Find is one way to see whether a device of a kind stands at an address.
type Find struct {
	Name  string // of the port, "comelit-udp"
	Ports string // where devices have it, "80 443"
	// Ask asks that port of one host, unicast and without a login, and changes nothing there. nil: nothing
	// of the kind answers. It ends with ctx.
	Ask func(ctx context.Context, host, port string, deps Deps) *Found
}

// Found is what answered. All texts are the device's own, or about it: nobody vouches for them.
type Found struct {
	Kind    string `json:"kind"`
	Address string `json:"address"` // as Config.URL or Config.Host takes it
	Sure    bool   `json:"sure"`    // false: other devices may answer so too
	Dialect string `json:"dialect,omitempty"`
	What    string `json:"what"`             // in words
	Remedy  string `json:"remedy,omitempty"` // what is missing before it can be paired
	TLSPin  string `json:"tls_pin,omitempty"`
	model.Identity
}
