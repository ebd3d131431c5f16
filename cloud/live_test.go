package cloud

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// live is an installation whose property is read from a simulated Rent Manager.
type live struct {
	*rig
	pms *rentmanagersim.Server
	c   *Cloud
}

const harbor = `
[[property]]
id = "harbor"
name = "Harbor Row"
zone = "America/New_York"
source = "%s"
[property.pms]
kind = "rentmanager"
config = "rm.toml"
[[property.door]]
id = "lobby"
`

func newLive(t *testing.T) *live {
	t.Helper()
	sim, err := rentmanagersim.New(rentmanagersim.Options{Now: noon, RateLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	ref := fmt.Sprint(rentmanagersim.Sample().Properties[0].ID)
	r := newRig(t, fmt.Sprintf(harbor, ref))
	for name, text := range map[string]string{
		"rm.toml":     fmt.Sprintf("url = %q\nusername = \"api\"\npassword_file = \"rm.password\"\nlocation_id = 1\nzone = \"America/New_York\"\nproperty = %q\npin_field = \"Door PIN\"\n", srv.URL, ref),
		"rm.password": "secret\n",
	} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &live{r, sim, r.open()}
}

// residents counts who is current.
func (l *live) residents() (n int) {
	l.t.Helper()
	roster, err := l.c.store.Roster(l.t.Context(), "harbor")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, lease := range roster.Leases {
		if lease.Status == string(pms.Current) {
			n++
		}
	}
	return n
}

func (l *live) lastRun() store.Run {
	l.t.Helper()
	runs, err := l.c.store.Runs(l.t.Context(), "harbor", 1)
	if err != nil || len(runs) != 1 {
		l.t.Fatalf("%d runs, %v", len(runs), err)
	}
	return runs[0]
}

func TestTowardsS2_SyncNowReadsTheLiveSource(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	r, err := l.c.Sync(t.Context(), "harbor", "")
	if err != nil || !r.Complete || !r.OK || r.People < 100 {
		t.Fatalf("%v: complete %v, %d people, evidence %q", err, r.Complete, r.People, r.Evidence)
	}
	if run := l.lastRun(); !run.Complete || run.Source != "rentmanager" || len(run.Evidence) == 0 {
		t.Errorf("the run history says %+v", run)
	}
	if n := l.residents(); n < 50 {
		t.Errorf("%d residents live here after the first sync", n)
	}
	again, err := l.c.Sync(t.Context(), "harbor", "")
	if err != nil || again.Added+again.Changed+again.Ended != 0 {
		t.Errorf("the same books again: %+v, %v", again, err)
	}
	if _, err := l.c.Sync(t.Context(), "nowhere", ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown property gives %v", err)
	}
}

// TestG3_WhatThePMSCannotSayRemovesNobody: in every bad case nobody goes, the run says why, and the
// next good one heals it.
func TestG3_WhatThePMSCannotSayRemovesNobody(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"empty-404", "empty-204", "empty-200", "error-page", "http-500", "half-body", "token-lost", "page-cut", "rows-swapped", "total-changes", "token-void"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLive(t)
			if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
				t.Fatal(err)
			}
			before := l.residents()
			if err := l.pms.SetFault(rentmanagersim.FaultSetting{Name: name, On: true}); err != nil {
				t.Fatal(err)
			}
			for range 3 { // however often it is asked
				r, err := l.c.Sync(t.Context(), "harbor", "")
				// Signing in again mends a lost token; of one page nothing can be cut or swapped.
				mended := slices.Contains([]string{"token-lost", "rows-swapped", "page-cut", "total-changes"}, name)
				if r.Complete && err == nil && !mended {
					t.Errorf("a source with %s is taken for complete: %q", name, r.Evidence)
				}
			}
			run := l.lastRun()
			if n := l.residents(); n != before || run.Removed != 0 {
				t.Errorf("%d residents of %d are left, %d removed", n, before, run.Removed)
			}
			if !run.Complete && strings.TrimSpace(strings.Join(run.Evidence, "")) == "" {
				t.Error("the run does not say why")
			}
			if err := l.pms.SetFault(rentmanagersim.FaultSetting{Name: name}); err != nil {
				t.Fatal(err)
			}
			if r, err := l.c.Sync(t.Context(), "harbor", ""); err != nil || !r.Complete {
				t.Errorf("the next good run: complete %v, %v", r.Complete, err)
			}
			if n := l.residents(); n != before {
				t.Errorf("%d residents after it, want %d", n, before)
			}
		})
	}
}

func TestTowardsS1_OneProcessReadsAPropertyAtATime(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	f, held, err := l.c.store.Lease(t.Context(), leaseName("harbor"), "another process", noon(), pullLease)
	if err != nil || !held {
		t.Fatal(held, err)
	}
	if _, err := l.c.Sync(t.Context(), "harbor", ""); fault.KindOf(err) != fault.Conflict {
		t.Errorf("while another process reads: %v, want a conflict", err)
	}
	if err := l.c.store.Release(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	src, err := l.c.sources()
	if err != nil || len(src) != 1 {
		t.Fatalf("%d sources, %v", len(src), err)
	}
	if err := l.c.scheduled(t.Context(), src[0], "me"); err != nil {
		t.Fatal(err)
	}
	due, err := l.c.store.SyncDue(t.Context(), access.PropertyID("harbor"))
	every := src[0].property.PMS.Every
	if err != nil || due.Before(noon().Add(every*9/10)) || due.After(noon().Add(every*11/10)) {
		t.Errorf("due again at %v (%v), want about %v later", due, err, every)
	}
	runs := l.lastRun().ID
	if err := l.c.scheduled(t.Context(), src[0], "me"); err != nil || l.lastRun().ID != runs {
		t.Errorf("it is read again before it is due: %v", err)
	}
}
