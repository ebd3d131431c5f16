package people

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// town is a property under test with its export and its clock.
type town struct {
	testing.TB
	roster model.Roster
	snap   pms.Snapshot
	src    Source
	now    time.Time
	made   int // ids so far
	last   Result
}

func newTown(t testing.TB) *town {
	return &town{
		TB: t, now: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC), src: Source{Origin: model.OtherCSV},
		roster: model.Roster{Property: model.Property{
			Property: access.Property{ID: "elm", Name: "Elm Court", Zone: "America/New_York"}, Settings: model.DefaultSettings(),
		}},
		snap: pms.Snapshot{OK: true, Complete: true, Evidence: []string{"footer: all rows"}, Properties: []pms.Property{{Ref: "ELM", Name: "ELM"}}},
	}
}

// resident is one line of an export; change may be nil.
func (w *town) resident(ref, unit string, status pms.Status, change func(*pms.Person, *pms.Lease)) {
	w.Helper()
	p := pms.Person{Ref: ref, Lease: "L" + ref, Property: "ELM", Unit: unit, First: "Ada", Last: "No" + ref,
		Email: ref + "@example.com", EmailClass: pms.EmailOK, Type: pms.TypeResident, RawType: "Resident"}
	l := pms.Lease{Ref: "L" + ref, Property: "ELM", Unit: unit, Stay: pms.Stay{Status: status, RawStatus: string(status), MoveIn: w.date("2025-01-01")}}
	if change != nil {
		change(&p, &l)
	}
	if !slices.ContainsFunc(w.snap.Units, func(u pms.Unit) bool { return u.Ref == l.Unit }) && l.Unit != "" {
		w.snap.Units = append(w.snap.Units, pms.Unit{Ref: l.Unit, Property: "ELM", Name: l.Unit})
	}
	w.snap.People = append(w.snap.People, p)
	w.snap.Leases = append(w.snap.Leases, l)
}

// residents adds n current ones, "1" to n.
func (w *town) residents(n int) {
	for i := range n {
		w.resident(fmt.Sprint(i+1), fmt.Sprint(100+i), pms.Current, nil)
	}
}

func (w *town) date(s string) pms.Date {
	w.Helper()
	d, _, err := pms.ReadDate(s)
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// leave takes lines out of the export.
func (w *town) leave(refs ...string) {
	w.snap.People = slices.DeleteFunc(slices.Clone(w.snap.People), func(p pms.Person) bool { return slices.Contains(refs, p.Ref) })
	w.snap.Leases = slices.DeleteFunc(slices.Clone(w.snap.Leases), func(l pms.Lease) bool { return slices.Contains(refs, l.Ref[1:]) })
}

// edit changes one line of the export.
func (w *town) edit(ref string, change func(*pms.Person, *pms.Lease)) {
	w.Helper()
	i := slices.IndexFunc(w.snap.People, func(p pms.Person) bool { return p.Ref == ref })
	j := slices.IndexFunc(w.snap.Leases, func(l pms.Lease) bool { return l.Ref == w.snap.People[i].Lease })
	change(&w.snap.People[i], &w.snap.Leases[j])
}

func (w *town) past(refs ...string) {
	for _, ref := range refs {
		w.edit(ref, func(_ *pms.Person, l *pms.Lease) { l.Status, l.RawStatus = pms.Past, "Past" })
	}
}

// sync merges the export an hour after the last time.
func (w *town) sync() Result {
	w.Helper()
	w.now = w.now.Add(time.Hour)
	return w.again()
}

// again merges it at the same moment.
func (w *town) again() Result {
	w.Helper()
	r, err := Merge(w.roster, w.snap, w.src, w.now, w.newID)
	if err != nil {
		w.Fatal(err)
	}
	w.roster, w.last = r.Roster, r
	return r
}

func (w *town) newID(kind string) string {
	w.made++
	return fmt.Sprintf("%c%d", kind[0], w.made)
}

func (w *town) person(ref string) model.Person {
	w.Helper()
	i := slices.IndexFunc(w.roster.People, func(p model.Person) bool { return p.Ref == ref })
	if i < 0 {
		w.Fatalf("nobody has ref %q", ref)
	}
	return w.roster.People[i]
}

func (w *town) lease(ref string) model.Lease {
	w.Helper()
	i := slices.IndexFunc(w.roster.Leases, func(l model.Lease) bool { return l.Ref == ref })
	if i < 0 {
		w.Fatalf("no lease %q", ref)
	}
	return w.roster.Leases[i]
}

// living lists the refs of leases that are not past.
func (w *town) living() []string {
	var out []string
	for _, l := range w.roster.Leases {
		if l.Status == "current" || l.Status == "future" {
			out = append(out, l.Ref)
		}
	}
	slices.Sort(out)
	return out
}

func (w *town) wantConflict(kind, subject, text string) {
	w.Helper()
	for _, c := range w.last.Conflicts {
		if c.Kind == kind && c.Subject == subject {
			if !strings.Contains(c.Text, text) || c.Remedy == "" || c.Property != "elm" || c.FoundBy != model.FoundByPeople {
				w.Errorf("conflict %+v: want %q in its text", c, text)
			}
			return
		}
	}
	w.Errorf("no conflict %s about %q in %+v", kind, subject, w.last.Conflicts)
}

func (w *town) kinds() []string {
	var out []string
	for _, c := range w.last.Conflicts {
		out = append(out, c.Kind)
	}
	return out
}

func (w *town) wantKinds(kinds ...string) {
	w.Helper()
	if d := cmp.Diff(kinds, w.kinds()); d != "" {
		w.Errorf("conflicts (-want +got):\n%s%+v", d, w.last.Conflicts)
	}
}

func (w *town) wantChange(op Op, text string) {
	w.Helper()
	for _, c := range w.last.Changes {
		if c.Op == op && strings.Contains(c.Text, text) {
			return
		}
	}
	w.Errorf("no change %s with %q in %+v", op, text, w.last.Changes)
}

// sameRoster compares with secrets, which go-cmp cannot see.
func sameRoster(a, b model.Roster) string {
	opt := cmp.Comparer(func(x, y access.Secret) bool { return x.Equal(y) })
	return cmp.Diff(a, b, opt)
}
