package csv_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
)

// household is rows of one lease, each "id|status|move_in|move_out".
func household(rows ...string) []byte {
	out := head
	for _, r := range rows {
		v := strings.Split(r, "|")
		out += fmt.Sprintf("Elm House,12,%s,L1,%s,resident,Dana,Okafor%s,,,%s,%s,,,,\n", v[0], v[1], v[0], v[2], v[3])
	}
	return fmt.Appendf(nil, "%s#end,rows=%d\n", out, len(rows))
}

func TestRoommates_TheLeaseStandsWhereItsMostPresentPersonStands(t *testing.T) {
	t.Parallel()
	s := read(t, household("1|past|2024-01-01|2026-01-31", "2|current|2024-01-01|", "3|||"), csv.Options{})
	if len(s.Leases) != 1 || len(s.Units) != 1 || len(s.People) != 3 {
		t.Fatalf("%d leases, %d units, %d people", len(s.Leases), len(s.Units), len(s.People))
	}
	l := s.Leases[0]
	for i, want := range []pms.Status{pms.Past, pms.Current, pms.Current} {
		if got := l.StayOf(s.People[i]).Status; got != want {
			t.Errorf("person %d is %s, want %s", i, got, want)
		}
	}
	if l.MoveOut.String() != "" || l.StayOf(s.People[0]).MoveOut.String() != "2026-01-31" || s.People[1].Own != nil || s.People[2].Own != nil {
		t.Errorf("lease %+v, people %+v", l, s.People)
	}
	if len(s.Skipped) != 0 || !s.Complete {
		t.Errorf("skipped %+v, complete %v", s.Skipped, s.Complete)
	}
}

func TestRoommates_ALeaseThatNobodySpeaksFor(t *testing.T) {
	t.Parallel()
	s := read(t, household("1|||", "2|||"), csv.Options{})
	if s.Leases[0].Status != "" || len(s.Skipped) != 1 || s.Skipped[0].What != "status" || s.Skipped[0].Ref != "L1" {
		t.Errorf("lease %+v, skipped %+v; want one report that the status is unknown", s.Leases[0], s.Skipped)
	}
}

func TestRead_AnUnknownStatusIsNotAnEnd(t *testing.T) {
	t.Parallel()
	s := read(t, household("1|Vaporised|2024-01-01|"), csv.Options{})
	l := s.Leases[0]
	if l.Status != "" || l.RawStatus != "Vaporised" || !s.Complete || len(s.Skipped) != 1 || s.Skipped[0].Line != 2 {
		t.Errorf("lease %+v, complete %v, skipped %+v", l, s.Complete, s.Skipped)
	}
}

func TestRead_RepeatedLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second string
		want   pms.Status
		reason string
		line   int
	}{
		"the same again":             {"1|current|2024-01-01|", pms.Current, "repeats line 2", 3},
		"history after the present":  {"1|past|2022-01-01|2023-01-01", pms.Current, "line 2 counts", 3},
		"other values, equal status": {"1|current|2025-01-01|", pms.Current, "line 2 counts", 3},
	} {
		s := read(t, household("1|current|2024-01-01|", c.second), csv.Options{})
		if len(s.People) != 1 || s.Leases[0].Status != c.want || !s.Complete || len(s.Skipped) != 1 ||
			s.Skipped[0].Line != c.line || !strings.Contains(s.Skipped[0].Reason, c.reason) {
			t.Errorf("%s: %d people, %s, complete %v, skipped %+v", name, len(s.People), s.Leases[0].Status, s.Complete, s.Skipped)
		}
	}
	s := read(t, household("1|past|2022-01-01|2023-01-01", "1|current|2024-01-01|"), csv.Options{})
	if s.Leases[0].Status != pms.Current || s.Leases[0].MoveIn.String() != "2024-01-01" || s.Skipped[0].Line != 2 {
		t.Errorf("history before the present: %+v, skipped %+v", s.Leases[0], s.Skipped)
	}
}

func TestRead_OneLeaseHasOneUnit(t *testing.T) {
	t.Parallel()
	moved := strings.Replace(string(household("1|current|2024-01-01|", "2|current|2024-01-01|")), "Elm House,12,2", "Elm House,14,2", 1)
	s := read(t, []byte(moved), csv.Options{})
	if s.Complete || len(s.People) != 1 || !strings.Contains(s.Skipped[0].Reason, "one lease has one unit") {
		t.Errorf("complete %v, %d people, skipped %+v", s.Complete, len(s.People), s.Skipped)
	}
}

func TestRead_MoveOutBeforeMoveInIsTakenAndReported(t *testing.T) {
	t.Parallel()
	s := read(t, household("1|current|2026-03-02|2026-03-01"), csv.Options{})
	if !s.Complete || s.Leases[0].MoveOut.String() != "2026-03-01" || len(s.Skipped) != 1 || s.Skipped[0].What != "date" {
		t.Errorf("lease %+v, skipped %+v", s.Leases[0], s.Skipped)
	}
}

func TestL2_LinesThatStandForNobodyAreListed(t *testing.T) {
	t.Parallel()
	data := head + line("1", "current", "") +
		"Elm House,14,,,,,,,,,,,,,,\n" + // a vacant unit
		"Elm House,,5,L5,Applicant,applicant,Eve,Stone,,,,,,,,\n" + // no unit yet
		"#end,rows=3\n"
	s := read(t, []byte(data), csv.Options{})
	if !s.Complete || len(s.People) != 1 || len(s.Skipped) != 2 {
		t.Errorf("complete %v, %d people, skipped %+v", s.Complete, len(s.People), s.Skipped)
	}
}

func TestTowardsL11_EveryLineLeftOutHasItsNumberAndReason(t *testing.T) {
	t.Parallel()
	s := read(t, file(t, "badlines.csv"), csv.Options{})
	var lines []int
	for _, k := range s.Skipped {
		if k.Reason == "" || k.Ref == "" || k.What != "line" {
			t.Errorf("%+v does not say what and why", k)
		}
		lines = append(lines, k.Line)
	}
	if fmt.Sprint(lines) != "[3 4 5 6 7 8 9 10 11 12 13 14 15 16 17]" {
		t.Errorf("lines reported: %v", lines)
	}
}

func TestRead_UnknownYesOrNo(t *testing.T) {
	t.Parallel()
	data := strings.TrimSuffix(head, "\n") + ",primary,month_to_month\n" +
		strings.TrimSuffix(line("1", "current", ""), "\n") + ",yes,perhaps\n#end,rows=1\n"
	s := read(t, []byte(data), csv.Options{})
	if !s.People[0].Primary || s.Leases[0].MonthToMonth || len(s.Skipped) != 1 || s.Skipped[0].What != "month_to_month" {
		t.Errorf("%+v, skipped %+v", s.People[0], s.Skipped)
	}
}
