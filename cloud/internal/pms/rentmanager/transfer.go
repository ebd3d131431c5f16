package rentmanager

import (
	"strings"

	"gatehouse/cloud/internal/pms"
)

// follow finds people who moved inside the property. A transfer makes a new tenant with new
// contacts; the old and the new one share a transfer group (§1.4, meaning [I]). Within a group, a
// name that each tenant has once is one person and keeps the id of the oldest tenant's contact:
// one person who changes the unit, the new before the old, instead of a stranger with a taken PIN.
func (b *builder) follow() {
	groups := map[string][]tenantRow{}
	for _, t := range b.rows {
		if g := t.TransferGroupID.id(); g != "" {
			groups[g] = append(groups[g], t)
		}
	}
	for _, tenants := range groups {
		first := map[string]string{} // name to the ref they were first seen under
		for _, t := range tenants {
			for name, contact := range distinctNames(t) {
				ref, known := first[name]
				if !known {
					first[name] = contact
					continue
				}
				if ref != contact {
					b.refs[contactKey{t.TenantID.id(), contact}] = ref
					b.followed++
				}
			}
		}
	}
}

// distinctNames are the contacts of a tenant by name, without names that two of them have.
func distinctNames(t tenantRow) map[string]string {
	out, twice := map[string]string{}, map[string]bool{}
	for _, c := range t.Contacts.rows {
		n := pms.ReadName(c.FirstName.s, c.LastName.s, "")
		name := strings.ToLower(n.First + "\x00" + n.Last + "\x00" + n.Company)
		id := c.ContactID.id()
		if id == "" || n.First+n.Last+n.Company == "" {
			continue
		}
		if old, known := out[name]; known && old != id {
			twice[name] = true
		}
		out[name] = id
	}
	for name := range twice {
		delete(out, name)
	}
	return out
}

// refOf is a contact's id, or the one the person had before a transfer.
func (b *builder) refOf(t tenantRow, c contactRow) string {
	if ref, ok := b.refs[contactKey{t.TenantID.id(), c.ContactID.id()}]; ok {
		return ref
	}
	return c.ContactID.id()
}
