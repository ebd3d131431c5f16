package akuvoxsim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Entry is one line of the panel's door log: one per relay opened, one per refused attempt.
type Entry struct {
	ID int       `json:"id"`
	At time.Time `json:"at"` // the panel's own clock
	// Door is the letter of the relay; empty when refused.
	Door    string `json:"door"`
	Granted bool   `json:"granted"`
	By      string `json:"by"`
	How     string `json:"how"` // pin, card, face, api for relay/trig, or fcgi for an open-door call
	// Code is the PIN or card in clear, as real units show it.
	Code string `json:"code,omitempty"`
}

// append writes to the ring.
func (p *Panel) append(e Entry) {
	e.ID = p.nextLog
	p.nextLog++
	p.log = append(p.log, e)
	if len(p.log) > p.opt.LogSize {
		p.log = slices.Clone(p.log[len(p.log)-p.opt.LogSize:])
	}
}

// DoorLog returns what is in the ring, oldest first.
func (p *Panel) DoorLog() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// doorlog answers doorlog/get (reference §2.7); Status and NameOrCode filter.
func (p *Panel) doorlog(c *call) reply {
	if c.verb != "get" {
		return noHandler()
	}
	status, text := c.argument("Status"), strings.ToLower(c.argument("NameOrCode"))
	rows := []map[string]string{}
	for _, e := range p.log {
		row := p.logRow(e)
		fits := strings.Contains(strings.ToLower(row[keyName]), text) || strings.Contains(strings.ToLower(row["Code"]), text)
		if fits && (status == "" || status == row["Status"]) {
			rows = append(rows, row)
		}
	}
	if !p.on(FaultLogOldestFirst) {
		slices.Reverse(rows)
	}
	return p.list(c, rows)
}

func (p *Panel) logRow(e Entry) map[string]string {
	date := "2006-01-02"
	if p.on(FaultCompactDates) {
		date = "20060102"
	}
	row := map[string]string{
		keyID: itoa(e.ID), "Date": e.At.Format(date), "Time": e.At.Format("15:04:05"), keyName: e.By,
		"Code": e.Code, "Type": map[string]string{"pin": "PIN", "card": "Card", "face": "Face", "api": "HTTP API", "fcgi": "HTTP API"}[e.How],
		"Relay": e.Door, "Status": "Failed", "AccessMode": "0",
	}
	if p.on(FaultLogIDsWrap) {
		row[keyID] = itoa((e.ID-1)%p.opt.LogSize + 1)
	}
	if p.on(FaultLogTypeDigits) {
		row["Type"] = cmp.Or(map[string]string{"card": "1", "pin": "2", "face": "4"}[e.How], "0")
	}
	if e.Granted {
		row["Status"] = "Succ"
	}
	return row
}

// calllog answers calllog/get (reference §2.7); NameOrNumber filters.
func (p *Panel) calllog(c *call) reply {
	if c.verb != "get" {
		return noHandler()
	}
	rows, text := []map[string]string{}, strings.ToLower(c.argument("NameOrNumber"))
	for _, row := range slices.Backward(p.called) {
		if strings.Contains(strings.ToLower(row[keyName]), text) || strings.Contains(strings.ToLower(row["Num"]), text) {
			rows = append(rows, row)
		}
	}
	return p.list(c, rows)
}
