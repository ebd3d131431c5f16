package akuvox

import (
	"cmp"
	"maps"
	"strings"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// Fields of a user (§2.3).
const (
	fieldID       = "ID"
	fieldRef      = "UserID"
	fieldRefTwin  = "UserId" // instead, on some firmware
	fieldName     = "Name"
	fieldPIN      = "PrivatePIN"
	fieldCards    = "CardCode"
	fieldSchedule = "ScheduleRelay"
	fieldTwin     = "Schedule-Relay" // E18 wants it too, others ignore it
	fieldBare     = "Schedule"       // X915S on reading; refused in an add
	fieldWebRelay = "WebRelay"
	fieldLift     = "LiftFloorNum"
	fieldOrigin   = "SourceType"
)

func (r row) ref() model.Ref { return model.Ref(r.get(fieldRef)) }

func (r row) pairs() string { return r.get(fieldSchedule, fieldTwin, fieldBare) }

// foreign says that another system owns the row: 2 cloud, 3 ACMS, 4 SDMC (§2.3).
func (r row) foreign() bool {
	switch strings.ToLower(r.get(fieldOrigin)) {
	case "2", "3", "4", "cloud", "acms", "sdmc":
		return true
	}
	return false
}

// record is the row in the house's words; h says whose hours the numbers of its schedules are.
func (r row) record(h hours) model.Record {
	rec := model.Record{Ref: r.ref(), Native: r.get(fieldID), Name: r.get(fieldName), ReadOnly: r.foreign()}
	rec.Relays, rec.Schedules = accessOf(r.pairs(), h)
	if pin := r.get(fieldPIN); pin != "" {
		rec.PIN = access.NewSecret(pin)
	}
	for _, c := range split(r.get(fieldCards)) {
		rec.Cards = append(rec.Cards, access.NewSecret(strings.ToUpper(c)))
	}
	return rec
}

func records(rows []row, h hours) []model.Record {
	out := make([]model.Record, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.record(h))
	}
	return out
}

// fresh is the item that adds rec: nothing beyond what the vendor requires, because some units
// refuse more (§2.3). k says how this unit writes lists.
func fresh(rec model.Record, k known) map[string]string {
	it := map[string]string{fieldWebRelay: "0", fieldLift: "0"}
	overlay(it, rec, k)
	return withoutBlanks(it)
}

// changed is the item that makes old into rec: the whole row, because what a set does not carry is
// lost (§2.3), with the fields we do not know as the unit showed them.
func changed(old row, rec model.Record, k known) map[string]string {
	it := carried(old)
	if it[fieldWebRelay] == "" {
		it[fieldWebRelay] = "0"
	}
	if it[fieldLift] == "" {
		it[fieldLift] = "0"
	}
	k.tail = tailOf(old.pairs())
	overlay(it, rec, k)
	for _, f := range []string{fieldPIN, fieldCards} {
		if it[f] == "" && old.get(f) == "" {
			delete(it, f) // nothing there, nothing to clear
		}
	}
	return it
}

// replacement is the item that adds changed(old) anew under another ID, after old is gone.
func replacement(it map[string]string) map[string]string {
	out := maps.Clone(it)
	for k, v := range it {
		switch {
		case strings.EqualFold(k, fieldID), strings.HasPrefix(k, "Face"), v == "":
			delete(out, k) // a face is not taken in an add (§2.3)
		}
	}
	return out
}

// overlay writes rec's own fields over it, under the one spelling that every unit takes in a write.
func overlay(it map[string]string, rec model.Record, k known) {
	cards := make([]string, len(rec.Cards))
	for i, c := range rec.Cards {
		cards[i] = strings.ToUpper(c.Reveal())
	}
	sep := k.cards
	if sep == "" {
		sep = ";"
	}
	pairs := pairsFor(k.hours.numbers(rec.Schedules), rec.Relays, cmp.Or(k.tail, k.sep, ","), k.tail)
	it[fieldRef], it[fieldName] = string(rec.Ref), rec.Name
	if k.refTwin {
		it[fieldRefTwin] = string(rec.Ref)
	}
	it[fieldPIN], it[fieldCards] = rec.PIN.Reveal(), strings.Join(cards, sep)
	it[fieldSchedule], it[fieldTwin] = pairs, pairs
}

// carried is a row as it may be sent back: scalars as strings (§2), without what only the unit may
// say and what it refuses (§2.3).
func carried(old row) map[string]string {
	it := map[string]string{}
	for k, v := range old {
		if len(v) > 0 && v[0] != '{' && v[0] != '[' && string(v) != "null" {
			it[k] = text(v)
		}
	}
	for _, k := range []string{fieldOrigin, "Source", fieldBare} {
		delete(it, k)
	}
	if it["Group"] == "Default" {
		delete(it, "Group")
	}
	for _, f := range []string{fieldID, fieldName, fieldPIN, fieldCards} {
		respell(it, f)
	}
	return it
}

// respell leaves one spelling of a field, the one that writes use.
func respell(it map[string]string, name string) {
	for k, v := range it {
		if k != name && strings.EqualFold(k, name) {
			delete(it, k)
			it[name] = v
		}
	}
}
