package cloud

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/protocol/access"
)

func elmResidents(n int) []csv.Row {
	var out []csv.Row
	for i := range n {
		out = append(out, with(resident(20+i), "property", "The Elms"))
	}
	return out
}

// TestAnotherPropertysExportIsNotTakenForThisOnes: the first import shows what the source calls the
// property; nobody has to configure it for the house to be safe.
func TestAnotherPropertysExportIsNotTakenForThisOnes(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples+elms)
	c := r.open()
	gw := enrol(t, c, "maples").ID
	text := export(t, residents(4)...)
	load(t, c, text)
	before := wants(t, c, gw)
	wrong := export(t, elmResidents(6)...)
	for _, c := range []*Cloud{c, r.open()} { // it is known also after a restart
		report := load(t, c, wrong)
		if report.Complete || report.Added+report.Ended+report.Gateways != 0 || !strings.Contains(strings.Join(report.Evidence, " "), "does not stand in it") {
			t.Errorf("report: %+v", report)
		}
		if got := wants(t, c, gw); got.Position != before.Position {
			t.Errorf("%v are wanted", got.names)
		}
	}
	if last := runs(t, c)[0]; last.Complete || last.Added != 0 {
		t.Errorf("the run says %+v", last)
	}
	if report := load(t, c, text); !report.Complete || report.Changed != 0 {
		t.Errorf("the right one again: %+v", report)
	}
}

// TestARenamedPropertyIsAMatterOfItsSetting: the remedy for a source that changed its own names.
func TestARenamedPropertyIsAMatterOfItsSetting(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	gw := enrol(t, c, "maples").ID
	load(t, c, export(t, residents(3)...))
	var renamed []csv.Row
	for _, row := range residents(4) {
		renamed = append(renamed, with(row, "property", "Maples II"))
	}
	if report := load(t, c, export(t, renamed...)); report.Added != 0 {
		t.Errorf("report: %+v", report)
	}
	r.configure(strings.Replace(maples, `name =`, "source = \"Maples II\"\nname =", 1))
	c = r.open()
	if report := load(t, c, export(t, renamed...)); !report.Complete || report.Added != 1 || report.Ended != 0 {
		t.Errorf("with the new name set: %+v", report)
	}
	if names := wants(t, c, gw).names; len(names) != 4 {
		t.Errorf("wanted are %v", names)
	}
}

func TestAFileOfSeveralPropertiesIsReadForOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	gw := enrol(t, c, "maples").ID
	both := export(t, slices.Concat(residents(3), elmResidents(2))...)
	_, err := c.Import(t.Context(), "maples", "csv", "both.csv", strings.NewReader(both))
	if err == nil || !strings.Contains(err.Error(), "2 properties") {
		t.Errorf("a file of two properties, and nobody said which: %v", err)
	}
	r.configure(strings.Replace(maples, `name =`, "source = \"The Maples\"\nname =", 1))
	c = r.open()
	if report := load(t, c, both); !report.Complete || report.Added != 3 {
		t.Errorf("report: %+v", report)
	}
	if names := wants(t, c, gw).names; len(names) != 3 {
		t.Errorf("wanted are %v", names)
	}
}

// TestImportsOfTwoProcessesQueueUp: two clouds on one database, importing and deciding at once. At
// the end everybody is there once, and no conflict that an import found was closed by the other.
func TestImportsOfTwoProcessesQueueUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	one, two := r.open(), r.open()
	gw := enrol(t, one, "maples").ID
	load(t, one, export(t, residents(1)...))
	var wg sync.WaitGroup
	for n := 2; n <= 6; n++ {
		wg.Go(func() {
			text := export(t, residents(n)...)
			if _, err := one.Import(t.Context(), "maples", "csv", "residents.csv", strings.NewReader(text[:len(text)-30])); err != nil {
				t.Errorf("Import: %v", err)
			}
		})
		wg.Go(func() {
			if err := two.Decide(t.Context(), "maples"); err != nil {
				t.Errorf("Decide: %v", err)
			}
		})
	}
	wg.Wait()
	if names := wants(t, two, gw).names; len(names) != 6 || len(slices.Compact(names)) != 6 {
		t.Errorf("wanted are %v", names)
	}
	if _, ok := conflicts(t, two)["incomplete_export"]; !ok {
		t.Error("the conflict that the imports found was closed by deciding")
	}
	if n := len(runs(t, two)); n != 6 {
		t.Errorf("%d runs are kept, want 6", n)
	}
	roster, err := two.store.Roster(t.Context(), "maples")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[access.PersonID]bool{}
	for _, p := range roster.People {
		if seen[p.ID] {
			t.Errorf("person %s twice", p.ID)
		}
		seen[p.ID] = true
	}
}
