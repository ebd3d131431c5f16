package akuvoxsim

import (
	"slices"
	"strings"
)

// The schedules every panel has (reference §2.4).
const (
	scheduleAlways = "1001"
	scheduleNever  = "1002"
)

// Types of a schedule (reference §2.4).
const (
	typeDates  = "0"
	typeWeekly = "1"
	typeDaily  = "2"
)

// Schedule is one time rule of the panel, normalised.
type Schedule struct {
	ID, Name, Type     string
	DateStart, DateEnd string // YYYYMMDD, date range only
	TimeStart, TimeEnd string // HH:MM, the end minute included
	Days               [7]bool
	Cloud              bool
}

// dayKeys are the day flags, Sunday first; the odd Thursday is the device's.
func dayKeys() [7]string {
	return [7]string{"Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat"}
}

func builtInSchedules() []Schedule {
	all := [7]bool{true, true, true, true, true, true, true}
	return []Schedule{
		{ID: scheduleAlways, Name: "Always", Type: typeDaily, TimeStart: "00:00", TimeEnd: "23:59", Days: all},
		{ID: scheduleNever, Name: "Never", Type: typeDaily, TimeStart: "00:00", TimeEnd: "00:00"},
	}
}

// schedule answers schedule/get and the writes of both routings.
func (p *Panel) schedule(c *call) reply {
	if c.verb == "get" {
		return p.list(c, p.scheduleRows())
	}
	if c.verb != "set" && c.verb != "add" && c.verb != "del" {
		return noHandler()
	}
	switch c.action() {
	case "add":
		return p.writeAll(c, p.addSchedule)
	case "set":
		return p.writeAll(c, p.setSchedule)
	case "del":
		return p.writeAll(c, p.delSchedule)
	}
	return unsupported(c.body.Action)
}

func (p *Panel) scheduleRows() []map[string]string {
	rows := []map[string]string{}
	for i := range p.schedules {
		row := p.schedules[i].row()
		if p.on(FaultDisplayID) {
			row[keyID] = p.rowID(i)
		}
		rows = append(rows, row)
	}
	return rows
}

// rowID is the internal ID shown while display-id is on.
func (p *Panel) rowID(i int) string {
	n, _ := number(p.schedules[i].ID)
	return itoa(n - 1000)
}

// row shows a schedule with all its keys.
func (s *Schedule) row() map[string]string {
	row := map[string]string{
		keyID: s.ID, "DisplayID": s.ID, keyName: s.Name, "Type": s.Type, "Mode": s.Type,
		"DateStart": s.DateStart, "DateEnd": s.DateEnd, "TimeStart": s.TimeStart, "TimeEnd": s.TimeEnd,
		"Week": "", "Daily": "", keySource: "1",
	}
	if s.Cloud {
		row[keySource] = "2"
	}
	if s.Type == typeDaily {
		row["Daily"] = s.TimeStart + "-" + s.TimeEnd
	}
	for i, key := range dayKeys() {
		row[key] = "0"
		if s.Days[i] {
			row[key] = "1"
			row["Week"] += itoa(i)
		}
	}
	return row
}

// findSchedule is the index of a schedule by the number users carry, -1 when there is none.
func (p *Panel) findSchedule(id string) int {
	return slices.IndexFunc(p.schedules, func(s Schedule) bool { return s.ID == id })
}

// ownSchedule is the index of a row that may be written: neither built in nor of the cloud; else -1.
func (p *Panel) ownSchedule(id string) int {
	for i, s := range p.schedules {
		shown := s.ID
		if p.on(FaultDisplayID) {
			shown = p.rowID(i)
		}
		if shown == id && s.ID != scheduleAlways && s.ID != scheduleNever && !s.Cloud {
			return i
		}
	}
	return -1
}

func (p *Panel) addSchedule(it map[string]string) *apiError {
	s, e := readSchedule(it)
	if e != nil {
		return e
	}
	if len(p.schedules) >= maxSchedules {
		return failed()
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	s.ID = itoa(p.nextSched)
	p.nextSched++
	p.schedules = append(p.schedules, s)
	return nil
}

// setSchedule replaces a whole row.
func (p *Panel) setSchedule(it map[string]string) *apiError {
	i := p.ownSchedule(it[keyID])
	if i < 0 {
		return failed()
	}
	s, e := readSchedule(it)
	if e != nil {
		return e
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	s.ID = p.schedules[i].ID
	p.schedules[i] = s
	return nil
}

// delSchedule removes a row; users that carry it keep the dangling number and get in by it no more.
func (p *Panel) delSchedule(it map[string]string) *apiError {
	i := p.ownSchedule(it[keyID])
	if i < 0 {
		return failed()
	}
	if p.on(FaultScheduleInUse) && p.inUse(p.schedules[i].ID) {
		p.bites(FaultScheduleInUse)
		return failed()
	}
	if p.bites(FaultSilentDrop) {
		return nil
	}
	p.schedules = slices.Delete(p.schedules, i, i+1)
	return nil
}

func (p *Panel) inUse(id string) bool {
	return slices.ContainsFunc(p.users, func(u User) bool {
		return slices.ContainsFunc(splitList(u.ScheduleRelay), func(pair string) bool {
			return strings.HasPrefix(pair, id+"-")
		})
	})
}

// Schedules returns every schedule, the built-in ones first.
func (p *Panel) Schedules() []Schedule {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.schedules)
}
