package smoke

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestG11_StaffOfTheCloudRevokeAtTheGatewayWhileTheCloudIsAway: whole programs. The right and the PIN are given at the cloud;
// with them somebody on site takes all access from a resident while the cloud is dead; the cloud hears of it later, by name,
// and what it decides holds at the panel.
func TestG11_StaffOfTheCloudRevokeAtTheGatewayWhileTheCloudIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol()
	h.startCloud()
	h.startAgent()
	h.write("residents.csv", export(3))
	h.must("gatehouse-cloud", "import", "--config", "@cloud.toml", "--property", "maples", "--file", "@residents.csv")
	h.write("ann.pin", "70413355\n")
	h.write("guess.pin", "70413356\n")
	h.must("gatehouse-cloud", "staff", "add", "--config", "@cloud.toml", "--property", "maples", "--id", "ann", "--name", "Ann Smith", "--pin-file", "@ann.pin", "--may", "revoke")
	h.loaded(3)
	eventually(t, "the gateway has the newest state", patience, h.upToDate)
	if rows := h.panel.users(); len(rows) != 3 || strings.Contains(fmt.Sprint(rows), "70413355") {
		t.Errorf("somebody of the staff, who has no door, is on the panel: %v", rows)
	}
	h.cloud.kill()

	act := func(do, pin string, more ...string) answer {
		return h.do("gatehouse-agent", append([]string{"local", do, "--config", "@agent.toml", "--person", "Ada Abbott", "--by", "Ann Smith", "--pin-file", pin, "--reason", "threat"}, more...)...)
	}
	if a := act("revoke", "@guess.pin"); a.code != 3 {
		t.Errorf("a guessed PIN: exit %d: %s%s", a.code, a.stdout, a.stderr)
	}
	if a := act("grant", "@ann.pin", "--door", "lobby", "--hours", "2"); a.code != 3 || !strings.Contains(a.stderr, "staff set") {
		t.Errorf("a right she does not have: exit %d: %s%s", a.code, a.stdout, a.stderr)
	}
	if a := act("revoke", "@ann.pin"); a.code != 0 {
		t.Fatalf("exit %d: %s%s", a.code, a.stdout, a.stderr)
	}
	eventually(t, "the panel refuses who was revoked", patience, func() error {
		if h.opens(pinOf(0)) {
			return errors.New("it opens")
		}
		return nil
	})
	h.startCloud()
	var list struct {
		Overlays []struct {
			ID, Person, State string
			ByName            string `json:"by_name"`
			Gone              bool
		}
	}
	asked := func(want func() bool) func() error {
		return func() error {
			h.must("gatehouse-cloud", "overlay", "list", "--config", "@cloud.toml", "--json").oneObject(t, &list)
			if len(list.Overlays) != 1 || !want() {
				return fmt.Errorf("%+v", list)
			}
			return nil
		}
	}
	eventually(t, "the cloud has heard who did it", patience, asked(func() bool { return list.Overlays[0].ByName == "Ann Smith" && list.Overlays[0].State == "open" }))
	h.must("gatehouse-cloud", "overlay", "adopt", "--config", "@cloud.toml", "--gateway", "gw1", "--id", list.Overlays[0].ID)
	eventually(t, "the gateway has let go of its own", patience, asked(func() bool { return list.Overlays[0].Gone && list.Overlays[0].State == "adopted" }))
	if h.opens(pinOf(0)) || !h.opens(pinOf(1)) {
		t.Error("what was adopted does not hold, or others lost by it")
	}
	h.must("gatehouse-cloud", "staff", "remove", "--config", "@cloud.toml", "--property", "maples", "--id", "ann")
	eventually(t, "the gateway has the newest state", patience, h.upToDate)
	if a := act("revoke", "@ann.pin"); a.code != 3 {
		t.Errorf("who was removed acts: exit %d: %s%s", a.code, a.stdout, a.stderr)
	}
}
