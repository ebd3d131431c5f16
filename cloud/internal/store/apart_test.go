package store

import (
	"context"
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Ids are scoped to the property, so "p1" lives in each of them: nothing may reach across.

// withOaks adds a second property with a gateway, gw2.
func withOaks(t testing.TB, s *Store) {
	t.Helper()
	oaks := maples()
	oaks.ID, oaks.Name = "oaks", "The Oaks"
	g := gatewayOne()
	g.ID, g.Property = "gw2", "oaks"
	s.update(t, func(ctx context.Context, tx *Tx) error {
		if err := tx.UpsertProperty(ctx, oaks); err != nil {
			return err
		}
		return tx.AddGateway(ctx, g)
	})
}

func TestProperties_AreApart(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		withOaks(t, s)
		lobby := []access.Door{{ID: "lobby", Name: "Lobby"}}
		common := []access.Group{{ID: "common", Name: "Common", Doors: []access.DoorID{"lobby"}}}
		bad := model.Conflict{Kind: "bad_pin", Subject: "p1", Text: "too long"}
		for _, id := range []access.PropertyID{"maples", "oaks"} {
			s.update(t, func(ctx context.Context, tx *Tx) error {
				r, err := tx.Roster(ctx, id)
				if err != nil {
					return err
				}
				full := maplesRoster()
				full.Property = r.Property
				if _, err := tx.SaveRoster(ctx, full); err != nil {
					return err
				}
				if err := tx.SetDoors(ctx, id, lobby); err != nil {
					return err
				}
				if err := tx.SetGroups(ctx, id, common); err != nil {
					return err
				}
				if _, err := tx.AddRun(ctx, Run{Property: id, Source: string(id)}); err != nil {
					return err
				}
				return tx.SetConflicts(ctx, id, []model.Conflict{bad}, true, noon())
			})
		}
		oaks := must(s.Roster(t.Context(), "oaks"))(t)

		// Everything of the Maples goes.
		s.update(t, func(ctx context.Context, tx *Tx) error {
			if _, err := tx.Roster(ctx, "maples"); err != nil {
				return err
			}
			if _, err := tx.SaveRoster(ctx, model.Roster{Property: maples()}); err != nil {
				return err
			}
			if err := tx.SetDoors(ctx, "maples", nil); err != nil {
				return err
			}
			if err := tx.SetGroups(ctx, "maples", nil); err != nil {
				return err
			}
			return tx.SetConflicts(ctx, "maples", nil, true, noon())
		})
		wantSame(t, "what is left of the Maples", must(s.Roster(t.Context(), "maples"))(t), model.Roster{Property: maples()})
		wantSame(t, "the Oaks", must(s.Roster(t.Context(), "oaks"))(t), oaks)
		if len(oaks.People) != 3 || len(oaks.Doors) != 1 || len(oaks.Groups) != 1 {
			t.Errorf("the Oaks had %d people, %d doors, %d groups", len(oaks.People), len(oaks.Doors), len(oaks.Groups))
		}
		if got := must(s.Conflicts(t.Context(), "oaks"))(t); len(got) != 1 {
			t.Errorf("the Oaks have %d conflicts, want theirs", len(got))
		}
		if got := must(s.Runs(t.Context(), "oaks", 9))(t); len(got) != 1 || got[0].Source != "oaks" || got[0].ID != 1 {
			t.Errorf("runs of the Oaks: %+v", got)
		}
		status := must(s.PeopleStatus(t.Context(), "maples"))(t)
		if len(status.People) != 0 || len(status.Gateways) != 1 || status.Gateways[0].ID != "gw1" {
			t.Errorf("status of the Maples: %+v", status)
		}
	})
}

func TestGateways_AreApart(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		withOaks(t, s)
		items := manyItems(2)
		s.update(t, func(ctx context.Context, tx *Tx) error {
			for _, gw := range []access.GatewayID{"gw1", "gw2"} {
				if _, _, err := tx.SetState(ctx, gw, items, Terms{Now: noon()}); err != nil {
					return err
				}
			}
			return nil
		})
		raw, _ := chain(1, access.Link{}, access.Event{Kind: access.EventWritten, Device: "lobby-1", Person: "p1", Op: access.OpAdd, Epoch: 1, Revision: 1},
			access.Event{Kind: access.EventUnreachable, Device: "lobby-1"})
		if _, err := tell(t, s, 1, access.Link{}, raw); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveInventory(t.Context(), Fence{}, "gw2", 1, []access.Device{{ID: "lobby-1", Kind: "akuvox"}}, noon()); err != nil {
			t.Fatal(err)
		}
		setState(t, s, nil) // gw1's state goes
		u := must(s.Snapshot(t.Context(), "gw2"))(t)
		if u.Revision != 1 || len(u.Put) != len(items) {
			t.Errorf("gw2 is at revision %d with %d items, want 1 with %d", u.Revision, len(u.Put), len(items))
		}
		delta, ok, err := s.Since(t.Context(), "gw2", access.Position{Epoch: 1, Revision: 1})
		if err != nil || !ok || len(delta.Gone) != 0 {
			t.Errorf("gw2 since its newest: %+v %v %v", delta, ok, err)
		}
		if got := must(s.Audit(t.Context(), "gw2", 0, 9))(t); len(got) != 0 {
			t.Errorf("gw2 has %d events of gw1", len(got))
		}
		oaks := must(s.PeopleStatus(t.Context(), "oaks"))(t)
		if len(oaks.People) != 0 || len(oaks.Gateways) != 1 || !oaks.Gateways[0].Devices[0].Since.IsZero() {
			t.Errorf("what gw1 said shows at the Oaks: %+v", oaks)
		}
		if g := must(s.Gateway(t.Context(), "gw2"))(t); g.Events != 0 {
			t.Errorf("gw2's last event is %d", g.Events)
		}
	})
}

// A PIN that is copied to another person's row by hand does not become theirs.
func TestRoster_MovedPINDoesNotOpen(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		save(t, s, func(r *model.Roster) { *r = maplesRoster() })
		if _, err := s.write.ExecContext(t.Context(), `UPDATE people SET pin = (SELECT pin FROM people WHERE id = 'p1') WHERE id = 'p2'`); err != nil {
			t.Fatal(err)
		}
		_, err := s.Roster(t.Context(), "maples")
		wantKind(t, err, fault.Internal, "people maples p2 pin")
	})
}
