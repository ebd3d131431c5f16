package cloud

import (
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/access/fault"
)

const why = "block C is empty since  Monday"

// TestTowardsG3_AHeldExportIsReleased: with a reason, once, and kept in the history.
func TestTowardsG3_AHeldExportIsReleased(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	gw := enrol(t, c, "maples").ID
	rows := residents(30)
	load(t, c, export(t, rows...))
	released := func(text, reason string) (SyncReport, error) {
		return c.ImportReleased(t.Context(), "maples", "csv", "residents.csv", reason, strings.NewReader(text))
	}
	_, err := released(export(t, rows...), why)
	wantFault(t, err, fault.Conflict, "none of its runs is held")
	for i := range 12 {
		rows[i] = with(rows[i], "status", "Past")
	}
	if report := load(t, c, export(t, rows...)); report.Held == "" {
		t.Fatalf("not held: %+v", report)
	}
	if o := conflicts(t, c)["held"]; !strings.Contains(o.Remedy, "gatehouse-cloud release --property maples --reason") {
		t.Errorf("the remedy does not name the command: %q", o.Remedy)
	}
	_, err = c.Release(t.Context(), "maples", why)
	wantFault(t, err, fault.Unsupported, "no live source", "import --property maples --file FILE --release")
	for _, reason := range []string{" ", strings.Repeat("x", longestReason+1)} {
		_, err = released(export(t, rows...), reason)
		wantFault(t, err, fault.Invalid, "the reason has", "--reason")
	}
	report, err := released(export(t, rows...), why)
	if err != nil || report.Held != "" || report.Ended != 12 {
		t.Errorf("released: %+v, %v", report, err)
	}
	if n := len(wants(t, c, gw).names); n != 18 {
		t.Errorf("%d people have access, want 18", n)
	}
	if run := runs(t, c)[0]; run.Source != "csv residents.csv, released: block C is empty since Monday" || run.Removed != 12 {
		t.Errorf("the history says %+v", run)
	}
	if _, open := conflicts(t, c)["held"]; open {
		t.Error("the question is still open")
	}
}

// TestTowardsG3_AHeldLiveSourceIsReleased: it is read again, and that one run passes.
func TestTowardsG3_AHeldLiveSourceIsReleased(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
		t.Fatal(err)
	}
	_, err := l.c.Release(t.Context(), "harbor", why)
	wantFault(t, err, fault.Conflict, "none of its runs is held")
	before := l.residents()
	for _, h := range rentmanagersim.Sample().Properties[0].Households {
		_, _ = l.pms.MoveOut(rentmanagersim.MoveOut{Tenant: h.ID}) // those who do not live there cannot
	}
	held, err := l.c.Sync(t.Context(), "harbor", "")
	if err != nil || held.Held == "" || l.residents() != before {
		t.Fatalf("not held: %q, %v, %d of %d residents", held.Held, err, l.residents(), before)
	}
	report, err := l.c.Release(t.Context(), "harbor", why)
	if err != nil || report.Held != "" {
		t.Errorf("released: held %q, %v", report.Held, err)
	}
	if run := l.lastRun(); run.Source != "rentmanager, released: block C is empty since Monday" || run.Held != "" {
		t.Errorf("the history says %+v", run)
	}
	_, err = l.c.Release(t.Context(), "elms", why)
	wantFault(t, err, fault.Invalid, "there are: harbor")
}
