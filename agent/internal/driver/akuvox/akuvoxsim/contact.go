package akuvoxsim

import (
	"net/http"
	"slices"
)

// contact is a line of the door phone's book; contacts are not the access users.
type contact struct{ id, name, phone, group string }

// contact answers contact/get and contact/set (reference §2.6).
func (p *Panel) contact(c *call) reply {
	switch {
	case c.verb == "get":
		return p.list(c, p.contactRows())
	case c.verb != "set":
		return noHandler()
	case p.model.ApartmentBook || c.method != http.MethodPost:
		return unsupported(c.body.Action)
	}
	switch c.body.Action {
	case "add", "set", "del":
		return p.echoAll(c, p.putContact)
	}
	return unsupported(c.body.Action)
}

// contactRows shows the book; the apartment book of X915S has one built-in line and no ID.
func (p *Panel) contactRows() []map[string]string {
	if p.model.ApartmentBook {
		return []map[string]string{{
			keyName: "Concierge", "APTName": "Lobby", "APTNum": "1", "Building": "1", "Landline": "", "Phone": "",
		}}
	}
	rows := []map[string]string{}
	for _, k := range p.contacts {
		rows = append(rows, map[string]string{keyID: k.id, keyName: k.name, "Phone": k.phone, "Group": k.group})
	}
	return rows
}

// putContact adds, replaces or deletes one line; an unknown group becomes Default.
func (p *Panel) putContact(action string, it map[string]string) (id string, ret int) {
	i := slices.IndexFunc(p.contacts, func(k contact) bool { return k.id == it[keyID] })
	switch {
	case action != "add" && i < 0:
		return it[keyID], retUnknownContact
	case action == "del":
		p.contacts = slices.Delete(p.contacts, i, i+1)
		return it[keyID], 0
	case it[keyName] == "":
		return it[keyID], retEmptyName
	}
	k := contact{id: it[keyID], name: it[keyName], phone: it["Phone"], group: it["Group"]}
	if !slices.ContainsFunc(p.groups, func(g named) bool { return g.name == k.group }) {
		k.group = "Default"
	}
	if action == "set" {
		p.contacts[i] = k
		return k.id, 0
	}
	k.id = itoa(p.nextContact)
	p.nextContact++
	p.contacts = append(p.contacts, k)
	return k.id, 0
}
