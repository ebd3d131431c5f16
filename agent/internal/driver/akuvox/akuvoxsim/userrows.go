package akuvoxsim

import "strings"

// userRows shows the users as this model does, those whose name or UserID holds the filter.
func (p *Panel) userRows(filter string) []map[string]string {
	if filter != "" && p.bites(FaultNoFilter) {
		filter = ""
	}
	filter = strings.ToLower(filter)
	spelling := keyUserID
	if p.on(FaultUserIDSpelling) {
		spelling = "UserId"
	}
	rows := []map[string]string{}
	for i := range p.users {
		u := &p.users[i]
		if filter == "" || strings.Contains(strings.ToLower(u.Name), filter) || strings.Contains(strings.ToLower(u.UserID), filter) {
			rows = append(rows, p.userRow(u, spelling))
		}
	}
	return rows
}

func (p *Panel) userRow(u *User, spelling string) map[string]string {
	row := map[string]string{
		keyID: u.ID, spelling: u.UserID, keyName: u.Name, keyPIN: u.PIN, keyCard: strings.Join(u.Cards, ";"),
		p.model.ReadKey: p.showSchedules(u.ScheduleRelay), keySource: "1", "Source": "Local",
		keyWebRelay: "0", keyLift: "0", "Type": "0",
	}
	if u.Cloud {
		row[keySource], row["Source"] = "2", "Cloud"
	}
	for k, v := range u.Fields {
		row[k] = v
	}
	return row
}

// showSchedules puts the pairs in the separator of this model.
func (p *Panel) showSchedules(stored string) string {
	shown := strings.ReplaceAll(stored, ",", p.model.Separator)
	if p.model.Trailing && shown != "" {
		shown += p.model.Separator
	}
	return shown
}
