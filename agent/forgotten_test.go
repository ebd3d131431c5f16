package agent

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
)

// TestG5_ADeviceThatWasRenamedIsNotForgotten: the configuration calls it by another name, so nobody removes the people
// that were written under the old one. Log, page, metrics and one event a start say so until it is configured again.
func TestG5_ADeviceThatWasRenamedIsNotForgotten(t *testing.T) {
	t.Parallel()
	const words = "device front is not in the configuration any more and still holds 2 people of ours"
	h := newHouse(t)
	h.start()
	h.store(1, slices.Concat(places(), resident(1, since(time.Hour)), resident(2, since(time.Hour)))...)
	h.confirmed("p1")
	h.confirmed("p2")
	h.stop()
	if strings.Contains(h.logs.text(), "not in the configuration") {
		t.Error("a configured device is called forgotten")
	}
	spoil(t, filepath.Join(h.cfg.StateDir, store.SiteFile), "p1", "ledger", "front") // it is on the panel all the same

	h.cfg.Devices[0].ID, h.cfg.Devices[0].URL = "porch", "http://"+deadAddress(t)
	for starts := 1; starts <= 2; starts++ {
		h.start()
		h.logs.wait(t, `"ERROR"`, words, "configure it again")
		if page := h.get("/"); !strings.Contains(page, words) || !strings.Contains(page, "by hand") {
			t.Errorf("the page: %s", page)
		}
		if got := h.metric(`gatehouse_forgotten_device_records{device="front"}`); got != "2" {
			t.Errorf("%s people are counted, want 2", got)
		}
		h.stop()
	}
	h.cfg.Devices[0].ID = "front"
	h.start()
	if got := h.metric(`gatehouse_forgotten_device_records{device="front"}`); got != "absent" {
		t.Errorf("%s people are forgotten on a configured device", got)
	}
	if told := toldOf(t, h.agent, access.EventHeld, "front"); len(told) != 2 || !strings.Contains(told[0], words) {
		t.Errorf("told as %q, want once a start", told)
	}
}
