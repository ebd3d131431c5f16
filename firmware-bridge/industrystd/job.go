package industrystd

import "time"

// Command is what is wanted of the lock system.
type Command string

// The commands, with what goes on the wire (§1.3) [T].
const (
	NewKey     Command = "new_key"     // CN: the room's earlier guest keys become worthless
	CopyKey    Command = "copy_key"    // CC: one more key beside the existing ones
	OneShot    Command = "one_shot"    // CA: opens once
	CheckOut   Command = "check_out"   // CO: the lock system cancels the room's guest keys; offline locks learn of it later
	Read       Command = "read"        // LT: what the card at the encoder is
	ModifyStay Command = "modify_stay" // MC, SALTO: another end, another room
	Eject      Command = "eject"       // EX, Onity: gives up the task and returns a held card
	Status     Command = "status"      // ENQ alone: is the lock system ready?

	ReadTrack  Command = "read_track"  // L1 to L3
	WriteTrack Command = "write_track" // P1, P2

	NewMobile      Command = "new_mobile"       // CNM, SALTO: a key sent to a phone
	CopyMobile     Command = "copy_mobile"      // CCM, SALTO
	NewMobileBlob  Command = "new_mobile_blob"  // CNMB, SALTO: the phone's key is returned to us
	CopyMobileBlob Command = "copy_mobile_blob" // CCMB, SALTO

	TrailFirst  Command = "trail_first"  // WF, SALTO: a door's audit trail from its start
	TrailNext   Command = "trail_next"   // WN, SALTO
	TrailRepeat Command = "trail_repeat" // WR, SALTO: the same entry again
)

// command is how a Command travels.
type command struct {
	code   string
	only   Dialect                            // empty: both dialects have it
	fields func(Dialect, string, Job) Message // given its code
	check  []func(Dialect, Job) error
}

// commands is the table of §1.3. Status has no frame and no row.
var commands = map[Command]command{
	NewKey:     {"CN", "", keyFields, []func(Dialect, Job) error{checkEncoder, checkRooms, checkKeys, checkKey}},
	CopyKey:    {"CC", "", keyFields, []func(Dialect, Job) error{checkEncoder, checkRooms, checkKeys, checkKey}},
	OneShot:    {"CA", "", keyFields, []func(Dialect, Job) error{checkEncoder, checkRooms, checkOneKey, checkKey}},
	CheckOut:   {"CO", "", checkOutFields, []func(Dialect, Job) error{checkCheckOutEncoder, checkOneRoom}},
	Read:       {"LT", "", cardFields, []func(Dialect, Job) error{checkEncoder}},
	Eject:      {"EX", Onity, encoderFields, []func(Dialect, Job) error{checkEncoder}},
	ModifyStay: {"MC", Salto, stayFields, []func(Dialect, Job) error{checkStayRooms, checkEnd, checkAuthCode}},

	ReadTrack:  {"L", "", trackFields, []func(Dialect, Job) error{checkEncoder, checkReadTrack}},
	WriteTrack: {"P", "", writeTrackFields, []func(Dialect, Job) error{checkEncoder, checkWriteTrack}},

	NewMobile:      {"CNM", Salto, mobileFields, mobileChecks},
	CopyMobile:     {"CCM", Salto, mobileFields, mobileChecks},
	NewMobileBlob:  {"CNMB", Salto, blobFields, mobileChecks},
	CopyMobileBlob: {"CCMB", Salto, blobFields, mobileChecks},

	TrailFirst:  {"WF", Salto, doorFields, []func(Dialect, Job) error{checkDoor}},
	TrailNext:   {"WN", Salto, doorFields, []func(Dialect, Job) error{checkDoor}},
	TrailRepeat: {"WR", Salto, doorFields, []func(Dialect, Job) error{checkDoor}},
}

// Changes says that a job of this command alters cards or the lock system's records, so that sending it twice is
// not the same as once.
func (c Command) Changes() bool {
	switch c {
	case Read, ReadTrack, Status, TrailFirst, TrailRepeat:
		return false
	}
	return true // TrailNext moves on
}

// Serials says which cards' serial numbers a key job returns. Onity returns one whenever its encoder can read it (§1.3) [T].
type Serials string

// The choices; empty means NoSerials.
const (
	NoSerials   Serials = "none"
	LastSerial  Serials = "last"
	EverySerial Serials = "all"
)

// Job is one thing to do. Commands use the fields they need and ignore the rest.
type Job struct {
	Command Command  `json:"command"`
	Encoder string   `json:"encoder"` // a name (SALTO) or a number from 1 (Onity), as the lock system has it
	Rooms   []string `json:"rooms"`   // the main room first, four at most; ModifyStay: the room, then the new one if it changes
	Keys    int      `json:"keys"`    // cards to make one after the other, 1 to 9; 0 means 1

	Granted []int `json:"granted"` // authorisations (common areas) by number, on top of the lock system's defaults
	Denied  []int `json:"denied"`

	Start Wall `json:"start"` // none: from now, as the lock system sees it
	End   Wall `json:"end"`

	Operator      string  `json:"operator"` // who asked, 24 characters in ASCII
	ReturnSerials Serials `json:"return_serials"`
	Retain        bool    `json:"retain"` // keep the card in the encoder, do not wait until it is taken

	Texts []string `json:"texts,omitempty"` // key jobs: three lines to print (SALTO), or tracks 1 and 2 (Onity)
	Track int      `json:"track,omitempty"` // ReadTrack 1 to 3, WriteTrack 1 or 2
	Text  string   `json:"text,omitempty"`  // WriteTrack: what to write; NewMobile and CopyMobile: shown on the phone, 256 characters

	Phone        string `json:"phone,omitempty"`        // mobile jobs: E.164, +15550100
	AuthCode     string `json:"auth_code,omitempty"`    // NewMobile, CopyMobile and ModifyStay: 64 characters
	Installation bool   `json:"installation,omitempty"` // mobile blob jobs: return the installation's id too

	Door string `json:"door,omitempty"` // trail jobs: the door or peripheral

	// Zone is the property's; with it, times in the two nights on which its clocks change are put right (see
	// Dialect.Written). Without, times go out as they are.
	Zone *time.Location `json:"-"`
}

// Validity is the beginning and end that go on the wire, and so what a read-back is compared with.
func (j Job) Validity(d Dialect) (start, end Wall) {
	return d.Written(j.Start, j.Zone, Begin), d.Written(j.End, j.Zone, End)
}
