package csv

import (
	"fmt"
	"strings"
)

// column is one column of the format.
type column int

// The columns, in the order in which Seal writes them.
const (
	colProperty column = iota
	colUnit
	colResident
	colLease
	colStatus
	colType
	colFirst
	colLast
	colEmail
	colPhone
	colMoveIn
	colMoveOut
	colLeaseStart
	colLeaseEnd
	colPIN
	colCard // the last that must be there
	colBuilding
	colPrimary
	colCompany
	colNotice
	colMonthToMonth
	colZone
	colMoveInTime
	colMoveOutTime
	columns
)

// String is the column's name in the header row.
func (c column) String() string {
	return [columns]string{"property", "unit", "resident_id", "lease_id", "status", "type", "first", "last",
		"email", "phone", "move_in", "move_out", "lease_start", "lease_end", "pin", "card",
		"building", "primary", "company", "notice", "month_to_month", "zone", "move_in_time", "move_out_time"}[c]
}

func dateColumns() []column {
	return []column{colMoveIn, colMoveOut, colLeaseStart, colLeaseEnd, colNotice}
}

// idColumns must have a value on every line.
func idColumns() []column { return []column{colProperty, colUnit, colResident, colLease} }

// header says at which field of a line each column stands; -1 where it does not.
type header struct {
	at    [columns]int
	width int
}

// readHeader names every wrong and every missing column at once. It does not echo a first line
// that is no header at all: that would be somebody's data.
func readHeader(fields []string) (header, error) {
	h := header{width: len(fields)}
	for c := range columns {
		h.at[c] = -1
	}
	byKey := map[string]column{}
	for c := range columns {
		byKey[key(c.String())] = c
	}
	var unknown []string
	known := 0
	for i, f := range fields {
		c, ok := byKey[key(f)]
		switch {
		case !ok:
			unknown = append(unknown, fmt.Sprintf("%.40q", strings.TrimSpace(f)))
		case h.at[c] >= 0:
			return h, invalid("Keep one of them.", "column %s stands twice in the header row", c)
		default:
			h.at[c] = i
			known++
		}
	}
	if known < 4 {
		return h, invalid("Put a header row first: "+names(0, colCard)+".", "the first line is not the header row")
	}
	return h, h.check(unknown)
}

func (h header) check(unknown []string) error {
	var missing []string
	for c := colProperty; c <= colCard; c++ {
		if h.at[c] < 0 {
			missing = append(missing, c.String())
		}
	}
	var wrong []string
	if len(unknown) > 0 {
		wrong = append(wrong, "unknown column "+strings.Join(unknown, ", "))
	}
	if len(missing) > 0 {
		wrong = append(wrong, "missing column "+strings.Join(missing, ", "))
	}
	if len(wrong) == 0 {
		return nil
	}
	accepted := "accepted columns: " + names(0, colCard) + "; optional: " + names(colCard+1, columns-1)
	return invalid("Correct the header row; a required column may be empty but must be there.",
		"%s (%s)", strings.Join(wrong, "; "), accepted)
}

func names(from, to column) string {
	var out []string
	for c := from; c <= to; c++ {
		out = append(out, c.String())
	}
	return strings.Join(out, ", ")
}

// key makes header names comparable: Move-In, move_in and "MOVE IN" are one column.
func key(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", "\u00a0", "").Replace(strings.ToLower(s))
}
