package csv

import (
	"fmt"
	"strings"

	"gatehouse/cloud/internal/pms"
)

// dateStyle is how one column writes its dates. A column has one form; a date in the other is not
// believed, because whoever changed it may have changed day and month too.
type dateStyle struct {
	form     pms.DateForm
	dayFirst bool // the column's slashes evidently mean D/M/YYYY, so none of them is believed
}

// styleOf finds the form most of a column's readable dates have (ISO on a tie), and whether its
// slashed dates speak for the day standing first more often than for the month.
func styleOf(values []string) dateStyle {
	forms := map[pms.DateForm]int{}
	days, months := 0, 0
	for _, v := range values {
		if _, form, err := pms.ReadDate(v); err == nil {
			forms[form]++
		}
		first, second, ok := slashed(v)
		switch {
		case ok && first > 12 && second <= 12:
			days++
		case ok && first <= 12 && second > 12:
			months++
		}
	}
	s := dateStyle{form: pms.ISODate, dayFirst: days > months}
	if forms[pms.USDate] > forms[pms.ISODate] || s.dayFirst && forms[pms.ISODate] == 0 {
		s.form = pms.USDate
	}
	return s
}

// slashed gives the first two numbers of n/n/yyyy.
func slashed(s string) (first, second int, ok bool) {
	n, err := fmt.Sscanf(strings.TrimSpace(s), "%d/%d/", &first, &second)
	return first, second, n == 2 && err == nil
}

// read reads one date in the column's style; the error says what is wrong with it.
func (s dateStyle) read(c column, v string) (pms.Date, error) {
	if _, rest := pms.SplitTime(strings.TrimSpace(v)); strings.Trim(rest, "0:.Z") != "" {
		return pms.Date{}, fmt.Errorf("%s %.40q has a time of day: agreed hours go into %s and %s", c, v, colMoveInTime, colMoveOutTime)
	}
	d, form, err := pms.ReadDate(v)
	switch {
	case err != nil:
		return pms.Date{}, fmt.Errorf("%s: %.120s", c, err)
	case form == pms.NoDate:
		return pms.Date{}, nil
	case form == pms.USDate && s.dayFirst:
		return pms.Date{}, fmt.Errorf("%s %q is ambiguous: other dates of this column have the day first", c, v)
	case form != s.form:
		return pms.Date{}, fmt.Errorf("%s %q is written %s, the rest of the column %s", c, v, form, s.form)
	}
	return d, nil
}
