package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// StaffMember is somebody who works at a property and may act at its gateways by hand while the cloud is away (row G11).
// They are entered here, with a PIN of their own that shows who they are there; no sync touches them, and they open no
// door by it.
type StaffMember struct {
	ID   access.PersonID
	Name string
	May  []access.Right
}

// StaffChange is what to make of a member of staff; what is zero stays as it is.
type StaffChange struct {
	StaffMember
	PIN access.Secret
	By  string // who does it, for the property's history
}

// PropertyAct is a line of a property's history.
type PropertyAct = store.PropertyAct

const (
	actsListed  = 50
	longestName = 100 // characters
)

// staffPIN is what a PIN must be that takes access from everybody: as panels want it, but not of two or three digits.
var staffPIN = rules.PINRule{Min: 4, Max: rules.DefaultPIN.Max, NotFirst: rules.DefaultPIN.NotFirst}

// Staff lists the staff of a property in the order in which they came, and what was done about them, the newest first.
func (c *Cloud) Staff(ctx context.Context, property access.PropertyID) ([]StaffMember, []PropertyAct, error) {
	if _, err := c.property(property); err != nil {
		return nil, nil, err
	}
	r, err := c.store.Roster(ctx, property)
	if err != nil {
		return nil, nil, err
	}
	var out []StaffMember
	for _, p := range r.People {
		if p.OnStaff() {
			out = append(out, StaffMember{p.ID, p.Name(), p.May})
		}
	}
	acts, err := c.store.PropertyActs(ctx, property, actsListed)
	return out, acts, err
}

// AddStaff enters a member of staff, who must have a name, a PIN and something they may do, and tells every gateway of the
// property. Without an ID they are given one. A name or PIN that is taken is a Conflict, anything that cannot be used Invalid.
func (c *Cloud) AddStaff(ctx context.Context, property access.PropertyID, ch StaffChange) (StaffMember, error) {
	if ch.Name == "" || ch.PIN.IsZero() || len(ch.May) == 0 {
		return StaffMember{}, fault.New(fault.Invalid, "add", "staff", "a name, a PIN and what they may do are all needed")
	}
	return c.changeStaff(ctx, property, ch.By, func(tx *store.Tx, r *model.Roster) (*model.Person, string, error) {
		id, err := freeID(ctx, tx, r, ch.ID)
		if err != nil {
			return nil, "", err
		}
		r.People = append(r.People, model.Person{Person: access.Person{ID: id, Kind: access.Staff, Directory: access.LeftOff}, Origin: model.ByHand})
		return &r.People[len(r.People)-1], "added", ch.put(r, &r.People[len(r.People)-1])
	})
}

// SetStaff changes name, PIN or rights of a member of staff.
func (c *Cloud) SetStaff(ctx context.Context, property access.PropertyID, ch StaffChange) (StaffMember, error) {
	return c.changeStaff(ctx, property, ch.By, func(_ *store.Tx, r *model.Roster) (*model.Person, string, error) {
		p, err := member(r, ch.ID)
		if err != nil {
			return nil, "", err
		}
		was := p.Name()
		if err := ch.put(r, p); err != nil {
			return nil, "", err
		}
		var what []string
		if was != p.Name() {
			what = append(what, "renamed from "+was)
		}
		if !ch.PIN.IsZero() {
			what = append(what, "another PIN")
		}
		if len(ch.May) > 0 {
			what = append(what, "other rights")
		}
		if len(what) == 0 {
			return nil, "", fault.New(fault.Invalid, "set", "staff "+string(p.ID), "nothing is to change").WithRemedy("Give --name, --pin-file or --may.")
		}
		return p, strings.Join(what, ", "), nil
	})
}

// RemoveStaff forgets a member of staff: with its next state no gateway lets them act any more.
func (c *Cloud) RemoveStaff(ctx context.Context, property access.PropertyID, id access.PersonID, by string) (StaffMember, error) {
	return c.changeStaff(ctx, property, by, func(_ *store.Tx, r *model.Roster) (*model.Person, string, error) {
		p, err := member(r, id)
		if err != nil {
			return nil, "", err
		}
		gone := *p
		gone.May = nil
		r.People = slices.DeleteFunc(r.People, func(o model.Person) bool { return o.ID == id })
		return &gone, "removed", nil
	})
}

// changeStaff changes a property's roster, writes down who did what, and lets every gateway follow, in one transaction. What
// somebody does here by hand is meant.
func (c *Cloud) changeStaff(ctx context.Context, property access.PropertyID, by string, change func(*store.Tx, *model.Roster) (*model.Person, string, error)) (out StaffMember, err error) {
	if _, err := c.property(property); err != nil {
		return out, err
	}
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Roster(ctx, property)
		if err != nil {
			return err
		}
		p, what, err := change(tx, &r)
		if err != nil {
			return err
		}
		out = StaffMember{p.ID, p.Name(), p.May}
		if _, err := tx.SaveRoster(ctx, r); err != nil {
			return err
		}
		words := fmt.Sprintf("staff %s (%s): %s", p.ID, p.Name(), what)
		if len(p.May) > 0 {
			words += "; may " + Rights(p.May)
		}
		if err := tx.NoteAt(ctx, property, store.PropertyAct{At: c.now(), Who: by, Words: words}); err != nil {
			return err
		}
		return c.decideAnew(ctx, tx, r, true)
	})
	return out, err
}

// put makes of p what is wanted.
func (ch StaffChange) put(r *model.Roster, p *model.Person) error {
	if ch.Name != "" {
		name := strings.Join(strings.Fields(ch.Name), " ")
		if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestName || strings.ContainsFunc(name, unicode.IsControl) {
			return fault.New(fault.Invalid, "read", "--name", "want 1 to %d characters on one line", longestName)
		}
		if other := others(r, p, func(o model.Person) bool { return o.OnStaff() && strings.EqualFold(o.Name(), name) }); other != nil {
			return fault.New(fault.Conflict, "name", "staff", "%s is %s already", other.ID, name).
				WithRemedy("Give a name that tells them apart: people say at the gateway who they are. To change %s: gatehouse-cloud staff set --id %s", other.ID, other.ID)
		}
		p.First, p.Last, _ = strings.Cut(name, " ")
	}
	if !ch.PIN.IsZero() {
		if err := rules.CheckPIN(ch.PIN, staffPIN); err != nil {
			return fault.New(fault.Invalid, "check", "PIN", "%w", err).WithRemedy("Give them another PIN: %d to %d digits, not starting with %s.", staffPIN.Min, staffPIN.Max, staffPIN.NotFirst)
		}
		if others(r, p, func(o model.Person) bool { return o.PIN == ch.PIN }) != nil { // whose it is, is nobody's business
			return fault.New(fault.Conflict, "check", "PIN", "somebody of this property has it already").
				WithRemedy("Give them another PIN: at the gateway it shows who somebody is.")
		}
		p.PIN, p.OwnPIN = ch.PIN, true
	}
	if len(ch.May) > 0 {
		p.May = slices.Compact(slices.Sorted(slices.Values(ch.May)))
	}
	return p.Validate()
}

func others(r *model.Roster, p *model.Person, is func(model.Person) bool) *model.Person {
	i := slices.IndexFunc(r.People, func(o model.Person) bool { return o.ID != p.ID && is(o) })
	if i < 0 {
		return nil
	}
	return &r.People[i]
}

func member(r *model.Roster, id access.PersonID) (*model.Person, error) {
	i := slices.IndexFunc(r.People, func(p model.Person) bool { return p.ID == id && p.OnStaff() })
	if i < 0 {
		return nil, fault.New(fault.Invalid, "look up", "staff", "%q is nobody on the staff of %s", id, r.Property.ID).
			WithRemedy("Their ids: gatehouse-cloud staff list --property %s", r.Property.ID)
	}
	return &r.People[i], nil
}

// freeID is the id that was asked for, or a new one.
func freeID(ctx context.Context, tx *store.Tx, r *model.Roster, id access.PersonID) (access.PersonID, error) {
	rest, counted := strings.CutPrefix(string(id), store.PersonIDs)
	counted = counted && strings.Trim(rest, "0123456789") == ""
	switch {
	case id == "":
		next, err := tx.NewID(ctx, r.Property.ID, store.PersonIDs)
		return access.PersonID(next), err
	case !access.ValidID(string(id)) || counted:
		return "", fault.New(fault.Invalid, "read", "--id", "%q: want letters, digits, dots and dashes, and no %s1, %s2 …, which are given out here", id, store.PersonIDs, store.PersonIDs)
	case slices.ContainsFunc(r.People, func(p model.Person) bool { return p.ID == id }):
		return "", fault.New(fault.Conflict, "add", "staff", "the id %q is taken", id).WithRemedy("Give another --id, or none.")
	}
	return id, nil
}

// Rights says what somebody may do: "grant, revoke".
func Rights(may []access.Right) string {
	var out []string
	for _, r := range may {
		out = append(out, string(r))
	}
	return strings.Join(out, ", ")
}
