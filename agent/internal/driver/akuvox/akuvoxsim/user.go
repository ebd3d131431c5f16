package akuvoxsim

import "slices"

// Keys of a user item (reference §2.3).
const (
	keyID            = "ID"
	keyUserID        = "UserID"
	keyName          = "Name"
	keyScheduleRelay = "ScheduleRelay"
	keyTwin          = "Schedule-Relay"
	keySchedule      = "Schedule"
	keySRelay        = "ScheduleSRelay"
	keySRelayTwin    = "Schedule-SRelay"
	keyPIN           = "PrivatePIN"
	keyCard          = "CardCode"
	keyWebRelay      = "WebRelay"
	keyLift          = "LiftFloorNum"
	keyFace          = "FaceUrl"
	keySource        = "SourceType"
)

// User is one row of the panel, in clear: this is the simulator.
type User struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	PIN    string `json:"pin,omitempty"`
	// Cards are the card numbers as written, in order.
	Cards []string `json:"cards,omitempty"`
	// ScheduleRelay is `<schedule>-<relay digits>`, pairs joined by comma, whatever the model shows.
	ScheduleRelay string `json:"schedule_relay"`
	// Cloud marks a row of the vendor's cloud (SourceType 2): listed, not writable over the LAN.
	Cloud bool `json:"cloud,omitempty"`
	// Fields are the optional wire fields the panel keeps without looking at them.
	Fields map[string]string `json:"fields,omitempty"`
}

// keptFields are the optional fields a panel stores as they come.
func keptFields() []string {
	return []string{
		keyWebRelay, keyLift, keySRelay, "Type", "AuthMode", "Group", "PhoneNum", "DialAccount", "PriorityCall",
		"DoorNum", "C4EventNo", "Building", "Room", "UserCode", "Role",
	}
}

// user answers user/get and the writes of both routings (reference §2.3).
func (p *Panel) user(c *call) reply {
	if c.verb == "get" {
		return p.list(c, p.userRows(c.argument("NameOrPerID")))
	}
	if c.verb != "set" && c.verb != "add" && c.verb != "del" {
		return noHandler()
	}
	switch c.action() {
	case "add":
		return p.writeAll(c, p.addUser)
	case "set":
		return p.writeAll(c, p.setUser)
	case "del":
		return p.writeAll(c, p.delUser)
	}
	return unsupported(c.body.Action)
}

// findUser is the index of a row, -1 when there is none.
func (p *Panel) findUser(id string) int {
	return slices.IndexFunc(p.users, func(u User) bool { return u.ID == id })
}

func (p *Panel) addUser(it map[string]string) *apiError {
	if _, ok := it[keySchedule]; ok {
		return badParam()
	}
	u, e := p.readUser(it)
	if e != nil {
		return e
	}
	if len(p.users) >= p.model.Capacity || p.bites(FaultFull) {
		return failed()
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	if p.bites(FaultPartialDrop) {
		u.PIN = ""
	}
	u.ID = itoa(p.nextUser)
	p.nextUser++
	p.users = append(p.users, u)
	return nil
}

// setUser replaces a whole row: what the item does not carry is gone.
func (p *Panel) setUser(it map[string]string) *apiError {
	i := p.findUser(it[keyID])
	if i < 0 || p.users[i].Cloud {
		return failed()
	}
	u, e := p.readUser(it)
	if e != nil {
		return e
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	old := &p.users[i]
	u.ID = old.ID
	if p.bites(FaultPartialDrop) {
		u.PIN = old.PIN
	}
	if p.on(FaultBlankKeeps) {
		if u.PIN == "" {
			u.PIN = old.PIN
		}
		if len(u.Cards) == 0 {
			u.Cards = old.Cards
		}
	}
	p.users[i] = u
	return nil
}

// delUser removes a row by its ID alone.
func (p *Panel) delUser(it map[string]string) *apiError {
	i := p.findUser(it[keyID])
	if i < 0 || p.users[i].Cloud {
		return failed()
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	p.users = slices.Delete(p.users, i, i+1)
	return nil
}

// Users returns every row in clear, in order of ID.
func (p *Panel) Users() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]User, len(p.users))
	for i, u := range p.users {
		out[i] = u.clone()
	}
	return out
}

func (u User) clone() User {
	u.Cards = slices.Clone(u.Cards)
	if u.Fields != nil {
		u.Fields = cloneMap(u.Fields)
	}
	return u
}
