package store

import (
	"context"
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// SaveRoster makes buildings, units, people and leases of a property what now says, writing only rows
// that differ, and tells how many. What now does not name is removed, so now must come from Tx.Roster
// of the same transaction; anything else is refused, because it could undo what another process just
// saved. Doors, groups and settings belong to the configuration and are left alone.
func (t *Tx) SaveRoster(ctx context.Context, now model.Roster) (rows int, err error) {
	id := now.Property.ID
	if !t.taken[id] {
		return 0, fault.New(fault.Internal, "save roster", string(id), "it was not read in the same transaction")
	}
	was, err := t.roster(ctx, id)
	if err != nil {
		return 0, explain("read roster", string(id), err)
	}
	diffs := []diff{
		compare(buildingTable, was.Buildings, now.Buildings),
		compare(unitTable, was.Units, now.Units),
		compare(personTable, was.People, now.People),
		compare(leaseTable, was.Leases, now.Leases),
	}
	for _, d := range diffs {
		if d.twice != "" {
			return 0, fault.New(fault.Internal, "save roster", string(id), "%s %s stands in it twice", d.name, d.twice)
		}
		if err := t.put(ctx, id, d); err != nil {
			return 0, explain("save "+d.name, string(id), err)
		}
		rows += len(d.rows) + len(d.gone)
	}
	for _, d := range slices.Backward(diffs) { // what refers to others goes first
		if err := t.remove(ctx, id, d); err != nil {
			return 0, explain("remove from "+d.name, string(id), err)
		}
	}
	return rows, nil
}

// table says how a noun is stored.
type table[T any] struct {
	name    string
	columns string        // after property; the first is the id
	secrets []string      // columns at the end that are sealed
	row     func(T) []any // in the order of columns, secrets in clear
}

var buildingTable = table[access.Building]{name: "buildings", columns: "id, name",
	row: func(b access.Building) []any { return []any{b.ID, b.Name} }}

var unitTable = table[model.Unit]{name: "units", columns: "id, building, name, slots, ref",
	row: func(u model.Unit) []any { return []any{u.ID, u.Building, u.Name, u.Slots, u.Ref} }}

var personTable = table[model.Person]{name: "people",
	columns: "id, kind, first_name, last_name, company, email, phones, directory, origin, ref, type, raw_type, email_class, head, held, own_pin, own_card, may, pin, card",
	secrets: []string{"pin", "card"},
	row: func(p model.Person) []any {
		return []any{p.ID, p.Kind, p.First, p.Last, p.Company, p.Email, p.Phones, p.Directory, p.Origin, p.Ref,
			p.Type, p.RawType, p.EmailClass, p.Primary, p.Held, p.OwnPIN, p.OwnCard, p.May, p.PIN.Reveal(), p.Card.Reveal()}
	}}

var leaseTable = table[model.Lease]{name: "leases",
	columns: "id, person, unit, ref, status, raw_status, move_in, move_out, lease_start, lease_end, move_in_time, move_out_time, notice, month_to_month, missing, missing_in, past_seen",
	row: func(l model.Lease) []any {
		return []any{l.ID, l.Person, l.Unit, l.Ref, l.Status, l.RawStatus, l.MoveIn, l.MoveOut, l.LeaseStart, l.LeaseEnd,
			l.MoveInTime, l.MoveOutTime, l.Notice, l.MonthToMonth, l.Missing, l.MissingIn, l.PastSeen}
	}}

// diff is what has to be written to one table. Rows hold stored values, secrets still in clear.
type diff struct {
	name    string
	columns []string
	secrets []string
	rows    [][]any
	gone    []any
	twice   string // an id that is named twice
}

func compare[T any](tab table[T], was, now []T) diff {
	d := diff{name: tab.name, columns: strings.Split(tab.columns, ", "), secrets: tab.secrets}
	old := make(map[any][]any, len(was))
	for _, v := range was {
		row := values(tab.row(v))
		old[row[0]] = row
	}
	seen := make(map[any]bool, len(now))
	for _, v := range now {
		row := values(tab.row(v))
		id := row[0]
		if seen[id] {
			d.twice, _ = id.(string)
		}
		seen[id] = true
		if !slices.Equal(old[id], row) { // strings and numbers only
			d.rows = append(d.rows, row)
		}
	}
	for id := range old {
		if !seen[id] {
			d.gone = append(d.gone, id)
		}
	}
	return d
}

func (t *Tx) put(ctx context.Context, property access.PropertyID, d diff) error {
	set := make([]string, len(d.columns)-1)
	for i, c := range d.columns[1:] {
		set[i] = c + " = excluded." + c
	}
	first := len(d.columns) - len(d.secrets)
	rows := make([][]any, len(d.rows))
	for i, row := range d.rows {
		id, _ := row[0].(string)
		for j, column := range d.secrets {
			clear, _ := row[first+j].(string)
			row[first+j] = t.sealer.secret(clear, d.name, string(property), id, column)
		}
		rows[i] = append([]any{property}, row...)
	}
	return t.bulk(ctx, `INSERT INTO `+d.name+` (property, `+strings.Join(d.columns, ", ")+`)`,
		`ON CONFLICT (property, id) DO UPDATE SET `+strings.Join(set, ", "), rows)
}

func (t *Tx) remove(ctx context.Context, property access.PropertyID, d diff) error {
	for part := range slices.Chunk(d.gone, bulkArgs/2) {
		err := t.exec(ctx, `DELETE FROM `+d.name+` WHERE id IN `+tuples(1, len(part))+` AND property = `+placeholder(len(part)+1),
			append(slices.Clone(part), property)...)
		if err != nil {
			return err
		}
	}
	return nil
}
