package plan

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// Double is why a second row of one person goes.
const Double = "a double of the same person"

// drift lists what on the device is not as this gateway wrote it. A row that merely waits for a
// change that the wanted state asks for is none.
func (m *maker) drift() []access.Drift {
	var out []access.Drift
	seen := map[model.Ref]bool{}
	for _, r := range m.in.Observed.Records {
		mine := r.Ref.Ours() && !r.ReadOnly
		if kind, what := m.astrayRow(r, mine, seen[r.Ref]); what != "" {
			out = append(out, m.driftOf(kind, r, what))
		}
		if mine {
			seen[r.Ref] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.in.Ledger)) {
		e := m.in.Ledger[id]
		if (e.State == access.Settled || e.State == access.Written) && !seen[model.RefOf(id)] {
			out = append(out, m.driftOf(access.DriftMissing, model.Record{Ref: model.RefOf(id), Native: e.Native}, "the row that this gateway wrote is gone"))
		}
	}
	return out
}

func (m *maker) driftOf(kind access.DriftKind, r model.Record, what string) access.Drift {
	return access.Drift{Kind: kind, Person: claimed(r), Native: r.Native, Name: r.Name, What: what, First: m.in.Now, Last: m.in.Now, Entry: Entry(m.in.Print, r)}
}

// Entry names a row as it stands (access.Drift.Entry): which one, a dash, and a fingerprint of what it
// shows.
func Entry(pr Printer, r model.Record) string {
	return short(pr.Print("row\x00"+cmp.Or(r.Native, string(r.Ref)))) + "-" + short(PrintRecord(pr, r))
}

// SameRow says whether two entries name the same row, whatever it shows.
func SameRow(a, b string) bool {
	x, _, _ := strings.Cut(a, "-")
	y, _, _ := strings.Cut(b, "-")
	return x == y
}

// short makes eight characters of a fingerprint, for people to type.
func short(print string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(print)) // a hash never fails
	return strconv.FormatUint(1<<32|uint64(h.Sum32()), 16)[1:]
}

// claimed is whose row it is by its reference.
func claimed(r model.Record) access.PersonID {
	if !r.Ref.Ours() {
		return ""
	}
	return access.PersonID(r.Ref[len(model.RefPrefix):])
}

// astrayRow says in words how a row is not as it should be, "" when it is.
func (m *maker) astrayRow(r model.Record, mine, again bool) (access.DriftKind, string) {
	entry, ours := m.in.Ledger[claimed(r)]
	w := m.wanted[claimed(r)]
	wanted := w != nil && w.Open
	switch {
	case r.ReadOnly:
		return access.DriftStranger, "the vendor's cloud keeps this row"
	case !mine:
		return access.DriftStranger, "not written by this gateway"
	case again && (ours || wanted):
		return access.DriftEdit, Double
	case !ours && w != nil && w.Unknown:
		return "", "" // what cannot be read says nothing
	case !ours && !wanted:
		return access.DriftGhost, "it carries a reference of ours, but no record of ours and nobody who should have it"
	case !ours:
		return access.DriftEdit, differs(w.Record, r)
	case entry.State != access.Settled || entry.Print == "":
		return "", "" // about to be written or taken away
	}
	written := wanted && PrintRecord(m.in.Print, w.Record) == entry.Print
	switch {
	case written:
		return access.DriftEdit, differs(w.Record, r)
	case r.Hidden || r.Unproven || PrintRecord(m.in.Print, r) == entry.Print:
		return "", ""
	}
	return access.DriftEdit, "it is not as this gateway wrote it"
}

// differs says which parts of a row are not as wanted, without their contents; "" none.
func differs(want, have model.Record) string {
	have = shown(want, have)
	var parts []string
	for _, p := range []struct {
		name string
		set  func(*model.Record)
	}{
		{"the name", func(r *model.Record) { r.Name = want.Name }},
		{"the PIN", func(r *model.Record) { r.PIN = want.PIN }},
		{"the cards", func(r *model.Record) { r.Cards = want.Cards }},
		{"the doors", func(r *model.Record) { r.Relays = want.Relays }},
		{"the unit", func(r *model.Record) { r.Unit, r.Apartment = want.Unit, want.Apartment }},
		{"the e-mail", func(r *model.Record) { r.Email = want.Email }},
		{"the phone", func(r *model.Record) { r.Phone = want.Phone }},
		{"the hours", func(r *model.Record) { r.Schedules = want.Schedules }},
	} {
		mended := have
		p.set(&mended)
		if mended.Same(have) { // this part is as wanted
			continue
		}
		parts = append(parts, p.name)
	}
	if len(parts) == 0 {
		return ""
	}
	verb := cmp.Or(map[int]string{1: " differs"}[len(parts)], " differ")
	if len(parts) == 1 && strings.HasSuffix(parts[0], "s") {
		verb = " differ"
	}
	last := len(parts) - 1
	return strings.TrimPrefix(strings.Join(parts[:last], ", ")+" and "+parts[last], " and ") + verb
}
