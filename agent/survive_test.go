package agent

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// TestG6_OneUnreadableRecordEndsNothing: one record of the box's own files is damaged while the agent rests. It starts,
// says which one it is, and everybody's end comes at its minute.
func TestG6_OneUnreadableRecordEndsNothing(t *testing.T) {
	for name, damage := range map[string]struct {
		file    string
		key     string
		buckets []string
	}{
		"a unit":                  {store.WantedFile, "u1", []string{"items", "unit"}},
		"a credential":            {store.WantedFile, "cp1", []string{"items", "credential"}},
		"a person":                {store.WantedFile, "p1", []string{"items", "person"}},
		"a ledger entry":          {store.SiteFile, "p1", []string{"ledger", "front"}},
		"what a device said":      {store.SiteFile, "device/front", []string{"blobs"}},
		"the inventory's number":  {store.SiteFile, "current", []string{"inventory"}},
		"an act at the gateway":   {store.SiteFile, "o1", []string{"overlay"}},
		"the memory of the clock": {store.SiteFile, "trusted", []string{"clock"}},
		"the enrolment's bundle":  {store.SiteFile, blobBundle, []string{"blobs"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			log := lines{prototest.NewLog[string]()}
			s.log = log.logger()
			s.start()
			s.housed(48 * time.Hour)
			before, _ := s.agent.inventory.Devices()
			s.end()
			spoil(t, filepath.Join(s.dir, damage.file), damage.key, damage.buckets...)
			s.start()
			number, devices := s.agent.inventory.Devices()
			if number < before || len(devices) != 1 || devices[0].ID != "front" {
				t.Errorf("%s: inventory %d %+v after %d", name, number, devices, before)
			}
			if len(s.panel.Present("10001")) == 0 || len(s.panel.Present("10002")) == 0 {
				t.Errorf("%s: somebody is locked out", name)
			}
			sleepFor(49 * time.Hour)
			synctest.Wait()
			if len(s.panel.Present("10001")) > 0 || len(s.panel.Present("10002")) > 0 {
				t.Errorf("%s: an end did not come", name)
			}
			s.end()
			if text := log.text(); !strings.Contains(text, `"ERROR"`) || !strings.Contains(text, damage.key) {
				t.Errorf("%s: the log does not name it: %s", name, text)
			}
		})
	}
}

// housed gives the box two residents who move out after a while, everything else that it keeps records of, and lets it
// settle.
func (s *site) housed(stay time.Duration) {
	s.t.Helper()
	now := time.Now()
	w := access.Window{From: now.Add(-time.Hour), Until: now.Add(stay)}
	s.publish(1, append(append(places(), resident(1, w)...), resident(2, w)...)...)
	must(s.t, s.agent.box.site.PutOverlay(access.Overlay{ID: "o1", Kind: access.OverlayRevoke, Person: "p9", Window: w}))
	must(s.t, s.agent.box.site.SaveBlob(blobBundle, []byte("{}")))
	sleepFor(2 * time.Minute)
	synctest.Wait()
	if len(s.panel.Present("10001")) == 0 || len(s.panel.Present("10002")) == 0 {
		s.t.Fatal("the residents are not on the panel")
	}
}

// TestG6_AGatewayThatCannotReadWhoItIsEnforcesDoors, says so everywhere, and is itself again after another enrolment.
func TestG6_AGatewayThatCannotReadWhoItIsEnforcesDoors(t *testing.T) {
	t.Parallel()
	for _, blob := range []string{blobBundle, blobKeys} {
		t.Run(blob, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			cloud := prototest.NewSigningKey(t)
			_, err := EnrollAccept(h.cfg, h.bundle(h.request("gw-1"), cloud, nil), quiet())
			must(t, err)
			spoil(t, filepath.Join(h.cfg.StateDir, store.SiteFile), blob, "blobs")
			h.start()
			h.store(1, append(places(), resident(1, since(time.Hour))...)...)
			h.confirmed("p1")
			if !h.opens("10001") || h.agent.link != nil {
				t.Error("the resident cannot open")
			}
			h.logs.wait(t, `"ERROR"`, "no link to the cloud", "blobs "+blob, "enroll request")
			if page := h.get("/"); !strings.Contains(page, "blobs "+blob) || !strings.Contains(page, "enroll request") {
				t.Errorf("the page does not say it: %s", page)
			}
			resp, err := http.Get(h.page + "/healthz")
			must(t, err)
			must(t, resp.Body.Close())
			if got := h.get("/healthz"); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "enrolment: ") || !strings.Contains(got, blob) {
				t.Errorf("healthz: %s %s", resp.Status, got)
			}
			h.stop()
			_, err = EnrollAccept(h.cfg, h.bundle(h.request("gw-1"), cloud, nil), quiet())
			must(t, err)
			h.start()
			if got := h.get("/healthz"); strings.Contains(got, "enrolment") || h.agent.link == nil || !h.opens("10001") {
				t.Errorf("after enrolling anew: %s", got)
			}
		})
	}
}

// TestG10_RepairsAreTold: a file that was brought back or put aside at the start is an event, told once.
func TestG10_RepairsAreTold(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct {
		kind  access.EventKind
		words string
	}{
		store.SiteFile:   {access.EventDrift, "brought back from its snapshot"},
		store.WantedFile: {access.EventState, "damaged and put aside"},
	} {
		h := newHouse(t)
		opened := func() *Agent {
			a, err := New(t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()})
			must(t, err)
			return a
		}
		a := opened()
		must(t, a.box.site.Snapshot())
		must(t, a.Close())
		must(t, os.WriteFile(filepath.Join(h.cfg.StateDir, file), []byte("the flash wore out"), 0o600))
		for range 2 {
			a := opened()
			if told := toldOf(t, a, want.kind, ""); len(told) != 1 || !strings.Contains(told[0], want.words) {
				t.Errorf("%s is told as %q, want once, with %q", file, told, want.words)
			}
			must(t, a.Close())
		}
	}
}
