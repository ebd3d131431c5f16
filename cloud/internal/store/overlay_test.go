package store

import (
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func byHand(id string, kind access.OverlayKind, gone bool) access.Event {
	return access.Event{Kind: access.EventOverlay, Person: "p1", Overlay: &access.OverlayNote{ID: id, Kind: kind, Gone: gone, By: "p9", Reason: strings.Repeat("lost keys ", 100)}}
}

// TestTowardsG11_WhatWasDoneByHandIsTakenInAndSettledOnce.
func TestTowardsG11_WhatWasDoneByHandIsTakenInAndSettledOnce(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		raw, link := chain(1, access.Link{}, byHand("o1", access.OverlayRevoke, false), byHand("o2", access.OverlayGrant, false),
			byHand("no/id", access.OverlayGrant, false), access.Event{Kind: access.EventOverlay}, byHand("o2", access.OverlayGrant, true))
		if n := must(tell(t, s, 1, access.Link{}, raw))(t); n != 5 {
			t.Fatalf("through %d", n)
		}
		all := must(s.Overlays(t.Context(), "maples"))(t)
		if len(all) != 2 || all[0].State != OverlayOpen || len(all[0].Reason) != maxWords || all[0].By != "p9" || !all[0].Made.Equal(noon()) || all[1].State != OverlayLifted || !all[1].Gone {
			t.Fatalf("overlays: %+v", all)
		}
		st := must(s.PeopleStatus(t.Context(), "maples"))(t)
		if len(st.Conflicts) != 1 || st.Conflicts[0].Kind != "overlay" || !strings.Contains(st.Conflicts[0].Remedy, "overlay adopt --gateway gw1 --id o1") {
			t.Errorf("open questions: %+v", st.Conflicts)
		}
		if o := must(s.Overview(t.Context()))(t); o[0].Conflicts != 1 {
			t.Errorf("the overview counts %d questions", o[0].Conflicts)
		}
		settle := func(id string, to OverlayState) (o Overlay, err error) {
			err = s.Update(t.Context(), func(tx *Tx) error {
				o, err = tx.Settle(t.Context(), "gw1", id, to, noon().Add(time.Hour))
				return err
			})
			return o, err
		}
		_, err := settle("o9", OverlayAdopted)
		wantKind(t, err, fault.Invalid, "no such overlay")
		_, err = settle("o2", OverlayAdopted)
		wantKind(t, err, fault.Conflict, "lifted already")
		for _, to := range []OverlayState{OverlayAdopted, OverlayAdopted, OverlayLifted} {
			if o := must(settle("o1", to))(t); o.State != to {
				t.Errorf("%s: %+v", to, o)
			}
		}
		_, err = settle("o1", OverlayAdopted)
		wantKind(t, err, fault.Conflict, "lifted already")
		raw, _ = chain(6, link, byHand("o1", access.OverlayRevoke, true))
		if _, err := tell(t, s, 6, link, raw); err != nil {
			t.Fatal(err)
		}
		if all = must(s.Overlays(t.Context(), ""))(t); !all[0].Gone || all[0].State != OverlayLifted || !all[0].Settled.Equal(noon().Add(time.Hour)) {
			t.Errorf("after the gateway let go of it: %+v", all[0])
		}
	})
}

// TestTowardsG1_OpenRevocations: with the time at which they were asked for, until they are read back.
func TestTowardsG1_OpenRevocations(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := withGateway(t, dsn)
		stateAs(t, s, manyItems(4), true, noon())
		ended := noon().Add(time.Hour)
		event := func(kind access.EventKind, op access.Op, who access.PersonID) access.Event {
			e := access.Event{Kind: kind, Op: op, Person: who, Device: "lobby", Attempt: 2, At: ended.Add(time.Minute)}
			if op == access.OpRemove {
				e.Asked, e.Stored = ended, ended.Add(time.Second)
			}
			return e
		}
		raw, link := chain(1, access.Link{}, event(access.EventWritten, access.OpAdd, "p0"), event(access.EventWritten, access.OpAdd, "p1"), event(access.EventWritten, access.OpAdd, "p2"),
			event(access.EventFailed, access.OpRemove, "p1"))
		if _, err := tell(t, s, 1, access.Link{}, raw); err != nil {
			t.Fatal(err)
		}
		stateAs(t, s, manyItems(2), true, ended.Add(-time.Minute)) // p2 and p3 are out; p3 was never on the device
		open := must(s.OpenRevocations(t.Context(), ended.Add(time.Hour)))(t)
		if len(open) != 2 {
			t.Fatalf("open: %+v", open)
		}
		if v := open[0]; v.Person != "p2" || !v.Asked.Equal(ended.Add(-time.Minute)) || v.Property != "maples" || !v.Written.IsZero() {
			t.Errorf("who was taken out of the state: %+v", v)
		}
		if v := open[1]; v.Person != "p1" || !v.Asked.Equal(ended) || !v.Stored.Equal(ended.Add(time.Second)) || v.State != Failed || v.Attempts != 2 {
			t.Errorf("whom the gateway is taking off: %+v", v)
		}
		again := event(access.EventWritten, access.OpRemove, "p1")
		again.Asked, again.Stored = time.Time{}, time.Time{} // an older gateway says it once
		before := link
		raw, link = chain(5, link, again)
		if _, err := tell(t, s, 5, before, raw); err != nil {
			t.Fatal(err)
		}
		if v := must(s.RevocationsOf(t.Context(), "maples", ended.Add(time.Hour)))(t)[1]; !v.Asked.Equal(ended) || v.Written.IsZero() {
			t.Errorf("written: %+v", v)
		}
		raw, _ = chain(6, link, event(access.EventConfirmed, access.OpRemove, "p1"), event(access.EventConfirmed, access.OpRemove, "p2"))
		if _, err := tell(t, s, 6, link, raw); err != nil {
			t.Fatal(err)
		}
		if open = must(s.OpenRevocations(t.Context(), ended.Add(time.Hour)))(t); len(open) != 0 {
			t.Errorf("after read-back: %+v", open)
		}
		if none := must(s.RevocationsOf(t.Context(), "elms", noon()))(t); len(none) != 0 {
			t.Errorf("of another property: %+v", none)
		}
	})
}
