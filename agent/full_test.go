package agent

import (
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/access"
)

// TestAPanelThatIsNoLongerFullIsAskedAgain: who was refused gets in when somebody leaves, and when the panel takes people
// again although nobody left; not after an hour.
func TestAPanelThatIsNoLongerFullIsAskedAgain(t *testing.T) {
	t.Parallel()
	full := func(on bool, h *house) {
		must(t, h.sim.SetFault(akuvoxsim.FaultSetting{Name: akuvoxsim.FaultFull, On: on}))
	}
	h := newHouse(t).withCloud(append(places(), resident(1, since(time.Hour))...)...)
	story := h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")
	full(true, h)
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	story.until(access.EventFailed, "", "p2")
	full(false, h)
	h.keeper.Change(nil, keysOf(items(t, resident(1, since(time.Hour))...)))
	story.until(access.EventConfirmed, access.OpRemove, "p1")
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	full(true, h)
	h.keeper.Change(items(t, resident(3, since(time.Hour))...), nil)
	story.until(access.EventFailed, "", "p3")
	full(false, h)
	if e := story.until(access.EventConfirmed, access.OpAdd, "p3"); e.Grade != access.Exact {
		t.Errorf("confirmed as %+v", e)
	}
	h.stop()
}
