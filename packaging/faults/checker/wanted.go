package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// resident is a line of an export, as the README of the CSV says it is meant.
type resident struct {
	ref, first, last, unit, pin, status string
	from, until                         time.Time // a zero until: no end
}

// row is how somebody stands on a panel.
type row struct{ name, pin, relays string }

// readExport reads an export. A field is found by its column's name.
func readExport(path string, zone *time.Location) (map[string]resident, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, err
	}
	out := map[string]resident{}
	for {
		fields, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s has no footer", path)
		case err != nil:
			return nil, err
		case strings.HasPrefix(fields[0], "#end"):
			return out, nil
		}
		line := map[string]string{}
		for i, name := range head {
			line[name] = fields[i]
		}
		p, err := readLine(line, zone)
		if err != nil {
			return nil, err
		}
		out[p.ref] = p
	}
}

func readLine(line map[string]string, zone *time.Location) (p resident, err error) {
	p = resident{ref: line["resident_id"], first: line["first"], last: line["last"], unit: line["unit"], pin: line["pin"], status: line["status"]}
	if p.from, err = instant(line["move_in"], line["move_in_time"], "00:00", zone); err != nil {
		return p, err
	}
	p.until, err = instant(line["move_out"], line["move_out_time"], "11:00", zone)
	return p, err
}

// instant is a day and an hour on the property's clock; the hour that the property has set when the line has none.
func instant(day, hour, otherwise string, zone *time.Location) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	if hour == "" {
		hour = otherwise
	}
	return time.ParseInLocation("2006-01-02 15:04", day+" "+hour, zone)
}

// lives says whether somebody has access at an instant.
func (p resident) lives(t time.Time) bool {
	return p.status != "Past" && !t.Before(p.from) && (p.until.IsZero() || t.Before(p.until))
}

// shown is how panels show a name.
func (p resident) shown() string {
	return p.first[:1] + ". " + p.last + " - Unit " + p.unit
}

// wanted is what must stand on a panel now beside strangers, by name.
func (c *check) wanted(p panel, now time.Time) map[string]row {
	out := map[string]row{}
	for _, r := range c.residents[len(c.residents)-1] {
		if r.lives(now) {
			out[r.shown()] = row{r.shown(), r.pin, "1001-" + fmt.Sprint(p.Relay[0]-'A'+1)}
		}
	}
	return out
}

// end is when somebody's access ended, and how many changes came with it.
type end struct {
	who    resident
	at     time.Time
	export int // which export said so
	byDate bool
	queue  int
}

// ends lists every end there has been, by name as panels show it. Who is out by word has ended when the import that
// said so was accepted; by date, at the date.
func (c *check) ends(now time.Time) map[string]end {
	out := map[string]end{}
	for i, people := range c.residents {
		e := c.job.Exports[i]
		for ref, p := range people {
			if _, known := out[p.shown()]; known {
				continue
			}
			switch was := c.before(i, ref); {
			case p.status == "Past" && was != nil && was.status != "Past":
				out[p.shown()] = end{p, e.Accepted, i, false, e.Changes}
			case !p.until.IsZero() && now.After(p.until) && was != nil:
				out[p.shown()] = end{p, later(p.until, e.Accepted), i, true, len(people)}
			}
		}
	}
	return out
}

// before is somebody's line in the export before the i-th; nil when there is none.
func (c *check) before(i int, ref string) *resident {
	if i == 0 {
		return nil
	}
	p, ok := c.residents[i-1][ref]
	if !ok {
		return nil
	}
	return &p
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
