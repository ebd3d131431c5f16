package csv_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/csv"
)

// resident draws one line of a property where every lease has one person.
func resident(t *rapid.T, id string) csv.Row {
	word := rapid.StringMatching(`[A-Za-zäé][A-Za-z ,;"'#\n-]{0,12}[a-zß]`)
	day := rapid.SampledFrom([]string{"", "2024-02-29", "2026-03-01", "2026-11-01", "2027-12-31"})
	return csv.Row{
		"property": "Elm House", "unit": "0" + id, "resident_id": id, "lease_id": "L" + id,
		"status": rapid.SampledFrom([]string{"Current", "Future", "Past", "Notice"}).Draw(t, "status"),
		"type":   rapid.SampledFrom([]string{"Primary", "Occupant"}).Draw(t, "type"),
		"first":  word.Draw(t, "first"), "last": word.Draw(t, "last"),
		"move_in": day.Draw(t, "move_in"), "move_out": day.Draw(t, "move_out"),
		"lease_start": day.Draw(t, "lease_start"), "lease_end": day.Draw(t, "lease_end"),
		"pin":           rapid.StringMatching(`[0-8][0-9]{1,7}`).Draw(t, "pin"),
		"card":          rapid.StringMatching(`[0-9A-F]{1,15}[A-F]`).Draw(t, "card"),
		"move_out_time": rapid.SampledFrom([]string{"", "00:00", "11:30"}).Draw(t, "time"),
	}
}

func residents(t *rapid.T) []csv.Row {
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[1-9][0-9]{0,3}`), 1, 15, rapid.ID[string]).Draw(t, "ids")
	out := make([]csv.Row, len(ids))
	for i, id := range ids {
		out[i] = resident(t, id)
	}
	return out
}

func sealed(t *rapid.T, rows []csv.Row) []byte {
	var out bytes.Buffer
	if err := csv.Seal(&out, rows...); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestWhatIsSealedIsRead: ids, dates, hours and secrets survive the trip whatever stands in the
// names beside them, and a file we wrote is complete.
func TestWhatIsSealedIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := residents(t)
		s, err := csv.Read(bytes.NewReader(sealed(t, rows)), csv.Options{})
		if err != nil || !s.Complete || len(s.People) != len(rows) || len(s.Leases) != len(rows) {
			t.Fatalf("%v, complete %v, %d people of %d, skipped %+v", err, s.Complete, len(s.People), len(rows), s.Skipped)
		}
		for i, r := range rows {
			p, l := s.People[i], s.Leases[i]
			got := csv.Row{"resident_id": p.Ref, "lease_id": l.Ref, "unit": l.Unit, "status": l.RawStatus, "type": p.RawType,
				"move_in": l.MoveIn.String(), "move_out": l.MoveOut.String(), "move_out_time": l.MoveOutTime.String(),
				"lease_start": l.LeaseStart.String(), "lease_end": l.LeaseEnd.String(),
				"pin": p.PIN.Secret.Reveal(), "card": p.Card.Secret.Reveal()}
			for k, v := range got {
				if p.PIN.Hold == "" && r[k] != v {
					t.Fatalf("%s of line %d: wrote %q, read %q", k, i+2, r[k], v)
				}
			}
		}
	})
}

// TestOrderOfLinesDoesNotMatter: exports come sorted by anything.
func TestOrderOfLinesDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := residents(t)
		shuffled := rapid.Permutation(rows).Draw(t, "order")
		a, errA := csv.Read(bytes.NewReader(sealed(t, rows)), csv.Options{})
		b, errB := csv.Read(bytes.NewReader(sealed(t, shuffled)), csv.Options{})
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		byRef := func(x, y pms.Person) int { return strings.Compare(x.Ref, y.Ref) }
		byLease := func(x, y pms.Lease) int { return strings.Compare(x.Ref, y.Ref) }
		slices.SortFunc(a.People, byRef)
		slices.SortFunc(b.People, byRef)
		slices.SortFunc(a.Leases, byLease)
		slices.SortFunc(b.Leases, byLease)
		if diff := cmp.Diff(a.Leases, b.Leases); diff != "" {
			t.Fatalf("leases -want +got:\n%s", diff)
		}
		if diff := cmp.Diff(a.People, b.People, cmp.AllowUnexported(pms.Held{}.Secret)); diff != "" {
			t.Fatalf("people -want +got:\n%s", diff)
		}
	})
}

// TestG3_ALostLineIsNeverComplete takes any one line out of any sealed file.
func TestG3_ALostLineIsNeverComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := sealed(t, residents(t))
		lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		left := bytes.Join(slices.Delete(lines, i, i+1), nil)
		if s, _ := csv.Read(bytes.NewReader(left), csv.Options{}); s.Complete {
			t.Fatalf("without line %d: complete, evidence %q", i+1, s.Evidence)
		}
	})
}

func TestRenewals_CountOnceForWhoLivesThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows []csv.Row
		want []pms.Status
	}{
		"the same person in the same unit": {[]csv.Row{lease("1", "L1", "101", "Current"), lease("1", "L2", "101", "Future Lease")},
			[]pms.Status{pms.Current, pms.Current}},
		"the renewal stands first": {[]csv.Row{lease("1", "L2", "101", "Future Lease"), lease("1", "L1", "101", "Current")},
			[]pms.Status{pms.Current, pms.Current}},
		"into another unit": {[]csv.Row{lease("1", "L1", "101", "Current"), lease("1", "L2", "102", "Future Lease")},
			[]pms.Status{pms.Current, pms.Future}},
		"another person": {[]csv.Row{lease("1", "L1", "101", "Current"), lease("2", "L2", "101", "Future Lease")},
			[]pms.Status{pms.Current, pms.Future}},
		"a plain future lease beside it": {[]csv.Row{lease("1", "L1", "101", "Current"), lease("1", "L2", "101", "Future")},
			[]pms.Status{pms.Current, pms.Future}},
		"who is past": {[]csv.Row{lease("1", "L1", "101", "Past"), lease("1", "L2", "101", "Future Lease")},
			[]pms.Status{pms.Past, pms.Future}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := csv.Seal(&out, c.rows...); err != nil {
				t.Fatal(err)
			}
			s := read(t, out.Bytes(), csv.Options{})
			var got []pms.Status
			for _, l := range s.Leases {
				got = append(got, l.Status)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func lease(person, ref, unit, status string) csv.Row {
	return csv.Row{"property": "Elm House", "unit": unit, "resident_id": person, "lease_id": ref, "status": status,
		"type": "Primary", "first": "Dana", "last": "Okafor", "move_in": "2026-03-01"}
}

func TestRoommates_MostPresentStatusOfALease(t *testing.T) {
	t.Parallel()
	order := []string{"Current", "Future", "Vaporised", "Past", "Applicant"}
	labels := pms.NewLabels()
	for i, more := range order {
		for _, less := range order[i:] {
			for _, rows := range [][]csv.Row{
				{lease("1", "L1", "101", more), lease("2", "L1", "101", less)},
				{lease("2", "L1", "101", less), lease("1", "L1", "101", more)},
			} {
				var out bytes.Buffer
				if err := csv.Seal(&out, rows...); err != nil {
					t.Fatal(err)
				}
				s := read(t, out.Bytes(), csv.Options{})
				want, _ := labels.Status(more, true)
				if s.Leases[0].Status != want {
					t.Errorf("%s and %s make a lease %q, want %q", more, less, s.Leases[0].Status, want)
				}
			}
		}
	}
}

func TestRead_ControlCharactersInIds(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"property", "unit", "resident_id", "lease_id"} {
		bad := lease("1", "L1", "101", "Current")
		bad[c] += "\x1b[2J"
		var out bytes.Buffer
		if err := csv.Seal(&out, bad, lease("2", "L2", "102", "Current")); err != nil {
			t.Fatal(err)
		}
		s := read(t, out.Bytes(), csv.Options{})
		if s.Complete || len(s.People) != 1 || s.Skipped[0].Reason != c+" has a control character in it" {
			t.Errorf("%s: complete %v, %d people, skipped %+v", c, s.Complete, len(s.People), s.Skipped)
		}
	}
}
