package csv

import (
	"fmt"
	"strings"
	"unicode"

	"gatehouse/cloud/internal/pms"
)

// row is one line with its meaning: a person in a lease.
type row struct {
	line   int
	values [columns]string // trimmed; raw words keep their inside
	stay   pms.Stay
	start  pms.Date // of the lease
	end    pms.Date
	notice pms.Date
	mtm    bool
}

func (r row) get(c column) string { return r.values[c] }

// unitRef is the unit's ref in its property: its name, with the building before it if there is one.
func (r row) unitRef() string {
	if b := r.get(colBuilding); b != "" {
		return b + "/" + r.get(colUnit)
	}
	return r.get(colUnit)
}

func (r row) personKey() [3]string {
	return [3]string{r.get(colProperty), r.get(colResident), r.get(colLease)}
}

func (r row) leaseKey() [2]string { return [2]string{r.get(colProperty), r.get(colLease)} }

// silent says that the line leaves its stay to the other lines of its lease.
func (r row) silent() bool { return r.stay == pms.Stay{} }

// readValues picks the columns out of a line and checks what every line must have.
func (h header) readValues(rec record) (row, error) {
	r := row{line: rec.line}
	for c := range columns {
		if i := h.at[c]; i >= 0 {
			r.values[c] = strings.TrimSpace(strings.ReplaceAll(rec.fields[i], "\u00a0", " "))
		}
		if len(r.values[c]) > maxField {
			return r, fmt.Errorf("%s is longer than %d bytes", c, maxField)
		}
	}
	for _, c := range append(idColumns(), colBuilding) {
		r.values[c] = strings.Join(strings.Fields(r.values[c]), " ")
		if strings.IndexFunc(r.values[c], unicode.IsControl) >= 0 {
			return r, fmt.Errorf("%s has a control character in it", c)
		}
	}
	for _, c := range idColumns() {
		if r.values[c] == "" {
			return r, fmt.Errorf("%s is empty", c)
		}
	}
	return r, nil
}

// placeholder says that a line names nobody at all: exports put such lines where a unit is vacant.
func (r row) placeholder() bool {
	return r.get(colResident) == "" && r.get(colFirst) == "" && r.get(colLast) == "" && r.get(colCompany) == ""
}

// readDates fills in dates and agreed hours.
func (r *row) readDates(styles map[column]dateStyle) error {
	days := [...]*pms.Date{&r.stay.MoveIn, &r.stay.MoveOut, &r.start, &r.end, &r.notice}
	for i, c := range dateColumns() {
		d, err := styles[c].read(c, r.get(c))
		if err != nil {
			return err
		}
		*days[i] = d
	}
	hours := [...]*pms.TimeOfDay{&r.stay.MoveInTime, &r.stay.MoveOutTime}
	for i, c := range []column{colMoveInTime, colMoveOutTime} {
		t, err := pms.ReadTimeOfDay(r.get(c))
		if err != nil {
			return fmt.Errorf("%s: %.80s", c, err)
		}
		*hours[i] = t
	}
	return nil
}

// readBool reads a yes/no; ok is false for anything else. A blank is no.
func readBool(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "y", "true", "t", "1", "x":
		return true, true
	case "no", "n", "false", "f", "0", "":
		return false, true
	}
	return false, false
}
