package cloud

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms/csv"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// mixed has everything that the first import must get right: a household, a future move-in, a
// move-out with its date, a past lease, a guarantor, a bad PIN and two equal ones.
func mixed() []csv.Row {
	return []csv.Row{
		resident(1),
		with(resident(2), "unit", "101", "lease_id", "L1", "type", "Occupant"),
		with(resident(3), "status", "Future", "move_in", "2027-03-10", "lease_start", "2027-03-10"),
		with(resident(4), "status", "Notice", "move_out", "2027-03-05"),
		with(resident(5), "status", "Past", "move_out", "2027-02-01"),
		with(resident(6), "unit", "101", "lease_id", "L1", "type", "Guarantor"),
		with(resident(7), "pin", "91111"),
		with(resident(8), "pin", pin(1)),
	}
}

func TestE2_S6_S7_AnExportBecomesPeopleLeasesRunsConflictsAndARevision(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	gw := enrol(t, c, "maples").ID
	report := load(t, c, export(t, mixed()...))
	if !report.OK || !report.Complete || report.People != 8 || report.Gateways != 1 || report.Held != "" {
		t.Errorf("report: %+v", report)
	}
	roster, err := c.store.Roster(t.Context(), "maples")
	if err != nil {
		t.Fatal(err)
	}
	if len(roster.Units) != 6 || report.Added != len(roster.People) {
		t.Errorf("%d units, %d people, %d told as added", len(roster.Units), len(roster.People), report.Added)
	}
	w := wants(t, c, gw)
	for _, who := range []string{called(1), called(2), called(3), called(4)} {
		if !slices.Contains(w.names, who) {
			t.Errorf("%s has no grant; there are %v", who, w.names)
		}
	}
	for _, who := range []string{called(5), called(6)} {
		if slices.Contains(w.names, who) {
			t.Errorf("%s has a grant", who)
		}
	}
	if got, want := w.grants[called(3)].From, time.Date(2027, 3, 10, 20, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the future resident's grant begins %s, want 15:00 in New York, %s", got, want)
	}
	if got, want := w.grants[called(4)].Until, time.Date(2027, 3, 5, 16, 0, 0, 0, time.UTC); !got.Equal(want) || w.grants[called(4)].Ends != access.EndMoveOut {
		t.Errorf("the leaving resident's grant ends %s (%s), want 11:00 in New York, %s", got, w.grants[called(4)].Ends, want)
	}
	if slices.Contains(w.pins, "91111") || len(slices.Compact(slices.Clone(w.pins))) != len(w.pins) {
		t.Errorf("PINs that must not be used are wanted: %d of them", len(w.pins))
	}
	last := runs(t, c)[0]
	want := store.Run{
		ID: last.ID, Property: "maples", Source: "csv residents.csv", Started: noon(), Finished: noon(), Complete: true, Evidence: report.Evidence,
		People: 8, Units: report.Units, Leases: report.Leases, Skipped: len(report.Skipped), Added: report.Added,
	}
	if d := cmp.Diff(want, last); d != "" {
		t.Errorf("run (-want +got):\n%s", d)
	}
	open := conflicts(t, c)
	for _, kind := range []string{"bad_pin", "duplicate_pin"} {
		if o, ok := open[kind]; !ok || o.Text == "" || o.Remedy == "" {
			t.Errorf("conflict %s: %+v; open are %v", kind, o, open)
		}
	}
	if len(report.Conflicts) != len(open) {
		t.Errorf("the report names %d conflicts, open are %d", len(report.Conflicts), len(open))
	}
}

func TestE2_TheSameFileAgainChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	now := noon()
	r.now = func() time.Time { return now }
	c := r.open()
	gw := enrol(t, c, "maples").ID
	text := export(t, mixed()...)
	load(t, c, text)
	before, open := wants(t, c, gw), conflicts(t, c)
	changes, err := c.store.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	report := load(t, c, text)
	if report.Added+report.Changed+report.Ended+report.Gateways != 0 {
		t.Errorf("the second time: %+v", report)
	}
	again, err := c.store.Changes(t.Context())
	if err != nil || again != changes {
		t.Errorf("changes went from %d to %d: %v", changes, again, err)
	}
	if after := wants(t, c, gw); after.Position != before.Position {
		t.Errorf("position went from %v to %v", before.Position, after.Position)
	}
	after := conflicts(t, c)
	if len(after) != len(open) {
		t.Errorf("%d conflicts were open, now %d", len(open), len(after))
	}
	for kind, o := range after {
		if !o.FirstSeen.Equal(noon()) {
			t.Errorf("conflict %s is first seen %s, want at the first import", kind, o.FirstSeen)
		}
	}
	if n := len(runs(t, c)); n != 2 {
		t.Errorf("%d runs are kept, want both", n)
	}
}

// TestG3_ACutFileRemovesNobody cuts the second of two exports at many places, among them the end of
// a line, the middle of one, and just before the footer.
func TestG3_ACutFileRemovesNobody(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	text := export(t, residents(10)...)
	load(t, c, text)
	before := wants(t, c, gw)
	lines := strings.SplitAfter(text, "\n")
	cuts := []int{len(lines[0]), len(lines[0]) + 1, len(text) / 4, len(strings.Join(lines[:4], "")), len(text) / 2, strings.Index(text, "#end"), strings.Index(text, "#end") + 6, len(text) - 20}
	for _, at := range cuts {
		report := load(t, c, text[:at])
		if report.Complete || report.Ended != 0 || len(report.Evidence) == 0 {
			t.Errorf("cut at %d: %+v", at, report)
		}
		if last := runs(t, c)[0]; last.Complete || last.Removed != 0 || !strings.Contains(strings.Join(last.Evidence, " "), "TRUNCATED") {
			t.Errorf("cut at %d: the run says %+v", at, last)
		}
		if o := conflicts(t, c)["incomplete_export"]; !strings.Contains(o.Text, "TRUNCATED") || o.Remedy == "" {
			t.Errorf("cut at %d: the conflict says %q", at, o.Text)
		}
		if d := cmp.Diff(before.names, wants(t, c, gw).names); d != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", at, d)
		}
	}
	load(t, c, text)
	if open := conflicts(t, c); len(open) != 0 {
		t.Errorf("after a whole export these are still open: %v", open)
	}
	if got := wants(t, c, gw).Position; got != before.Position {
		t.Errorf("position went from %v to %v", before.Position, got)
	}
}

func TestS7_AnExplicitPastActsInACutFile(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	rows := residents(10)
	load(t, c, export(t, rows...))
	rows[1] = with(rows[1], "status", "Past")
	text := export(t, rows...)
	report := load(t, c, text[:len(text)/2])
	if report.Complete || report.Ended != 1 {
		t.Errorf("report: %+v", report)
	}
	if names := wants(t, c, gw).names; slices.Contains(names, called(2)) || len(names) != 9 {
		t.Errorf("wanted are %v", names)
	}
}

func TestAbsenceCountsWhenTwoDifferentCompleteExportsAgree(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	rows := residents(10)
	load(t, c, export(t, rows...))
	less := export(t, rows[1:]...)
	load(t, c, less)
	load(t, c, less) // the same file proves nothing new
	if names := wants(t, c, gw).names; len(names) != 10 {
		t.Fatalf("after one export without them: %v", names)
	}
	if o := conflicts(t, c)["missing"]; !strings.Contains(o.Text, called(1)) {
		t.Errorf("nobody is told missing: %+v", o)
	}
	rows[5] = with(rows[5], "email", "new@example.com")
	if report := load(t, c, export(t, rows[1:]...)); report.Ended != 1 {
		t.Errorf("report: %+v", report)
	}
	if names := wants(t, c, gw).names; slices.Contains(names, called(1)) || len(names) != 9 {
		t.Errorf("after two: %v", names)
	}
}

func TestG3_TheBrakeHoldsAMassChange(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	rows := residents(30)
	load(t, c, export(t, rows...))
	before := wants(t, c, gw)
	for i := range 12 {
		rows[i] = with(rows[i], "status", "Past")
	}
	rows[20] = with(rows[20], "last", "Renamed") // the rest of the export is taken over
	report := load(t, c, export(t, rows...))
	if !strings.Contains(report.Held, "12 of 30") || report.Ended != 0 {
		t.Errorf("report: %+v", report)
	}
	if d := cmp.Diff(before.names, wants(t, c, gw).names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if last := runs(t, c)[0]; last.Held != report.Held || last.Removed != 0 || last.Changed == 0 {
		t.Errorf("the run says %+v", last)
	}
	if o := conflicts(t, c)["held"]; o.Text != report.Held || o.Remedy == "" {
		t.Errorf("the conflict says %+v", o)
	}
	view, err := reader{c}.Property(t.Context(), "maples")
	if err != nil || view.Overview.Applied == nil || view.Overview.Applied.Held != "" {
		t.Errorf("a held run counts as applied: %+v, %v", view.Overview.Applied, err)
	}
}

// TestG3_AnEmptyExportRemovesNobody: a whole and valid file of nobody is still no proof.
func TestG3_AnEmptyExportRemovesNobody(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	load(t, c, export(t, residents(3)...))
	for range 3 {
		if report := load(t, c, export(t)); report.Complete || report.Ended != 0 {
			t.Errorf("report: %+v", report)
		}
	}
	if names := wants(t, c, gw).names; len(names) != 3 {
		t.Errorf("wanted are %v", names)
	}
}

func TestAnUnreadableFileChangesNothingAndIsKeptInTheHistory(t *testing.T) {
	t.Parallel()
	good := export(t, residents(5)...)
	for name, bad := range map[string]string{
		"columns":  strings.Replace(good, "move_in,", "moved_in,", 1),
		"encoding": strings.Replace(good, called(3), "Fran\xe7oise\xff\xfe", 1),
		"zone":     export(t, with(resident(1), "zone", "Mars/Olympus")),
		"header":   strings.SplitN(good, "\n", 2)[1],
		"empty":    "",
		"binary":   "PK\x03\x04\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newRig(t, maples).open()
			gw := enrol(t, c, "maples").ID
			load(t, c, good)
			before := wants(t, c, gw)
			_, err := c.Import(t.Context(), "maples", "csv", "bad.csv", strings.NewReader(bad))
			wantFault(t, err, fault.Invalid)
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), pin(1)) {
				t.Errorf("the error is %q", err)
			}
			if d := cmp.Diff(before.names, wants(t, c, gw).names); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if after := wants(t, c, gw); after.Position != before.Position {
				t.Errorf("position went from %v to %v", before.Position, after.Position)
			}
			last := runs(t, c)[0]
			if last.Source != "csv bad.csv" || last.Complete || len(last.Evidence) == 0 || !strings.Contains(last.Evidence[0], "could not be read") {
				t.Errorf("the run says %+v", last)
			}
			if o := conflicts(t, c)["incomplete_export"]; !strings.Contains(o.Text, "could not be read") {
				t.Errorf("the conflict says %+v", o)
			}
			load(t, c, good)
			if open := conflicts(t, c); len(open) != 0 {
				t.Errorf("after a good file these are still open: %v", open)
			}
		})
	}
}

// TestALineWithABadDateIsLeftOutAndProvesNothing: one person's slip holds nobody else up.
func TestALineWithABadDateIsLeftOutAndProvesNothing(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	rows := residents(5)
	load(t, c, export(t, rows...))
	rows[0] = with(rows[0], "move_out", "31/02/2027")
	rows[1] = with(rows[1], "status", "Past")
	report := load(t, c, export(t, rows...))
	if report.Complete || report.Ended != 1 || len(report.Skipped) == 0 || !strings.Contains(report.Skipped[0].Reason, "31/02/2027") {
		t.Errorf("report: %+v", report)
	}
	if names := wants(t, c, gw).names; !slices.Equal(names, []string{called(1), called(3), called(4), called(5)}) {
		t.Errorf("wanted are %v", names)
	}
}

func TestOurOwnSlipIsNoRunOfTheSource(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	_, err := c.Import(t.Context(), "oaks", "csv", "x.csv", strings.NewReader(""))
	wantFault(t, err, fault.Invalid, `"oaks" is not in the configuration`, "[[property]]")
	_, err = c.Import(t.Context(), "maples", "xlsx", "x.xlsx", strings.NewReader(""))
	wantFault(t, err, fault.Invalid, `"xlsx" is not known`, "csv")
	if all := runs(t, c); len(all) != 0 {
		t.Errorf("runs: %+v", all)
	}
	if open := conflicts(t, c); len(open) != 0 {
		t.Errorf("conflicts: %+v", open)
	}
}

// TestA7_SettingsInTheConfigurationDecideAnew: without any new export.
func TestA7_SettingsInTheConfigurationDecideAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	gw := enrol(t, c, "maples").ID
	load(t, c, export(t, mixed()...))
	before := wants(t, c, gw)
	r.configure(strings.Replace(maples, `name = "The Maples"`, "name = \"The Maples\"\nmove_in_time = \"09:30\"\nend = [\"move_out\", \"lease_end\"]", 1))
	after := wants(t, r.open(), gw)
	if after.Revision != before.Revision+1 {
		t.Errorf("revision went from %d to %d", before.Revision, after.Revision)
	}
	if got, want := after.grants[called(3)].From, time.Date(2027, 3, 10, 14, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the future resident's grant begins %s, want 09:30 in New York, %s", got, want)
	}
	if g := after.grants[called(1)]; g.Ends != access.EndLeaseEnd || g.Until.Format(time.DateOnly) != "2027-04-30" {
		t.Errorf("a lease end was chosen and the grant ends %s (%s)", g.Until, g.Ends)
	}
	if again := wants(t, r.open(), gw); again.Position != after.Position {
		t.Errorf("opened again, the position went from %v to %v", after.Position, again.Position)
	}
	r.configure(strings.ReplaceAll(strings.ReplaceAll(maples, "garage", "pool"), "Garage", "Pool"))
	u, err := r.open().store.Snapshot(t.Context(), gw)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range u.Put {
		if it.Kind == access.KindDoor && it.ID == "garage" {
			t.Error("a door that the configuration does not name any more is still wanted")
		}
	}
}

// TestDecideLetsGoOfPeopleLongGone: time alone takes past people off the gateways, and the
// conflicts that an import found stay open.
func TestDecideLetsGoOfPeopleLongGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	now := noon()
	r.now = func() time.Time { return now }
	c := r.open()
	gw := enrol(t, c, "maples").ID
	rows := mixed()
	load(t, c, export(t, rows...))
	text := export(t, rows...)
	load(t, c, text[:len(text)-30])
	open := conflicts(t, c)
	now = now.AddDate(1, 0, 0)
	if err := c.Decide(t.Context(), "maples"); err != nil {
		t.Fatal(err)
	}
	if names := wants(t, c, gw).names; slices.Contains(names, called(4)) {
		t.Errorf("a year after the move-out %v are wanted", names)
	}
	if _, ok := conflicts(t, c)["incomplete_export"]; !ok || len(open) == 0 {
		t.Errorf("open were %v, are %v", open, conflicts(t, c))
	}
	wantFault(t, c.Decide(t.Context(), "oaks"), fault.Invalid, "oaks")
}
