package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// maplesRoster is two residents of one unit, and one to come; every field is used once.
func maplesRoster() model.Roster {
	day := func(m time.Month, d int) pms.Date { return pms.Date{Year: 2027, Month: m, Day: d} }
	return model.Roster{
		Property:  maples(),
		Buildings: []access.Building{{ID: "b1", Name: "North"}},
		Units: []model.Unit{
			{Unit: access.Unit{ID: "u1", Building: "b1", Name: "0101", Slots: 12}, Ref: "N-0101"},
			{Unit: access.Unit{ID: "u2", Name: "102"}},
		},
		People: []model.Person{
			{Person: access.Person{ID: "p1", Kind: access.Resident, First: "Tamika", Last: "Jones", Email: "tamika@example.com",
				Phones: []string{"+15550100", "+15550101"}, Directory: access.Unlisted}, Origin: model.OtherCSV, Ref: "T1", RawType: "Primary",
				EmailClass: "good", Primary: true, PIN: access.NewSecret("48151623"), Card: access.NewSecret("A1B2C3D4E5F6")},
			{Person: access.Person{ID: "p2", Kind: access.Occupant, First: "Liam", Last: "Jones"}, Origin: model.OtherCSV, Ref: "T2",
				Held: []string{"the PIN starts with 9"}},
			{Person: access.Person{ID: "p3", Kind: access.Vendor, Company: "Zed Cleaning"}, Origin: model.ByHand},
		},
		Leases: []model.Lease{
			{ID: "r1", Person: "p1", Unit: "u1", Ref: "L1", Status: "current", RawStatus: "Current", MoveIn: day(1, 5), MoveOut: day(12, 31),
				LeaseStart: day(1, 1), LeaseEnd: day(12, 30), MoveInTime: "14:00", MoveOutTime: "10:00", Notice: day(11, 1)},
			{ID: "r2", Person: "p2", Unit: "u1", Status: "past", MonthToMonth: true, Missing: 1, PastSeen: noon()},
		},
	}
}

func save(t testing.TB, s *Store, change func(*model.Roster)) (rows int) {
	t.Helper()
	s.update(t, func(ctx context.Context, tx *Tx) error {
		r, err := tx.Roster(ctx, "maples")
		if err != nil {
			return err
		}
		change(&r)
		rows, err = tx.SaveRoster(ctx, r)
		return err
	})
	return rows
}

func TestRoster_ComesBackAsSaved(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		want := maplesRoster()
		if rows := save(t, s, func(r *model.Roster) { *r = maplesRoster() }); rows != 8 {
			t.Errorf("%d rows written, want 8", rows)
		}
		wantSame(t, "roster", must(s.Roster(t.Context(), "maples"))(t), want)
	})
}

func TestSaveRoster_WritesOnlyWhatDiffers(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		save(t, s, func(r *model.Roster) { *r = maplesRoster() })
		for _, c := range []struct {
			name   string
			rows   int
			change func(*model.Roster)
		}{
			{"nothing", 0, func(*model.Roster) {}},
			{"empty for no list", 0, func(r *model.Roster) { r.People[1].Phones, r.People[0].Held = []string{}, []string{} }},
			{"a PIN", 1, func(r *model.Roster) { r.People[0].PIN = access.NewSecret("48151624") }},
			{"a card goes", 1, func(r *model.Roster) { r.People[0].Card = access.Secret{} }},
			{"a date", 1, func(r *model.Roster) { r.Leases[0].MoveOut.Day = 30 }},
			{"a lease goes", 1, func(r *model.Roster) { r.Leases = r.Leases[:1] }},
			{"a person goes, with the lease", 2, func(r *model.Roster) { r.Leases, r.People = nil, r.People[1:] }},
			{"the unit and the building go", 2, func(r *model.Roster) { r.Units, r.Buildings = r.Units[1:], nil }},
		} {
			var want model.Roster
			if rows := save(t, s, func(r *model.Roster) { c.change(r); want = *r }); rows != c.rows {
				t.Errorf("%s: %d rows written, want %d", c.name, rows, c.rows)
			}
			got := must(s.Roster(t.Context(), "maples"))(t)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(access.Secret{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s: the roster reads differently than it was saved (-want +got):\n%s", c.name, d)
			}
		}
	})
}

func TestSaveRoster_Refuses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		save(t, s, func(r *model.Roster) { *r = maplesRoster() })
		want := must(s.Roster(t.Context(), "maples"))(t)

		err := s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.SaveRoster(t.Context(), model.Roster{Property: maples()})
			return err
		})
		wantKind(t, err, fault.Internal, "not read in the same transaction")

		for name, change := range map[string]func(*model.Roster){
			"somebody twice":        func(r *model.Roster) { r.People = append(r.People, r.People[0]) },
			"a lease without unit":  func(r *model.Roster) { r.Leases[0].Unit = "u99" },
			"a person still leases": func(r *model.Roster) { r.People = r.People[1:] },
		} {
			err := s.Update(t.Context(), func(tx *Tx) error {
				r, err := tx.Roster(t.Context(), "maples")
				if err != nil {
					return err
				}
				change(&r)
				_, err = tx.SaveRoster(t.Context(), r)
				return err
			})
			if err == nil {
				t.Fatalf("%s: no error", name)
			}
			wantKind(t, err, fault.Internal, "")
		}
		wantSame(t, "roster after refusals", must(s.Roster(t.Context(), "maples"))(t), want)

		_, err = s.Roster(t.Context(), "nowhere")
		wantKind(t, err, fault.Invalid, "no such property")
		err = s.Update(t.Context(), func(tx *Tx) error { _, err := tx.Roster(t.Context(), "nowhere"); return err })
		wantKind(t, err, fault.Invalid, "no such property")
	})
}

// Import beside serve: both read, add one and save; nobody's addition is lost.
func TestSaveRoster_TwoProcessesLoseNothing(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		stores := []*Store{withGateway(t, dsn), openStore(t, dsn)}
		var wait sync.WaitGroup
		for i := range 10 {
			wait.Go(func() {
				err := stores[i%2].Update(t.Context(), func(tx *Tx) error {
					r, err := tx.Roster(t.Context(), "maples")
					if err != nil {
						return err
					}
					id, err := tx.NewID(t.Context(), "maples", PersonIDs)
					if err != nil {
						return err
					}
					r.People = append(r.People, model.Person{Person: access.Person{ID: access.PersonID(id), Kind: access.Resident, Last: "Lee"}})
					_, err = tx.SaveRoster(t.Context(), r)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := must(stores[0].Roster(t.Context(), "maples"))(t); len(got.People) != 10 {
			t.Errorf("%d people, want 10", len(got.People))
		}
	})
}

func TestSaveRoster_Thousands(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		fill := func(r *model.Roster) {
			for i := range 2500 {
				r.People = append(r.People, model.Person{Person: access.Person{ID: access.PersonID(fmt.Sprintf("p%d", i)), Kind: access.Resident, Last: "Lee"},
					PIN: access.NewSecret(manyPIN(i))})
			}
		}
		if rows := save(t, s, fill); rows != 2500 {
			t.Errorf("%d rows written, want 2500", rows)
		}
		if rows := save(t, s, func(r *model.Roster) { r.People = r.People[:10] }); rows != 2490 {
			t.Errorf("%d rows removed, want 2490", rows)
		}
	})
}

func TestPlaces_FollowTheConfiguration(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		set := func(name string, doors []access.Door, groups []access.Group) {
			t.Helper()
			s.update(t, func(ctx context.Context, tx *Tx) error {
				p := maples()
				p.Name, p.Settings.MoveInTime, p.Settings.Types = name, "16:30", []string{"primary"}
				if err := tx.UpsertProperty(ctx, p); err != nil {
					return err
				}
				if err := tx.SetDoors(ctx, "maples", doors); err != nil {
					return err
				}
				return tx.SetGroups(ctx, "maples", groups)
			})
			r := must(s.Roster(t.Context(), "maples"))(t)
			wantSame(t, "doors", r.Doors, doors)
			wantSame(t, "groups", r.Groups, groups)
			if r.Property.Name != name || r.Property.Settings.MoveInTime != "16:30" || len(r.Property.Settings.Types) != 1 {
				t.Errorf("property %+v", r.Property)
			}
		}
		lobby, gym := access.Door{ID: "lobby", Name: "Lobby"}, access.Door{ID: "u1door", Name: "0101", Unit: "u1"}
		common := access.Group{ID: "common", Name: "Common", Doors: []access.DoorID{"lobby"}, Schedule: "day", Common: true, Shareable: true}
		set("The Maples", []access.Door{lobby, gym}, []access.Group{common})
		set("Maples", []access.Door{gym}, []access.Group{common, {ID: "none", Name: "None"}})
		set("Maples", nil, nil)

		for _, bad := range []func(ctx context.Context, tx *Tx) error{
			func(ctx context.Context, tx *Tx) error {
				return tx.SetDoors(ctx, "maples", []access.Door{{ID: "no good"}})
			},
			func(ctx context.Context, tx *Tx) error { return tx.SetGroups(ctx, "maples", []access.Group{{}}) },
			func(ctx context.Context, tx *Tx) error { return tx.SetDoors(ctx, "nowhere", nil) },
			func(ctx context.Context, tx *Tx) error { return tx.UpsertProperty(ctx, model.Property{}) },
		} {
			wantKind(t, s.Update(t.Context(), func(tx *Tx) error { return bad(t.Context(), tx) }), fault.Invalid, "")
		}
	})
}

// A row of an older program lacks settings that came later; they get their default.
func TestProperties_NewerSettingsGetTheirDefault(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		if _, err := s.write.ExecContext(t.Context(), `UPDATE properties SET settings = '{"EndMoveOut":false}'`); err != nil {
			t.Fatal(err)
		}
		want := model.DefaultSettings()
		want.EndMoveOut = false
		wantSame(t, "settings", must(s.Properties(t.Context()))(t)[0].Settings, want)
	})
}

func TestText_PostgresRefusalsAreCleaned(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		save(t, s, func(r *model.Roster) {
			r.People = []model.Person{{Person: access.Person{ID: "p1", Kind: access.Resident, Last: "O\x00Brien \xff"}}}
		})
		wantSame(t, "name", must(s.Roster(t.Context(), "maples"))(t).People[0].Last, "OBrien \uFFFD")
	})
}
