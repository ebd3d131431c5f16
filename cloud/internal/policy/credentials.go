package policy

import (
	"cmp"
	"errors"
	"slices"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// kind is one sort of credential with its rule.
type kind struct {
	access.CredentialKind
	word  string // "PIN"
	of    func(model.Person) access.Secret
	check func(access.Secret) (access.Secret, error)
}

func kinds() []kind {
	return []kind{
		{access.PIN, "PIN", func(p model.Person) access.Secret { return p.PIN },
			func(s access.Secret) (access.Secret, error) { return s, rules.CheckPIN(s, rules.DefaultPIN) }},
		{access.Card, "card", func(p model.Person) access.Secret { return p.Card },
			func(s access.Secret) (access.Secret, error) { return rules.NormalizeCard(s.Reveal()) }},
	}
}

// checkCredentials gives everybody who is sent their usable PIN and card, and refuses the others
// with words that never repeat them.
func (d *decider) checkCredentials() {
	claimants := d.byRight()
	for _, k := range kinds() {
		holders := map[string][]access.PersonID{} // by clear value; goes no further than this call
		for _, p := range claimants {
			d.claim(k, p, holders)
		}
	}
	d.giveMobile(claimants)
	for _, p := range claimants {
		for _, held := range p.Held {
			d.say(p.ID, "%s", held)
		}
	}
	d.sayWithout(claimants)
}

// byRight is everybody who is sent, the one with the better right to a value first: staff, for whom a PIN
// is who they are at the gateway, then who has lived here longest, then the head of a household, then the lower id.
func (d *decider) byRight() []model.Person {
	var out, staff []model.Person
	for _, p := range d.roster.People {
		switch {
		case p.OnStaff():
			staff = append(staff, p)
		case len(d.stays[p.ID]) > 0:
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b model.Person) int {
		x, y := d.since[a.ID], d.since[b.ID]
		switch {
		case earlier(x, y) && !x.Equal(y):
			return -1
		case earlier(y, x) && !x.Equal(y):
			return 1
		case a.Primary != b.Primary && a.Primary:
			return -1
		case a.Primary != b.Primary:
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return append(staff, out...)
}

func (d *decider) claim(k kind, p model.Person, holders map[string][]access.PersonID) {
	secret := k.of(p)
	if secret.IsZero() {
		return
	}
	good, err := k.check(secret)
	if err != nil {
		d.refuse("bad_"+string(k.CredentialKind), string(p.ID), fault.RemedyOf(err), "The %s of %s %s.", k.word, d.whoLives(p), cause(err))
		d.say(p.ID, "the %s is refused: it %s", k.word, cause(err))
		return
	}
	for _, h := range holders[good.Reveal()] {
		if d.meet(p.ID, h) {
			d.refuse("duplicate_"+string(k.CredentialKind), string(p.ID), "Give one of them another "+k.word+".",
				"The %s of %s is also the %s of %s, who keeps it: staff come first, then the longer residency, then the head of the household.", k.word, d.whoLives(p), k.word, d.whoLives(d.person[h]))
			d.say(p.ID, "the %s is refused: somebody else has the same", k.word)
			return
		}
	}
	holders[good.Reveal()] = append(holders[good.Reveal()], p.ID)
	d.creds = append(d.creds, access.Credential{ID: access.CredentialID(join(string(p.ID), "-", string(k.CredentialKind))), Person: p.ID, Kind: k.CredentialKind, Secret: good})
}

// giveMobile gives mobile access by the property's setting (row S18) to whom an app or a telephone reaches.
func (d *decider) giveMobile(people []model.Person) {
	if !d.cal.settings.Mobile {
		return
	}
	for _, p := range people {
		app := p.Email != "" && reaches(p)
		if !app && len(p.Phones) == 0 {
			d.say(p.ID, "has no mobile access: neither an e-mail address nor a telephone number is known")
			continue
		}
		d.creds = append(d.creds, access.Credential{ID: access.CredentialID(join(string(p.ID), "-", string(access.Mobile))), Person: p.ID, Kind: access.Mobile})
	}
}

func cause(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Err != nil {
		return f.Err.Error()
	}
	return err.Error()
}

// meet says whether two people are ever here at the same time; staff always are.
func (d *decider) meet(a, b access.PersonID) bool {
	if d.person[a].OnStaff() || d.person[b].OnStaff() {
		return true
	}
	for _, x := range d.stays[a] {
		for _, y := range d.stays[b] {
			if overlap(x.common.Window, y.common.Window) {
				return true
			}
		}
	}
	return false
}

func overlap(a, b access.Window) bool {
	return (a.Until.IsZero() || b.From.Before(a.Until)) && (b.Until.IsZero() || a.From.Before(b.Until))
}

// whoLives names somebody who is sent.
func (d *decider) whoLives(p model.Person) string {
	if p.OnStaff() {
		return p.Name() + " of the staff"
	}
	return p.Name() + " in unit " + d.stays[p.ID][0].unit.Name
}

func (d *decider) sayWithout(people []model.Person) {
	has := map[access.PersonID]bool{}
	for _, c := range d.creds {
		has[c.Person] = has[c.Person] || c.Kind != access.Mobile
	}
	for _, p := range people {
		if !has[p.ID] {
			d.say(p.ID, "has no usable PIN or card, so opens no door yet")
		}
	}
}
