package access

// PersonKind says what somebody is to the property.
type PersonKind string

// The kinds of person.
const (
	Resident PersonKind = "resident"
	Occupant PersonKind = "occupant"
	Visitor  PersonKind = "visitor"
	Staff    PersonKind = "staff"
	Vendor   PersonKind = "vendor"
)

// DirectoryWish says how somebody wants to stand in a panel's directory (row C12).
type DirectoryWish string

// The wishes; the empty one is Listed.
const (
	Listed   DirectoryWish = "listed"   // name shown, calls arrive
	Unlisted DirectoryWish = "unlisted" // name hidden, calls arrive
	LeftOff  DirectoryWish = "left_off" // not on the panel's directory at all
)

// Person is someone who may hold credentials. On the gateway it carries no PMS origin and no
// hygiene classes: what the box does not need, a stolen box cannot tell.
type Person struct {
	ID        PersonID      `json:"id"`
	Kind      PersonKind    `json:"kind"`
	First     string        `json:"first,omitempty"`
	Last      string        `json:"last,omitempty"`
	Company   string        `json:"company,omitempty"`
	Email     string        `json:"email,omitempty"`
	Phones    []string      `json:"phones,omitempty"` // E.164
	Directory DirectoryWish `json:"directory,omitempty"`
	// May is what somebody may do at the gateway by hand while the cloud is away (row G11). They
	// prove who they are with a PIN of their own.
	May []Right `json:"may,omitempty"`
}

// Right is something that a person may do at the gateway.
type Right string

// The rights.
const (
	MayRevoke Right = "revoke" // take all access from somebody until it is lifted
	MayGrant  Right = "grant"  // open doors to somebody for hours
	MayLift   Right = "lift"   // take back what was done here
)

// Validate checks the id, the kind and that there is a name to show.
func (p Person) Validate() error {
	switch p.Kind {
	case Resident, Occupant, Visitor, Staff, Vendor:
	default:
		return invalid("check", "person "+string(p.ID), "kind %q: want resident, occupant, visitor, staff or vendor", p.Kind)
	}
	switch p.Directory {
	case "", Listed, Unlisted, LeftOff:
	default:
		return invalid("check", "person "+string(p.ID), "directory wish %q: want listed, unlisted or left_off", p.Directory)
	}
	for _, r := range p.May {
		if r != MayRevoke && r != MayGrant && r != MayLift {
			return invalid("check", "person "+string(p.ID), "right %q: want revoke, grant or lift", r)
		}
	}
	if p.First == "" && p.Last == "" && p.Company == "" {
		return invalid("check", "person "+string(p.ID), "has no name")
	}
	return checkID("person", string(p.ID))
}

// Residency is a person in a unit for a time; one person may have several. Future, current and
// past are derived from it and the clock, never stored.
type Residency struct {
	ID     ResidencyID `json:"id"`
	Person PersonID    `json:"person"`
	Unit   UnitID      `json:"unit"`
	Window
}

// Validate checks ids and window.
func (r Residency) Validate() error {
	if err := checkID("residency "+string(r.ID)+", person", string(r.Person)); err != nil {
		return err
	}
	if err := checkID("residency "+string(r.ID)+", unit", string(r.Unit)); err != nil {
		return err
	}
	if err := r.Window.Validate(); err != nil {
		return err
	}
	return checkID("residency", string(r.ID))
}

// CredentialKind is what somebody holds.
type CredentialKind string

// The kinds of credential. Mobile is a Comelit app slot; Akuvox cannot hold one and says so.
const (
	PIN    CredentialKind = "pin"
	Card   CredentialKind = "card"
	Mobile CredentialKind = "mobile"
)

// Credential is a PIN, a card or a mobile slot of one person. Several are first-class; each ends
// with the reason for it.
type Credential struct {
	ID     CredentialID   `json:"id"`
	Person PersonID       `json:"person"`
	Kind   CredentialKind `json:"kind"`
	Secret Secret         `json:"secret,omitzero"` // PIN digits or card hex; none for mobile
}

// Validate checks ids, kind and that a PIN or card has its value. The rules for the value itself
// are in access/rules: they depend on the panel.
func (c Credential) Validate() error {
	switch c.Kind {
	case PIN, Card:
		if c.Secret.IsZero() {
			return invalid("check", "credential "+string(c.ID), "a %s without a value", c.Kind)
		}
	case Mobile:
	default:
		return invalid("check", "credential "+string(c.ID), "kind %q: want pin, card or mobile", c.Kind)
	}
	if err := checkID("credential "+string(c.ID)+", person", string(c.Person)); err != nil {
		return err
	}
	return checkID("credential", string(c.ID))
}

// EndReason says why a grant ends. It decides what a gateway that has been out of contact may do
// by itself (DESIGN §1.6): everything but a lease end always acts.
type EndReason string

// The reasons for an end. A grant without an end has none.
const (
	EndMoveOut  EndReason = "move_out"
	EndRevoked  EndReason = "revoked"
	EndVisit    EndReason = "visit"
	EndLeaseEnd EndReason = "lease_end"
	EndByStaff  EndReason = "staff"
)

// Grant lets a person open a group of doors, one door or one unit's doors for a time. Exactly one
// of Group, Door and Unit is set. Overlapping grants union.
type Grant struct {
	ID     GrantID  `json:"id"`
	Person PersonID `json:"person"`
	Group  GroupID  `json:"group,omitempty"`
	Door   DoorID   `json:"door,omitempty"`
	Unit   UnitID   `json:"unit,omitempty"`
	Window
	Ends   EndReason `json:"ends,omitempty"` // set exactly when Until is
	Uses   int       `json:"uses,omitempty"` // 0: any number; best effort across panels
	Reason string    `json:"reason"`         // in words a manager understands
}

// Validate checks ids, target, window and that an end has a reason.
func (g Grant) Validate() error {
	n, target := 0, ""
	for _, s := range []string{string(g.Group), string(g.Door), string(g.Unit)} {
		if s != "" {
			n, target = n+1, s
		}
	}
	if n != 1 {
		return invalid("check", "grant "+string(g.ID), "names %d of group, door and unit: want exactly one", n)
	}
	if err := checkID("grant "+string(g.ID)+", target", target); err != nil {
		return err
	}
	if err := g.Window.Validate(); err != nil {
		return err
	}
	switch {
	case g.Until.IsZero() != (g.Ends == ""):
		return invalid("check", "grant "+string(g.ID), "an end needs a reason and a reason needs an end")
	case g.Uses < 0:
		return invalid("check", "grant "+string(g.ID), "use count %d is negative", g.Uses)
	}
	if err := checkID("grant "+string(g.ID)+", person", string(g.Person)); err != nil {
		return err
	}
	return checkID("grant", string(g.ID))
}

// Holder is one person with everything that decides what they may open. Stores hand it out whole,
// so that one changed person costs one person.
type Holder struct {
	Person      Person
	Residencies []Residency
	Credentials []Credential
	Grants      []Grant
	// Unread names the kinds of which some record could not be read: what is missing says nothing.
	// Ends that can be read act all the same.
	Unread []Kind
}
