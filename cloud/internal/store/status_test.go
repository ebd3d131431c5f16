package store

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// house is the Maples with two panels at one gateway: the lobby's, open to the group common, and one
// at the door of unit u1. Tamika (p1) lives in u1.
type house struct {
	*Store
	items  []access.Item
	events uint64
	link   access.Link
}

func newHouse(t testing.TB, dsn string) *house {
	t.Helper()
	h := &house{Store: withGateway(t, dsn)}
	save(t, h.Store, func(r *model.Roster) { *r = maplesRoster() })
	err := h.SaveInventory(t.Context(), Fence{}, "gw1", 1, []access.Device{
		{ID: "lobby-1", Kind: "akuvox", Name: "Lobby panel", Doors: map[access.DoorID]string{"lobby": "A"}},
		{ID: "u1-1", Kind: "akuvox", Name: "Door of 0101", Doors: map[access.DoorID]string{"u1door": "A"}},
		{ID: "spare", Kind: "akuvox", Name: "Not mapped yet"},
	}, noon())
	if err != nil {
		t.Fatal(err)
	}
	h.items = []access.Item{
		encoded(t, access.Door{ID: "lobby", Name: "Lobby"}), encoded(t, access.Door{ID: "u1door", Name: "0101", Unit: "u1"}),
		encoded(t, access.Group{ID: "common", Name: "Common", Doors: []access.DoorID{"lobby"}}),
		encoded(t, access.Person{ID: "p1", Kind: access.Resident, Last: "Jones"}),
		encoded(t, access.Grant{ID: "g1", Person: "p1", Group: "common", Window: access.Window{From: noon()}, Reason: "lives here"}),
	}
	return h
}

func encoded(t testing.TB, n access.Noun) access.Item {
	t.Helper()
	return must(access.Encode(n))(t)
}

// publish makes items the wanted state; with acked, the gateway stores it.
func (h *house) publish(t testing.TB, acked bool, items ...access.Item) uint64 {
	t.Helper()
	pos, _ := setState(t, h.Store, items)
	if acked {
		ack(t, h.Store, pos.Epoch, pos.Revision, noon())
	}
	return pos.Revision
}

func (h *house) tell(t testing.TB, events ...access.Event) {
	t.Helper()
	raw, link := chain(h.events+1, h.link, events...)
	through, err := tell(t, h.Store, h.events+1, h.link, raw)
	if err != nil {
		t.Fatal(err)
	}
	h.events, h.link = through, link
}

func (h *house) person(t testing.TB, id access.PersonID) (PersonStatus, bool) {
	t.Helper()
	for _, p := range must(h.PeopleStatus(t.Context(), "maples"))(t).People {
		if p.ID == id {
			return p, true
		}
	}
	return PersonStatus{}, false
}

func (h *house) wantDevices(t testing.TB, what string, id access.PersonID, want ...DeviceState) {
	t.Helper()
	p, _ := h.person(t, id)
	for i := range want {
		want[i].Gateway = "gw1"
	}
	if d := cmp.Diff(want, p.Devices, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: devices of %s (-want +got):\n%s", what, id, d)
	}
}

func TestG5_PlannedStoredWrittenConfirmed(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		lobby := DeviceState{Device: "lobby-1", Name: "Lobby panel", Wanted: 1}
		with := func(change func(*DeviceState)) DeviceState { d := lobby; change(&d); return d }
		minute := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }
		about := access.Event{Device: "lobby-1", Person: "p1", Op: access.OpAdd, Epoch: 1, Revision: 1, Recorded: noon()}
		say := func(kind access.EventKind, n int, change func(*access.Event)) {
			t.Helper()
			e := about
			e.Kind, e.At = kind, minute(n)
			change(&e)
			h.tell(t, e)
		}
		same := func(*access.Event) {}

		h.wantDevices(t, "before anything", "p1")
		h.publish(t, false, h.items...)
		h.wantDevices(t, "published", "p1", with(func(d *DeviceState) { d.State = Planned }))
		ack(t, h.Store, 1, 1, noon())
		h.wantDevices(t, "acked", "p1", with(func(d *DeviceState) { d.State = Stored }))

		say(access.EventFailed, 1, func(e *access.Event) {
			e.Fault, e.Message, e.Attempt, e.NextTry = "unreachable", "no answer", 2, minute(5)
		})
		h.wantDevices(t, "failed", "p1", with(func(d *DeviceState) {
			d.State, d.Op, d.Acted, d.Fault, d.Message, d.Attempts, d.NextTry = Failed, access.OpAdd, 1, "unreachable", "no answer", 2, minute(5)
		}))
		say(access.EventWritten, 2, same)
		h.wantDevices(t, "written", "p1", with(func(d *DeviceState) { d.State, d.Op, d.Acted, d.Written = Written, access.OpAdd, 1, minute(2) }))
		say(access.EventConfirmed, 3, func(e *access.Event) { e.Grade = access.Exact })
		confirmed := with(func(d *DeviceState) {
			d.State, d.Op, d.Acted, d.Written, d.Confirmed, d.Grade = Confirmed, access.OpAdd, 1, minute(2), minute(3), access.Exact
		})
		h.wantDevices(t, "confirmed", "p1", confirmed)

		// The grant gets an end: until the gateway says more, what it said is about the past.
		ending := encoded(t, access.Grant{ID: "g1", Person: "p1", Group: "common", Window: access.Window{From: noon(), Until: minute(60)}, Ends: access.EndMoveOut, Reason: "moves out"})
		h.items[4] = ending
		h.publish(t, false, h.items...)
		lobby.Wanted, confirmed.Wanted, confirmed.State = 2, 2, Planned
		h.wantDevices(t, "changed, published", "p1", confirmed)
		ack(t, h.Store, 1, 2, noon())
		confirmed.State = Stored
		h.wantDevices(t, "changed, acked", "p1", confirmed)

		// The end acts at the gateway by itself.
		removal := func(e *access.Event) { e.Op, e.Revision = access.OpRemove, 2 }
		say(access.EventHeld, 59, func(e *access.Event) { removal(e); e.Message = "too many at once" })
		h.wantDevices(t, "held", "p1", with(func(d *DeviceState) {
			d.State, d.Op, d.Acted, d.Written, d.Confirmed, d.Grade, d.Message = Held, access.OpRemove, 2, minute(2), minute(3), access.Exact, "too many at once"
		}))
		say(access.EventWritten, 60, removal)
		h.wantDevices(t, "removal written", "p1", with(func(d *DeviceState) { d.State, d.Op, d.Acted, d.Written = Written, access.OpRemove, 2, minute(60) }))
		say(access.EventConfirmed, 61, func(e *access.Event) { removal(e); e.Grade = access.Exact })
		h.wantDevices(t, "removal read back", "p1", with(func(d *DeviceState) {
			d.State, d.Op, d.Acted, d.Written, d.Confirmed, d.Grade = Removed, access.OpRemove, 2, minute(60), minute(61), access.Exact
		}))
		say(access.EventRefused, 62, func(e *access.Event) { e.Revision, e.Fault, e.Message = 2, "full", "1,000 of 1,000" })
		h.wantDevices(t, "refused", "p1", with(func(d *DeviceState) {
			d.State, d.Op, d.Acted, d.Written, d.Confirmed, d.Grade, d.Fault, d.Message = Refused, access.OpAdd, 2, minute(60), minute(61), access.Exact, "full", "1,000 of 1,000"
		}))
	})
}

func TestG5_OnlyDevicesThatServeThePerson(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		lobby, door := DeviceState{Device: "lobby-1", Name: "Lobby panel", State: Planned}, DeviceState{Device: "u1-1", Name: "Door of 0101", State: Planned}
		grant := func(g access.Grant) access.Item {
			g.Person, g.Reason = "p1", "test"
			return encoded(t, g)
		}
		for _, c := range []struct {
			name   string
			grants []access.Item
			want   []DeviceState
		}{
			{"a group", []access.Item{grant(access.Grant{ID: "g1", Group: "common"})}, []DeviceState{lobby}},
			{"a unit", []access.Item{grant(access.Grant{ID: "g1", Unit: "u1"})}, []DeviceState{door}},
			{"a unit without a door", []access.Item{grant(access.Grant{ID: "g1", Unit: "u2"})}, nil},
			{"a door", []access.Item{grant(access.Grant{ID: "g1", Door: "u1door"})}, []DeviceState{door}},
			{"both", []access.Item{grant(access.Grant{ID: "g1", Unit: "u1"}), grant(access.Grant{ID: "g2", Group: "common"})}, []DeviceState{lobby, door}},
			{"none", nil, nil},
		} {
			revision := h.publish(t, false, append(h.items[:4:4], c.grants...)...)
			for i := range c.want {
				c.want[i].Wanted = revision
			}
			h.wantDevices(t, c.name, "p1", c.want...)
			p, _ := h.person(t, "p1")
			if len(p.Grants) != len(c.grants) {
				t.Errorf("%s: %d grants, want %d", c.name, len(p.Grants), len(c.grants))
			}
		}
	})
}

// Somebody else's change does not put a confirmed person back to planned.
func TestG5_OneChangeConcernsOnePerson(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.publish(t, true, h.items...)
		h.tell(t, access.Event{Kind: access.EventConfirmed, Device: "lobby-1", Person: "p1", Op: access.OpAdd, Grade: access.Exact, Epoch: 1, Revision: 1})
		h.publish(t, false, append(h.items, encoded(t, access.Person{ID: "p2", Kind: access.Occupant, Last: "Jones"}),
			encoded(t, access.Grant{ID: "g2", Person: "p2", Group: "common", Reason: "lives here"}))...)
		want := DeviceState{Device: "lobby-1", Name: "Lobby panel", Acted: 1, Wanted: 1, State: Confirmed, Op: access.OpAdd, Grade: access.Exact, Confirmed: noon()}
		h.wantDevices(t, "the confirmed one", "p1", want)
		h.wantDevices(t, "the new one", "p2", DeviceState{Device: "lobby-1", Name: "Lobby panel", Wanted: 2, State: Planned})
	})
}

// A restored cloud opens a new epoch: what was said in the old one is not about the new state.
func TestG5_NewEpochStartsAnew(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.publish(t, true, h.items...)
		h.tell(t, access.Event{Kind: access.EventConfirmed, Device: "lobby-1", Person: "p1", Op: access.OpAdd, Grade: access.Exact, Epoch: 1, Revision: 1})
		if _, err := h.write.ExecContext(t.Context(), `UPDATE gateways SET epoch = 2`); err != nil {
			t.Fatal(err)
		}
		want := DeviceState{Device: "lobby-1", Name: "Lobby panel", Acted: 1, Wanted: 1, State: Planned, Op: access.OpAdd, Grade: access.Exact, Confirmed: noon()}
		h.wantDevices(t, "not acked in the new epoch", "p1", want)
		ack(t, h.Store, 2, 1, noon())
		want.State = Stored
		h.wantDevices(t, "acked in the new epoch", "p1", want)
	})
}

func TestG5_RemovedFromTheRosterButStillOnADevice(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.publish(t, true, h.items...)
		on := access.Event{Kind: access.EventConfirmed, Device: "lobby-1", Person: "p1", Op: access.OpAdd, Grade: access.Exact, Epoch: 1, Revision: 1}
		h.tell(t, on)
		save(t, h.Store, func(r *model.Roster) { r.People, r.Leases = r.People[1:], r.Leases[1:] })
		h.publish(t, false, h.items[:3]...)
		p, known := h.person(t, "p1")
		if !known || p.Name != "" || len(p.Devices) != 1 || p.Devices[0].State != Planned || p.Devices[0].Wanted != 2 {
			t.Fatalf("gone from the roster: %+v", p)
		}
		ack(t, h.Store, 1, 2, noon())
		off := on
		off.Op, off.Revision = access.OpRemove, 2
		h.tell(t, off)
		if p, known := h.person(t, "p1"); known {
			t.Errorf("proven gone, and still listed: %+v", p)
		}
	})
}

func TestPeopleStatus_WhatThePageShows(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.publish(t, false, h.items...)
		h.update(t, func(ctx context.Context, tx *Tx) error {
			return tx.SetConflicts(ctx, "maples", []model.Conflict{{Property: "maples", Kind: "bad_pin", Subject: "p2"}}, true, noon())
		})
		h.tell(t,
			access.Event{Kind: access.EventUnreachable, Device: "lobby-1", Message: "no route"},
			access.Event{Kind: access.EventUnreachable, Device: "lobby-1", Message: "still no route", At: noon().Add(time.Minute)},
			access.Event{Kind: access.EventReachable, Device: "u1-1", At: noon().Add(time.Minute)},
			access.Event{Kind: access.EventWritten, Person: "p1"},        // no device: nothing to show
			access.Event{Kind: access.EventConfirmed, Device: "lobby-1"}, // no person
			access.Event{Kind: access.EventReachable},                    // no device
			access.Event{Kind: access.EventDoor, Device: "u1-1", Person: "p1", Granted: true})
		got := must(h.PeopleStatus(t.Context(), "maples"))(t)
		if len(got.Conflicts) != 1 || got.Property.Name != "The Maples" {
			t.Errorf("conflicts %v of %q", got.Conflicts, got.Property.Name)
		}
		var names []string
		for _, p := range got.People {
			names = append(names, p.Name)
		}
		wantSame(t, "names in order", names, []string{"Liam Jones", "Tamika Jones", "Zed Cleaning"})
		tamika := got.People[1]
		wantSame(t, "stays", tamika.Stays, []Stay{{Unit: "0101", Status: "current",
			MoveIn: pms.Date{Year: 2027, Month: 1, Day: 5}, MoveOut: pms.Date{Year: 2027, Month: 12, Day: 31}}})
		wantSame(t, "grants", tamika.Grants, []access.Grant{{ID: "g1", Person: "p1", Group: "common", Window: access.Window{From: noon()}, Reason: "lives here"}})
		reach := map[access.DeviceID]DeviceInfo{}
		for _, d := range got.Gateways[0].Devices {
			reach[d.ID] = d
		}
		if d := reach["lobby-1"]; d.Reachable || !d.Since.Equal(noon()) || d.Message != "still no route" {
			t.Errorf("lobby-1: %+v, want unreachable since noon", d)
		}
		if d := reach["u1-1"]; !d.Reachable || !d.Since.Equal(noon().Add(time.Minute)) {
			t.Errorf("u1-1: %+v, want reachable", d)
		}
		if d := reach["spare"]; !d.Since.IsZero() {
			t.Errorf("spare: %+v, want no word", d)
		}
		if got.Gateways[0].Published != (access.Position{Epoch: 1, Revision: 1}) {
			t.Errorf("published %v", got.Gateways[0].Published)
		}
		_, err := h.PeopleStatus(t.Context(), "nowhere")
		wantKind(t, err, fault.Invalid, "no such property")
	})
}

// A grant that two gateways carry is one grant; devices of both are shown.
func TestPeopleStatus_TwoGateways(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.update(t, func(ctx context.Context, tx *Tx) error {
			g := gatewayOne()
			g.ID = "gw2"
			if err := tx.AddGateway(ctx, g); err != nil {
				return err
			}
			for _, gw := range []access.GatewayID{"gw1", "gw2"} {
				if _, _, err := tx.SetState(ctx, gw, h.items, Terms{Now: noon()}); err != nil {
					return err
				}
			}
			return nil
		})
		back := access.Device{ID: "back-1", Kind: "akuvox", Doors: map[access.DoorID]string{"lobby": "B"}}
		if err := h.SaveInventory(t.Context(), Fence{}, "gw2", 1, []access.Device{back}, noon()); err != nil {
			t.Fatal(err)
		}
		p, _ := h.person(t, "p1")
		if len(p.Grants) != 1 || len(p.Devices) != 2 || p.Devices[0].Gateway != "gw1" || p.Devices[1].Gateway != "gw2" {
			b, _ := json.Marshal(p)
			t.Errorf("%s", b)
		}
	})
}

// TestTowardsG1_FoundGoneIsNotRemovedAtTheTimeOfTheAdd: a row that was gone before anybody removed it has
// no time of removal, only that of the look.
func TestTowardsG1_FoundGoneIsNotRemovedAtTheTimeOfTheAdd(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		later := noon().Add(time.Hour)
		raw, _ := chain(1, access.Link{},
			access.Event{Kind: access.EventWritten, Device: "front", Person: "p1", Op: access.OpAdd},
			access.Event{Kind: access.EventConfirmed, Device: "front", Person: "p1", Op: access.OpAdd, Grade: access.Exact},
			access.Event{Kind: access.EventConfirmed, Device: "front", Person: "p1", Op: access.OpRemove, Grade: access.Exact, At: later, Recorded: later})
		if _, err := tell(t, s, 1, access.Link{}, raw); err != nil {
			t.Fatal(err)
		}
		var said []saying
		err := s.view(t.Context(), func(r reader) (err error) {
			said, err = r.readSaid(t.Context(), "gw1")
			return err
		})
		if err != nil || len(said) != 1 || said[0].State != Removed || !said[0].Written.IsZero() || !said[0].Confirmed.Equal(later) {
			t.Errorf("%+v, %v; want removed, seen at %s, and no time of a write", said, err, later)
		}
	})
}
