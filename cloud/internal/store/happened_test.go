package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
)

// TestTowardsE3_WhatHappenedAtTheDoors: the newest first, by name, page by page without a gap or a double, and of one
// person alone; what gateways tell of records is not among it.
func TestTowardsE3_WhatHappenedAtTheDoors(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.update(t, func(ctx context.Context, tx *Tx) error {
			return tx.SetDoors(ctx, "maples", []access.Door{{ID: "lobby", Name: "Lobby"}})
		})
		at := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Second) }
		h.tell(t, access.Event{Kind: access.EventStarted},
			access.Event{Kind: access.EventReachable, Device: "lobby-1", At: at(1)},
			access.Event{Kind: access.EventConfirmed, Device: "lobby-1", Person: "p1", Op: access.OpAdd},
			access.Event{Kind: access.EventDoor, Device: "lobby-1", Person: "p1", Door: "lobby", Granted: true, How: "pin", At: at(2), DeviceTime: at(200)},
			access.Event{Kind: access.EventFailed, Device: "lobby-1", Person: "p1", Fault: "timeout", Message: "about a record"},
			access.Event{Kind: access.EventFailed, Device: "lobby-1", Message: "more happened", At: at(3)},
			access.Event{Kind: access.EventRing, Device: "lobby-1", Unit: "u1", At: at(4)},
			access.Event{Kind: access.EventTamper, Device: "u1-1", Message: "the case was opened", At: at(5)},
			access.Event{Kind: access.EventDoor, Device: "lobby-1", Door: "nowhere", At: at(-1000), Recorded: at(6)},
			access.Event{Kind: access.EventUnreachable, Device: "lobby-1", At: at(7)})
		words := func(all []Happening) (out []string) {
			for _, e := range all {
				out = append(out, fmt.Sprint(e.Number, " ", e.Kind, " ", e.Name, "|", e.DoorName, "|", e.UnitName, " ", e.Late))
			}
			return out
		}
		want := []string{"10 unreachable || false", "9 door || true", "8 tamper || false", "7 ring ||0101 false", "6 failed || false", "4 door Tamika Jones|Lobby| false", "2 reachable || false"}
		all := must(h.Happened(t.Context(), "maples", HappeningsAsk{}))(t)
		if d := cmp.Diff(want, words(all.List)); d != "" || all.Next != nil {
			t.Errorf("next %v (-want +got):\n%s", all.Next, d)
		}
		if e := all.List[5]; !e.DeviceTime.Equal(at(200)) || e.How != "pin" || e.Gateway != "gw1" || !e.Received.Equal(noon()) {
			t.Errorf("%+v", e)
		}
		var paged []string
		ask := HappeningsAsk{Limit: 2}
		for range 10 {
			got := must(h.Happened(t.Context(), "maples", ask))(t)
			if paged = append(paged, words(got.List)...); got.Next == nil {
				break
			}
			ask.Before = got.Next
		}
		if d := cmp.Diff(want, paged); d != "" {
			t.Errorf("page by page (-want +got):\n%s", d)
		}
		if of := must(h.Happened(t.Context(), "maples", HappeningsAsk{Person: "p1"}))(t); len(of.List) != 1 || of.List[0].Number != 4 {
			t.Errorf("of one: %v", words(of.List))
		}
		if none := must(h.Happened(t.Context(), "elsewhere", HappeningsAsk{}))(t); len(none.List) > 0 {
			t.Errorf("of another property: %v", words(none.List))
		}
	})
}

func TestHappeningsOfTwoGatewaysAreJoined(t *testing.T) {
	t.Parallel()
	one := func(g access.GatewayID, n uint64, second int) Happening {
		return Happening{Gateway: g, Event: access.Event{Number: n, Recorded: noon().Add(time.Duration(second) * time.Second)}}
	}
	lists := func() [][]Happening {
		return [][]Happening{{one("a", 3, 9), one("a", 2, 3)}, nil, {one("b", 8, 5), one("b", 7, 1)}}
	}
	got := joinHappenings(lists(), nil, 2)
	if d := cmp.Diff([]Happening{one("a", 3, 9), one("b", 8, 5)}, got.List); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[access.GatewayID]uint64{"a": 3, "b": 8}, got.Next); d != "" {
		t.Error(d)
	}
	if got = joinHappenings(lists(), nil, 4); len(got.List) != 4 || got.Next != nil {
		t.Errorf("%+v", got)
	}
}
