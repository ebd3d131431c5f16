package akuvoxsim

import (
	"fmt"
	"slices"
)

// Edit changes a row by hand, as somebody at the panel's own menu would: no login, none of the API's checks.
// op is add, set or del. Add gives a fresh ID and, when ScheduleRelay is empty, always on relay 1; set replaces
// the row of that ID, or of that UserID when ID is empty; del removes it. It returns the row it wrote or removed.
func (p *Panel) Edit(op string, u User) (User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u = u.clone()
	i := slices.IndexFunc(p.users, func(o User) bool {
		return o.ID == u.ID && u.ID != "" || u.ID == "" && o.UserID == u.UserID && u.UserID != ""
	})
	switch {
	case op == "add":
		if u.ScheduleRelay == "" {
			u.ScheduleRelay = scheduleAlways + "-1"
		}
		u.ID = itoa(p.nextUser)
		p.nextUser++
		p.users = append(p.users, u)
	case op != "set" && op != "del":
		return User{}, fmt.Errorf("op is %q; it must be add, set or del", op)
	case i < 0:
		return User{}, fmt.Errorf("no user with id %q or user_id %q; GET /users lists them", u.ID, u.UserID)
	case op == "set":
		u.ID = p.users[i].ID
		p.users[i] = u
	default:
		u = p.users[i]
		p.users = slices.Delete(p.users, i, i+1)
	}
	return u.clone(), nil
}
