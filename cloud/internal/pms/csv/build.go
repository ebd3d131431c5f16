package csv

import (
	"fmt"
	"slices"

	"gatehouse/cloud/internal/pms"
)

// builder turns lines into a snapshot.
type builder struct {
	opt        Options
	table      table
	labels     pms.Labels
	pin, card  pms.Column
	snap       pms.Snapshot
	rows       []row
	unreadable int // lines of the wanted property that might hide somebody
	elsewhere  int // lines of other properties
}

func newBuilder(o Options, t table) *builder {
	return &builder{opt: o, table: t, labels: pms.NewLabels(), snap: pms.Snapshot{OK: true}}
}

// build does everything but judge completeness. The only error is a wrong zone: with it every hour
// of the property would be wrong.
func (b *builder) build() error {
	for _, s := range b.table.spoilt {
		b.unread(s.line, s.why)
	}
	b.readRows()
	b.settleRenewals()
	b.inferColumns()
	if err := b.addProperties(); err != nil {
		return err
	}
	b.addUnits()
	b.addLeases()
	b.addPeople()
	return nil
}

func (b *builder) unread(line int, why string) {
	b.unreadable++
	b.skip(line, why)
}

func (b *builder) skip(line int, why string) {
	b.snap.Skip(line, "line", fmt.Sprint(line), why)
}

// readRows keeps the lines that can be read, belong to the wanted property and are not repeats.
func (b *builder) readRows() {
	styles := b.dateStyles()
	seen := map[[3]string]int{}
	units := map[[2]string]row{}
	for _, rec := range b.table.records {
		r, err := b.table.header.readValues(rec)
		switch {
		case b.opt.Property != "" && r.get(colProperty) != "" && r.get(colProperty) != b.opt.Property:
			b.elsewhere++
			b.skip(rec.line, fmt.Sprintf("is of property %.60q, not %.60q", r.get(colProperty), b.opt.Property))
			continue
		case err != nil && (r.placeholder() || b.homeless(r)):
			b.skip(rec.line, "stands for nobody who lives here: "+err.Error())
			continue
		case err == nil:
			err = r.readDates(styles)
		}
		if err != nil {
			b.unread(rec.line, err.Error())
			continue
		}
		if !b.twoUnits(r, units) {
			b.keep(b.withStatus(r), seen)
		}
	}
}

func (b *builder) dateStyles() map[column]dateStyle {
	out := map[column]dateStyle{}
	for _, c := range dateColumns() {
		out[c] = styleOf(b.columnValues(c))
	}
	return out
}

func (b *builder) columnValues(c column) []string {
	i := b.table.header.at[c]
	if i < 0 {
		return nil
	}
	out := make([]string, 0, len(b.table.records))
	for _, rec := range b.table.records {
		out = append(out, rec.fields[i])
	}
	return out
}

// keep adds a line, or reports a second line for the same person in the same lease. Of two that
// differ the one counts by which they are more present, else the first: an export with history
// has a past line beside the current one. The person is not missing, so completeness stands.
func (b *builder) keep(r row, seen map[[3]string]int) {
	i, again := seen[r.personKey()]
	if !again {
		seen[r.personKey()] = len(b.rows)
		b.rows = append(b.rows, r)
		return
	}
	first := b.rows[i]
	if first.values == r.values {
		b.skip(r.line, fmt.Sprintf("repeats line %d", first.line))
		return
	}
	loser, winner := r, first
	if presence(r.stay.Status) > presence(first.stay.Status) {
		loser, winner = first, r
	}
	b.rows[i] = winner
	b.skip(loser.line, fmt.Sprintf("has the resident_id and lease_id of line %d but other values; line %d counts", winner.line, winner.line))
}

// homeless says that the line is of an applicant or the like who was not given a unit yet.
func (b *builder) homeless(r row) bool {
	status, _ := b.labels.Status(r.get(colStatus), false)
	return r.get(colUnit) == "" && status == pms.None
}

// twoUnits reports a line that puts a lease into a second unit. It might be the truer one, so the
// file no longer proves who is gone.
func (b *builder) twoUnits(r row, units map[[2]string]row) bool {
	first, known := units[r.leaseKey()]
	if !known {
		units[r.leaseKey()] = r
		return false
	}
	if first.unitRef() == r.unitRef() {
		return false
	}
	b.unread(r.line, fmt.Sprintf("puts lease %.60q into unit %.60q, line %d into unit %.60q: one lease has one unit",
		r.get(colLease), r.unitRef(), first.line, first.unitRef()))
	return true
}

// withStatus maps the status label and reads month_to_month.
func (b *builder) withStatus(r row) row {
	raw := r.get(colStatus)
	dated := !r.stay.MoveIn.IsZero() || !r.start.IsZero()
	status, known := b.labels.Status(raw, dated)
	r.stay.Status, r.stay.RawStatus = status, raw
	if !known && !r.silent() {
		b.snap.Skip(r.line, "status", r.get(colLease),
			fmt.Sprintf("status %.60q is not known: the last known state stays", raw))
	}
	r.mtm = b.yes(r, colMonthToMonth)
	if r.stay.MoveOut.Before(r.stay.MoveIn) {
		b.snap.Skip(r.line, "date", r.get(colLease), fmt.Sprintf("move_out %s lies before move_in %s; both are taken as written",
			r.stay.MoveOut, r.stay.MoveIn))
	}
	return r
}

// yes reads a yes/no column; anything else is reported and means no.
func (b *builder) yes(r row, c column) bool {
	yes, ok := readBool(r.get(c))
	if !ok {
		b.snap.Skip(r.line, c.String(), r.get(colResident), fmt.Sprintf("%s %.40q is neither yes nor no; taken as no", c, r.get(c)))
	}
	return yes
}

// settleRenewals: a renewal label of somebody who is current in the same unit is current, not a
// second, future household (reference pms.md §6.3).
func (b *builder) settleRenewals() {
	key := func(r row) [3]string { return [3]string{r.get(colProperty), r.get(colResident), r.unitRef()} }
	lives := map[[3]string]bool{}
	for _, r := range b.rows {
		if r.stay.Status == pms.Current {
			lives[key(r)] = true
		}
	}
	for i, r := range b.rows {
		if b.labels.Renewal(r.get(colStatus)) && lives[key(r)] {
			b.rows[i].stay.Status = pms.Current
		}
	}
}

func (b *builder) inferColumns() {
	b.pin = pms.Column{Digits: b.opt.PINDigits, Usual: pms.UsualLength(b.columnValues(colPIN))}
	b.card = pms.Column{Usual: pms.UsualLength(b.columnValues(colCard))}
}

func (b *builder) addProperties() error {
	zones := map[string]row{}
	for _, r := range b.rows {
		name, zone := r.get(colProperty), r.get(colZone)
		first, known := zones[name]
		if zone != first.get(colZone) {
			if err := checkZone(zone, atLine(r.line)); err != nil {
				return err
			}
		}
		if zone != "" && first.get(colZone) != "" && zone != first.get(colZone) {
			return invalid("Give every line of a property the same zone.", "%s: property %.60q has zone %s here and %s on line %d",
				atLine(r.line), name, zone, first.get(colZone), first.line)
		}
		if !known {
			b.snap.Properties = append(b.snap.Properties, pms.Property{Ref: name, Name: name, Zone: b.opt.Zone})
		}
		if !known || zone != "" {
			zones[name] = r
		}
	}
	for i, p := range b.snap.Properties {
		if z := zones[p.Ref].get(colZone); z != "" {
			b.snap.Properties[i].Zone = z
		}
	}
	return nil
}

func (b *builder) addUnits() {
	seen := map[[2]string]bool{}
	for _, r := range b.rows {
		k := [2]string{r.get(colProperty), r.unitRef()}
		if seen[k] {
			continue
		}
		seen[k] = true
		b.snap.Units = append(b.snap.Units, pms.Unit{Ref: r.unitRef(), Property: r.get(colProperty),
			Building: r.get(colBuilding), Name: r.get(colUnit), Pseudo: pms.PseudoUnit(r.get(colUnit))})
	}
}

// finish adds what only the whole file shows.
func (b *builder) finish() {
	if b.unreadable > 0 {
		b.snap.Incomplete(fmt.Sprintf("lines that could not be read: %d (see skipped); somebody on them may look gone, so nobody is taken for gone", b.unreadable))
	}
	if len(b.rows) == 0 {
		b.snap.Incomplete("no resident was read: an empty list never proves that all are gone")
	}
	if b.elsewhere > 0 {
		b.snap.Because(fmt.Sprintf("lines of other properties, left out: %d", b.elsewhere))
	}
	slices.SortStableFunc(b.snap.Skipped, func(x, y pms.Skipped) int { return x.Line - y.Line })
}
