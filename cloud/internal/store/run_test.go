package store

import (
	"context"
	"testing"
	"time"

	"gatehouse/cloud/internal/people/model"
)

func TestRuns_NewestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		full := Run{Property: "maples", Source: "csv residents.csv", Started: noon(), Finished: noon().Add(time.Second), Complete: true,
			Evidence: []string{"70 lines, a trailer of 70"}, People: 70, Units: 40, Leases: 69, Skipped: 3, Added: 2, Changed: 5, Removed: 1}
		held := Run{Property: "maples", Source: "csv half.csv", Started: noon().Add(time.Hour), Held: "the file is cut: 35 of 70 lines"}
		s.update(t, func(ctx context.Context, tx *Tx) error {
			for i, r := range []*Run{&full, &held} {
				id, err := tx.AddRun(ctx, *r)
				if err != nil || id != uint64(i+1) {
					t.Errorf("run %d got number %d, %v", i+1, id, err)
				}
				r.ID = id
			}
			return nil
		})
		wantSame(t, "runs", must(s.Runs(t.Context(), "maples", 10))(t), []Run{held, full})
		wantSame(t, "newest run", must(s.Runs(t.Context(), "maples", 1))(t), []Run{held})

		o := must(s.Overview(t.Context()))(t)
		wantSame(t, "last run", o[0].Last, &held)
		wantSame(t, "last applied run", o[0].Applied, &full)
	})
}

func TestConflicts_KeepFirstSightAndCloseThemselves(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		pin := model.Conflict{Property: "maples", Kind: "bad_pin", Subject: "p1", Text: "the PIN has 9 digits", Remedy: "shorten it"}
		gone := model.Conflict{Property: "maples", Kind: "missing", Subject: "p2", Text: "not in the file"}
		hour := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Hour) }
		at := func(n int, whole bool, found ...model.Conflict) []OpenConflict {
			t.Helper()
			s.update(t, func(ctx context.Context, tx *Tx) error { return tx.SetConflicts(ctx, "maples", found, whole, hour(n)) })
			return must(s.Conflicts(t.Context(), "maples"))(t)
		}
		wantSame(t, "found", at(0, true, pin), []OpenConflict{{pin, hour(0), hour(0)}})
		reworded := pin
		reworded.Text = "the PIN has 10 digits"
		wantSame(t, "found again", at(1, true, reworded, gone), []OpenConflict{{reworded, hour(0), hour(1)}, {gone, hour(1), hour(1)}})
		wantSame(t, "a partial run closes nothing", at(2, false), []OpenConflict{{reworded, hour(0), hour(1)}, {gone, hour(1), hour(1)}})
		wantSame(t, "mended", at(3, true, gone), []OpenConflict{{gone, hour(1), hour(3)}})
		wantSame(t, "and again: a new first sight", at(4, true, pin), []OpenConflict{{pin, hour(4), hour(4)}})
		wantSame(t, "all mended", at(5, true), []OpenConflict(nil))
	})
}

func TestOverview_Counts(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		save(t, s, func(r *model.Roster) { *r = maplesRoster() })
		oaks := maples()
		oaks.ID = "oaks"
		s.update(t, func(ctx context.Context, tx *Tx) error {
			if err := tx.UpsertProperty(ctx, oaks); err != nil {
				return err
			}
			return tx.SetConflicts(ctx, "maples", []model.Conflict{{Kind: "bad_pin", Subject: "p1"}}, true, noon())
		})
		wantSame(t, "overview", must(s.Overview(t.Context()))(t), []Overview{
			{Property: maples(), Units: 2, People: 3, Leases: 2, Gateways: 1, Conflicts: 1},
			{Property: oaks},
		})
	})
}
