package cloud

import (
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/console"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// pageOf is a property's page as staff read it.
func pageOf(t *testing.T, c *Cloud, property string) string {
	t.Helper()
	w := httptest.NewRecorder()
	console.New(reader{c}, reader{c}, console.Options{Now: c.now}, slog.New(slog.DiscardHandler)).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/property/"+property, nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return html.UnescapeString(string(b))
}

// TestTowardsC8_C11_C13_C15_WhatAGatewayTellsIsAnnouncedAsStaffKnowIt: from its events, over which nobody is named, to
// the page, where the name stands as the property's directories show it.
func TestTowardsC8_C11_C13_C15_WhatAGatewayTellsIsAnnouncedAsStaffKnowIt(t *testing.T) {
	t.Parallel()
	c := newRig(t, strings.Replace(maples, "zone =", "directory_name = \"{last}, {first} ({unit})\"\nzone =", 1)).open()
	b := enrol(t, c, "maples")
	load(t, c, export(t, residents(4)...))
	store := intakeStore{c.store}
	w := wants(t, c, b.ID)
	if err := store.SaveAck(t.Context(), b.ID, protocol.Ack{Position: w.Position}, c.now()); err != nil {
		t.Fatal(err)
	}
	devices := []access.Device{{ID: "gate", Kind: "comelit", Doors: map[access.DoorID]string{"lobby": "A"}}}
	if err := store.SaveInventory(t.Context(), b.ID, protocol.Inventory{Number: 1, Devices: devices}, c.now()); err != nil {
		t.Fatal(err)
	}
	event := func(k access.EventKind, p access.PersonID, op access.Op, fault, why string) access.Event {
		e := access.Event{Kind: k, At: c.now(), Device: "gate", Person: p, Op: op, Epoch: w.Epoch, Revision: w.Revision, Fault: fault, Message: why}
		if fault != "" {
			e.NextTry = c.now().Add(time.Minute)
		}
		return e
	}
	tellEvents(t, c, b.ID,
		event(access.EventFailed, "p000001", "", "timeout", "write slot 0.1 of panel gate: no answer in time"),
		event(access.EventFailed, "p000002", "", "full", "find a free slot in unit 102 of panel gate: No Empty User IDs in Comelit Panel"),
		event(access.EventWritten, "p000003", access.OpAdd, "", ""), event(access.EventConfirmed, "p000003", access.OpAdd, "", ""),
		event(access.EventFailed, "p000003", "", "invalid", "write slot 2.1 of panel gate: the device refuses the value of field 12"),
		event(access.EventWritten, "p000004", access.OpAdd, "", ""), event(access.EventConfirmed, "p000004", access.OpAdd, "", ""),
		event(access.EventFailed, "p000004", access.OpRemove, "timeout", "write slot 3.1 of panel gate: no answer in time"),
	)
	page := pageOf(t, c, "maples")
	for _, want := range []string{
		"User creation Failed. Error creating Comelit user</strong><br><span class=\"line\">write slot 0.1 of panel gate: no answer in time",
		"No Empty User IDs in Comelit Panel</strong>", "Free a slot of the unit on the panel's Users page",
		"User Miller, Dan (103) is not able to be updated on Comelit</strong><br><span class=\"line\">write slot 2.1",
		"Failed to remove user from Comelit</strong><br><span class=\"line\">write slot 3.1", "The gateway goes on trying until they are gone",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	tellEvents(t, c, b.ID, event(access.EventConfirmed, "p000001", access.OpAdd, "", ""), event(access.EventConfirmed, "p000004", access.OpRemove, "", ""))
	if page = pageOf(t, c, "maples"); strings.Contains(page, "User creation Failed") || strings.Contains(page, "Failed to remove user") {
		t.Error("the page goes on about what is done")
	}
}

// TestTowardsC4_ThePageSaysWhoWillNotFit: eight of one unit, the eighth in a month, at a property with a Comelit panel.
func TestTowardsC4_ThePageSaysWhoWillNotFit(t *testing.T) {
	t.Parallel()
	c := newRig(t, strings.Replace(maples, "zone =", "mobile_access = true\nzone =", 1)).open()
	b := enrol(t, c, "maples")
	rows := residents(8)
	for i := range rows {
		rows[i]["unit"], rows[i]["phone"] = "101", fmt.Sprintf("+1 202 555 01%02d", i)
	}
	rows[7] = with(rows[7], "status", "Future", "move_in", "2027-03-31")
	load(t, c, export(t, rows...))
	const want = "From Mar 31, 2027 Ivy Miller (unit 101) gets no app; the phone rings and the app waits: the unit has 15 slots for people and needs 16."
	if page := pageOf(t, c, "maples"); strings.Contains(page, "slots for people") {
		t.Error("without a panel that calls people there is a shortage")
	}
	devices := []access.Device{{ID: "gate", Kind: "comelit", Doors: map[access.DoorID]string{"lobby": "A"}}}
	if err := (intakeStore{c.store}).SaveInventory(t.Context(), b.ID, protocol.Inventory{Number: 1, Devices: devices}, c.now()); err != nil {
		t.Fatal(err)
	}
	if page := pageOf(t, c, "maples"); !strings.Contains(page, want) || !strings.Contains(page, "Leave somebody of the unit off the panel") {
		t.Errorf("the page lacks %q", want)
	}
}
