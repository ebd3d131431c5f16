package store

import (
	"context"
	"math"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func TestAddGateway(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		want := gatewayOne()
		want.Published.Epoch, want.Meant.Epoch = 1, 1
		wantSame(t, "gateway", must(s.Gateway(t.Context(), "gw1"))(t), want)

		add := func(change func(*Gateway)) error {
			g := gatewayOne()
			change(&g)
			return s.Update(t.Context(), func(tx *Tx) error { return tx.AddGateway(t.Context(), g) })
		}
		wantKind(t, add(func(*Gateway) {}), fault.Conflict, "already a gateway")
		wantKind(t, add(func(g *Gateway) { g.ID = "no/good" }), fault.Invalid, "id")
		wantKind(t, add(func(g *Gateway) { g.ID, g.Property = "gw2", "nowhere" }), fault.Invalid, "no such property")
		_, err := s.Gateway(t.Context(), "gw2")
		wantKind(t, err, fault.Invalid, "no such gateway")

		if err := add(func(g *Gateway) { g.ID = "gw2" }); err != nil {
			t.Fatal(err)
		}
		all := must(s.Gateways(t.Context()))(t)
		s.update(t, func(ctx context.Context, tx *Tx) error {
			of, err := tx.GatewaysOf(ctx, "maples")
			if len(of) != 2 || len(all) != 2 || all[0].ID != "gw1" || of[1].ID != "gw2" {
				t.Errorf("all %d, of the property %d, want both in order", len(all), len(of))
			}
			none, _ := tx.GatewaysOf(ctx, "oaks")
			if len(none) != 0 {
				t.Error("another property has them too")
			}
			return err
		})
		a, b := must(s.Snapshot(t.Context(), "gw1"))(t), must(s.Snapshot(t.Context(), "gw2"))(t)
		if string(a.DigestKey) == string(b.DigestKey) {
			t.Error("two gateways have the same digest key")
		}
	})
}

func ack(t testing.TB, s *Store, epoch, revision uint64, at time.Time) Gateway {
	t.Helper()
	if err := s.SaveAck(t.Context(), Fence{}, "gw1", access.Position{Epoch: epoch, Revision: revision}, access.Digest{byte(revision)}, at); err != nil {
		t.Fatal(err)
	}
	return must(s.Gateway(t.Context(), "gw1"))(t)
}

func TestSaveAck_OnlyForwards(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		later := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }
		for i, c := range []struct {
			epoch, revision uint64
			want            access.Position
			storedAt        time.Time
		}{
			{1, 3, access.Position{Epoch: 1, Revision: 3}, later(0)},
			{1, 5, access.Position{Epoch: 1, Revision: 5}, later(1)},
			{1, 4, access.Position{Epoch: 1, Revision: 5}, later(1)}, // reordered
			{1, 5, access.Position{Epoch: 1, Revision: 5}, later(1)}, // repeated: the first time counts
			{2, 1, access.Position{Epoch: 2, Revision: 1}, later(4)},
			{1, 9, access.Position{Epoch: 2, Revision: 1}, later(4)},
		} {
			g := ack(t, s, c.epoch, c.revision, later(i))
			if g.Stored != c.want || !g.StoredAt.Equal(c.storedAt) || !g.Contact.Equal(later(i)) || g.StoredSum != (access.Digest{byte(c.want.Revision)}) {
				t.Errorf("ack %d.%d: stored %v at %v, contact %v", c.epoch, c.revision, g.Stored, g.StoredAt, g.Contact)
			}
		}
		if g := ack(t, s, math.MaxUint64, math.MaxUint64, later(0)); !g.Contact.Equal(later(5)) || g.Stored.Epoch != math.MaxInt64 {
			t.Errorf("absurd numbers, and a contact from the past: %v, contact %v", g.Stored, g.Contact)
		}
		err := s.SaveAck(t.Context(), Fence{}, "gw9", access.Position{}, access.Digest{}, noon())
		wantKind(t, err, fault.Invalid, "no such gateway")
	})
}

func TestSaveHello_IsAuthoritative(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		ack(t, s, 1, 7, noon())
		h := Hello{Protocol: 1, Software: "gatehouse-agent 0.1", Position: access.Position{Epoch: 1, Revision: 7}, Digest: access.Digest{9}, Boot: "boot-1",
			Clock: Clock{Trusted: true, Source: "ntp", Now: noon().Add(time.Second)}, Waiting: 12, At: noon().Add(time.Minute)}
		say := func() Gateway {
			t.Helper()
			if err := s.SaveHello(t.Context(), Fence{}, "gw1", h); err != nil {
				t.Fatal(err)
			}
			return must(s.Gateway(t.Context(), "gw1"))(t)
		}
		g := say()
		told := h
		told.Position, told.Digest = access.Position{}, access.Digest{} // they are in Stored
		wantSame(t, "told", g.Told, told)
		if g.Stored != h.Position || !g.StoredAt.Equal(noon()) || !g.Contact.Equal(h.At) || g.StoredSum != h.Digest {
			t.Errorf("the same position: stored %v at %v, contact %v", g.Stored, g.StoredAt, g.Contact)
		}
		h.Position, h.At = access.Position{}, noon().Add(time.Hour) // the box lost its cache
		if g := say(); g.Stored != (access.Position{}) || !g.StoredAt.Equal(h.At) {
			t.Errorf("after a loss: stored %v at %v, want nothing", g.Stored, g.StoredAt)
		}
		wantKind(t, s.SaveHello(t.Context(), Fence{}, "gw9", h), fault.Invalid, "no such gateway")
	})
}

func TestSaveInventory_AsAWhole(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		lobby := access.Device{ID: "lobby-1", Kind: "akuvox", Name: "Lobby", Model: "X916", Firmware: "1.2", Doors: map[access.DoorID]string{"lobby": "A"}, Features: []string{"pin"}, People: 1000}
		gym := access.Device{ID: "gym-1", Kind: "akuvox", Doors: map[access.DoorID]string{"gym": "B"}}
		say := func(number uint64, devices ...access.Device) []DeviceInfo {
			t.Helper()
			if err := s.SaveInventory(t.Context(), Fence{}, "gw1", number, devices, noon()); err != nil {
				t.Fatal(err)
			}
			return must(s.PeopleStatus(t.Context(), "maples"))(t).Gateways[0].Devices
		}
		wantSame(t, "first", say(1, lobby, gym), []DeviceInfo{{Device: gym}, {Device: lobby}})
		wantSame(t, "the same number again", say(1), []DeviceInfo{{Device: gym}, {Device: lobby}})
		wantSame(t, "newer", say(3, lobby), []DeviceInfo{{Device: lobby}})
		wantSame(t, "older, reordered", say(2, gym), []DeviceInfo{{Device: lobby}})
		wantSame(t, "none left", say(4), []DeviceInfo(nil))
		if g := must(s.Gateway(t.Context(), "gw1"))(t); g.Inventory != 4 || !g.Contact.Equal(noon()) {
			t.Errorf("number %d, contact %v", g.Inventory, g.Contact)
		}
	})
}

func TestSaveStatus_IgnoresAnOldLastWill(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		say := func(online bool, boot string, number uint64) bool {
			t.Helper()
			if err := s.SaveStatus(t.Context(), Fence{}, "gw1", Status{Online: online, Boot: boot, Number: number, At: noon()}); err != nil {
				t.Fatal(err)
			}
			return must(s.Gateway(t.Context(), "gw1"))(t).Online.Online
		}
		for i, c := range []struct {
			online bool
			boot   string
			number uint64
			want   bool
		}{
			{true, "a", 1, true}, {true, "a", 2, true}, {false, "a", 1, true}, {false, "a", 2, false}, {true, "b", 1, true},
		} {
			if got := say(c.online, c.boot, c.number); got != c.want {
				t.Errorf("step %d: online %v, want %v", i, got, c.want)
			}
		}
		if g := must(s.Gateway(t.Context(), "gw1"))(t); !g.Contact.IsZero() {
			t.Error("an unsigned status counts as contact")
		}
	})
}

func TestTold_UnderALostLease(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		ctx := t.Context()
		f, _, err := s.Lease(ctx, "gateway/gw1", "a", noon(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, held, err := s.Lease(ctx, "gateway/gw1", "b", noon().Add(time.Minute), time.Second); err != nil || !held {
			t.Fatal(held, err)
		}
		raw, _ := chain(1, access.Link{}, access.Event{Kind: access.EventStarted})
		_, events := s.SaveEvents(ctx, f, "gw1", Events{First: 1, Raw: raw, Received: noon()})
		for name, err := range map[string]error{
			"ack":       s.SaveAck(ctx, f, "gw1", access.Position{Epoch: 1, Revision: 1}, access.Digest{}, noon()),
			"hello":     s.SaveHello(ctx, f, "gw1", Hello{At: noon()}),
			"inventory": s.SaveInventory(ctx, f, "gw1", 1, nil, noon()),
			"status":    s.SaveStatus(ctx, f, "gw1", Status{Online: true}),
			"events":    events,
		} {
			if fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v, want a conflict", name, err)
			}
		}
		want := gatewayOne()
		want.Published.Epoch, want.Meant.Epoch = 1, 1
		wantSame(t, "gateway", must(s.Gateway(ctx, "gw1"))(t), want)
	})
}
