package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// items is the wanted state in its order. A record that cannot stand in it is refused alone: one
// bad record must not cost the others.
func (d *decider) items() []access.Noun {
	all := d.places()
	all = append(all, d.people()...)
	all = append(all, d.residencies()...)
	all = append(all, nouns(sortedBy(d.creds, func(c access.Credential) string { return string(c.ID) }))...)
	all = append(all, nouns(sortedBy(d.grants(), func(g access.Grant) string { return string(g.ID) }))...)
	out := make([]access.Noun, 0, len(all))
	for _, n := range all {
		if err := n.Validate(); err != nil {
			d.refuse("invalid_record", subject(err), "Correct the record; until then gateways do without it.", "A record cannot be published: %v.", err)
			continue
		}
		out = append(out, n)
	}
	return out
}

func subject(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Subject
	}
	return ""
}

func nouns[N access.Noun](in []N) []access.Noun {
	out := make([]access.Noun, len(in))
	for i, n := range in {
		out[i] = n
	}
	return out
}

func (d *decider) places() []access.Noun {
	r := d.roster
	site := r.Property.Property
	site.DirectoryName = r.Property.Settings.Names
	out := []access.Noun{site}
	out = append(out, nouns(r.Buildings)...)
	for _, u := range r.Units {
		out = append(out, u.Unit)
	}
	out = append(out, nouns(r.Doors)...)
	for _, g := range r.Groups {
		g.Doors = slices.Sorted(slices.Values(g.Doors))
		out = append(out, g)
	}
	return out
}

// people are those with a window that matters and staff, with what a gateway needs of them.
func (d *decider) people() []access.Noun {
	var out []access.Noun
	for _, p := range d.roster.People {
		if len(d.stays[p.ID]) == 0 && !p.OnStaff() {
			continue
		}
		who := p.Person
		if !reaches(p) {
			who.Email = ""
		}
		out = append(out, who)
	}
	return out
}

// reaches says whether an address can belong to the person: a placeholder helps no panel.
func reaches(p model.Person) bool {
	return p.EmailClass == "" || p.EmailClass == "ok" || p.EmailClass == "shared"
}

func (d *decider) residencies() []access.Noun {
	var out []access.Residency
	for _, s := range d.allStays() {
		out = append(out, access.Residency{ID: s.lease.ID, Person: s.lease.Person, Unit: s.unit.ID, Window: s.home.Window})
	}
	return nouns(sortedBy(out, func(r access.Residency) string { return string(r.ID) }))
}

func (d *decider) allStays() []*stay {
	var out []*stay
	for _, p := range d.roster.People {
		out = append(out, d.stays[p.ID]...)
	}
	return out
}

// grants gives every stay every common group, and the unit where it has doors of its own. Ids come
// from the residency and the target, so that what did not change keeps its id.
func (d *decider) grants() []access.Grant {
	own := map[access.UnitID]bool{}
	for _, door := range d.roster.Doors {
		own[door.Unit] = true
	}
	common := slices.DeleteFunc(slices.Clone(d.roster.Groups), func(g access.Group) bool { return !g.Common })
	stays := d.allStays()
	if len(common) == 0 && len(stays) > 0 {
		d.refuse("no_common_group", string(d.roster.Property.ID), "Mark the group of entrance doors as common.",
			"No group of doors is common to all residents, so residents get no entrance door.")
	}
	var out []access.Grant
	for _, s := range stays {
		for _, g := range common {
			grant := d.grant(s, s.common, "-"+string(g.ID))
			grant.Group = g.ID
			out = append(out, grant)
		}
		if own[s.unit.ID] {
			grant := d.grant(s, s.home, ".unit")
			grant.Unit = s.unit.ID
			out = append(out, grant)
		}
	}
	return out
}

func (d *decider) grant(s *stay, w span, target string) access.Grant {
	return access.Grant{
		ID: access.GrantID(join(string(s.lease.ID), target)), Person: s.lease.Person,
		Window: w.Window, Ends: s.ends, Reason: d.cal.reason(s, w),
	}
}

// maxID is access's bound on ids.
const maxID = 40

// join makes an id of parts; one that would be too long keeps its beginning and ends in a hash of
// the whole.
func join(parts ...string) string {
	s := strings.Join(parts, "")
	if len(s) <= maxID {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return s[:maxID-13] + "." + hex.EncodeToString(sum[:6])
}
