package agent

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// reply sends a command and waits for what it came to.
func (h *house) reply(replies *prototest.Reader[prototest.Up[protocol.Reply]], c protocol.Command) protocol.Reply {
	h.t.Helper()
	h.cloud.Send(h.t, h.gw, protocol.TypeCommand, protocol.Header{}, c)
	return replies.Find(h.t, "the reply to "+c.ID, func(u prototest.Up[protocol.Reply]) bool { return u.Body.ID == c.ID }).Body
}

// TestCommandsThroughTheWholeAgent: a door opens once however often the command comes, also over a restart; the report
// holds no name and no secret.
func TestCommandsThroughTheWholeAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	replies, story := h.cloud.Replies.Read(), h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	open := protocol.Command{ID: "c1", Do: "open_door", Args: json.RawMessage(`{"door":"lobby"}`), Deadline: time.Now().Add(time.Minute)}
	first := h.reply(replies, open)
	if e := story.until(access.EventCommand, "", ""); first.Result != "done" || e.Command != "c1" || e.Door != "lobby" || e.Device != "front" {
		t.Errorf("%+v, told %+v", first, e)
	}
	opened := h.releases()
	h.stop()
	h.start()
	if again := h.reply(replies, open); again.Result != "done" || !again.At.Equal(first.At) || h.releases() != opened || opened != 1 {
		t.Errorf("asked again: %+v; released %d times", again, h.releases())
	}
	r := h.reply(replies, protocol.Command{ID: "c2", Do: "diagnostics", Deadline: time.Now().Add(time.Minute)})
	var d diagnosis
	must(t, json.Unmarshal([]byte(r.Message), &d))
	if d.Position != at(1, 1) || len(d.Devices) != 1 || d.Devices[0].ID != "front" || d.People != 1 || !d.Trusted {
		t.Errorf("report %s", r.Message)
	}
	holdsNone(t, "the report", r.Message, "10001", "Jones", "Tom", panelPassword)
	audits := h.visits.Tail()
	if r := h.reply(replies, protocol.Command{ID: "c3", Do: "audit", Deadline: time.Now().Add(time.Minute)}); r.Result != "done" {
		t.Errorf("audit: %+v", r)
	}
	audits.Find(t, "the read-back", func(path string) bool { return strings.Contains(path, "user") })
}

// TestTowardsE4_ARestoredCloudOverTheWire: the cloud comes back from a backup, in a new epoch and without the resident who
// moved in since. They stay until somebody agrees, which comes with an answer that brings nothing new.
func TestTowardsE4_ARestoredCloudOverTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)), resident(2, since(time.Hour)))...)
	h.cfg.Hello = time.Second
	story, hellos, acks := h.story(), h.cloud.Hellos.Read(), h.cloud.Acks.Read()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	h.keeper.Epoch(access.Position{Epoch: 2, Revision: 1}, items(t, slices.Concat(places(), resident(2, since(time.Hour)), resident(3, since(time.Hour)))...))
	if e := story.until(access.EventHeld, "", ""); e.Epoch != 2 || !strings.Contains(e.Message, "backup") {
		t.Errorf("told %+v", e)
	}
	h.acked(acks)
	story.until(access.EventConfirmed, access.OpAdd, "p3")
	hellos.Find(t, "the hello that tells of who waits", func(u prototest.Up[protocol.Hello]) bool { return u.Body.Epoch == 2 && u.Body.Held == 1 })
	if !h.opens("10001") || !h.opens("10002") || !h.opens("10003") {
		t.Error("a restored cloud took somebody's access")
	}
	h.keeper.Meant(access.Position{Epoch: 2, Revision: 1})
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	if h.opens("10001") || !h.opens("10002") {
		t.Error("after the agreement the wrong people are let in")
	}
}

// releases counts how often the panel was asked to open a relay.
func (h *house) releases() (n int) {
	for _, path := range h.visits.All() {
		if strings.Contains(path, "relay/trig") {
			n++
		}
	}
	return n
}
