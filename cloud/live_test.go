package cloud

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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

func (l *live) sources() []source {
	l.t.Helper()
	src, err := l.c.sources()
	if err != nil || len(src) != 1 {
		l.t.Fatalf("%d sources, %v", len(src), err)
	}
	return src
}

// emptyUnit is a unit of the PMS in which nobody lives or will.
func (l *live) emptyUnit() string {
	l.t.Helper()
	p := rentmanagersim.Sample().Properties[0]
	taken := map[int]bool{}
	for _, h := range p.Households {
		for _, lease := range h.Leases {
			taken[lease.Unit] = true
		}
	}
	for _, u := range p.Units {
		if !taken[u.ID] {
			return u.Name
		}
	}
	l.t.Fatal("every unit is taken")
	return ""
}

// shows fails unless the property's page has every text.
func (l *live) shows(texts ...string) {
	l.t.Helper()
	page := l.page()
	for _, want := range texts {
		if !strings.Contains(page, want) {
			l.t.Errorf("the page lacks %q", want)
		}
	}
}

// page is the property's page in words.
func (l *live) page() string {
	w := httptest.NewRecorder()
	l.c.console(nil).ServeHTTP(w, httptest.NewRequest("GET", "/property/harbor?all=1", nil))
	return strings.Join(strings.Fields(tags.ReplaceAllString(w.Body.String(), " ")), " ")
}

var tags = regexp.MustCompile(`<[^>]*>`)

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

// TestS1_A6_ReadOnASchedule: the interval is the property's own, nothing is read before it is due,
// and the page shows last run, next run and the age of the data.
func TestS1_A6_ReadOnASchedule(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	src := l.sources()[0]
	now := noon()
	l.c.now = func() time.Time { return now }
	tick := func() {
		t.Helper()
		if err := l.c.scheduled(t.Context(), src, "me"); err != nil {
			t.Fatal(err)
		}
	}
	l.shows("Next sync now (every 5 minutes or so)", "Records as of no complete import yet", "Its source has not been read yet.")
	tick()
	first := l.lastRun()
	l.shows("Next sync in ", "(every 5 minutes or so)", "Records as of Mar 1, 12:00 EST (just now)", "rentmanager")
	if _, err := l.pms.MoveIn(rentmanagersim.MoveIn{Property: rentmanagersim.Sample().Properties[0].ID, Unit: l.emptyUnit(), First: "Odile", Last: "Newcomer", Email: "odile@example.com"}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(4 * time.Minute)
	tick()
	if l.lastRun().ID != first.ID {
		t.Error("it is read before it is due")
	}
	l.shows("(4 minutes ago)")
	now = now.Add(90 * time.Second)
	tick()
	if run := l.lastRun(); run.ID == first.ID || run.Added != 1 {
		t.Errorf("when it is due: %+v", run)
	}
	l.shows("Odile Newcomer", "1 added", "Records as of Mar 1, 12:05 EST (just now)")
}

func TestTowardsS2_SyncNowOnThePageReadsTheSource(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	src := l.sources()[0]
	now := noon()
	l.c.now = func() time.Time { return now }
	tick := func() {
		t.Helper()
		if err := l.c.scheduled(t.Context(), src, "me"); err != nil {
			t.Fatal(err)
		}
	}
	press := func() {
		t.Helper()
		w := httptest.NewRecorder()
		l.c.console(nil).ServeHTTP(w, httptest.NewRequest("POST", "/property/harbor/sync", nil))
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	}
	tick()
	first := l.lastRun().ID
	press()
	l.shows("Next sync in a moment")
	if tick(); l.lastRun().ID != first {
		t.Error("a button pressed again and again asks the PMS again and again")
	}
	now = now.Add(askedApart)
	if tick(); l.lastRun().ID == first {
		t.Error("it was asked for, and is not read")
	}
	if _, err := l.c.SyncNow(t.Context(), "nowhere"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown property gives %v", err)
	}
}

// TestS2_SyncNowForAPropertyAUnitOrAPerson: the page's button has its own test; here is what the
// command line does besides.
func TestS2_SyncNowForAPropertyAUnitOrAPerson(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
		t.Fatal(err)
	}
	unit := l.emptyUnit()
	moved, err := l.pms.MoveIn(rentmanagersim.MoveIn{Property: rentmanagersim.Sample().Properties[0].ID, Unit: unit, First: "Odile", Last: "Newcomer", Email: "odile@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := l.c.Sync(t.Context(), "harbor", unit); err != nil || r.Complete || r.Added != 1 || r.Units != 1 {
		t.Errorf("the unit: %v, %+v; want one unit, one person added, and never complete", err, r)
	}
	phone := "+15555550123"
	if _, err := l.pms.Edit(rentmanagersim.Edit{Contact: moved.Contact, Phone: &phone}); err != nil {
		t.Fatal(err)
	}
	if r, err := l.c.SyncPerson(t.Context(), "harbor", "odile newcomer"); err != nil || r.Complete || r.Changed != 1 || r.Units != 1 {
		t.Errorf("the person: %v, %+v; want one unit and one change", err, r)
	}
	if _, err := l.c.SyncPerson(t.Context(), "harbor", "Nobody Known"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("nobody: %v", err)
	}
}

// TestTowardsS2_AnInterruptedSyncBlocksNobody: somebody waits for a PMS that fails, and gives up.
func TestTowardsS2_AnInterruptedSyncBlocksNobody(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if err := l.pms.SetFault(rentmanagersim.FaultSetting{Name: "http-500", On: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := l.c.Sync(ctx, "harbor", ""); err == nil || ctx.Err() == nil {
		t.Fatalf("nothing was interrupted: %v", err)
	}
	if err := l.pms.SetFault(rentmanagersim.FaultSetting{Name: "http-500", On: false}); err != nil {
		t.Fatal(err)
	}
	if r, err := l.c.Sync(t.Context(), "harbor", ""); err != nil || !r.Complete {
		t.Errorf("the next sync: %v, complete %v", err, r.Complete)
	}
}

// TestA1_NewPropertiesAreOffered: what is not chosen is never read, and a property that appears in
// the account is offered until it is taken in or declined.
func TestA1_NewPropertiesAreOffered(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	other := rentmanagersim.Sample().Properties[1]
	offers := func() (out []string) {
		t.Helper()
		if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
			t.Fatal(err)
		}
		open, err := l.c.store.Conflicts(t.Context(), "harbor")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range open {
			if o.Kind == "new_property" {
				out = append(out, o.Subject)
			}
		}
		return out
	}
	ref := fmt.Sprint(other.ID)
	if got := offers(); !slices.Equal(got, []string{ref}) {
		t.Errorf("offered %q, want %s (%s)", got, ref, other.Name)
	}
	l.shows(other.Name, "not chosen here", "Add it to the configuration as a [[property]] with source")
	roster, err := l.c.store.Roster(t.Context(), "harbor")
	if err != nil || len(roster.Units) != len(rentmanagersim.Sample().Properties[0].Units) {
		t.Errorf("%d units (%v): what was not chosen was read", len(roster.Units), err)
	}
	for name, settle := range map[string]func(*Config){
		"declined": func(c *Config) { c.Properties[0].PMS.Ignore = []string{ref} },
		"taken in": func(c *Config) {
			p := c.Properties[0]
			p.ID, p.Source = "second", ref
			c.Properties = append(c.Properties, p)
		},
	} {
		was := l.c.cfg
		l.c.cfg = l.load()
		settle(&l.c.cfg)
		if got := offers(); len(got) != 0 {
			t.Errorf("%s, and still offered: %q", name, got)
		}
		l.c.cfg = was
	}
}

// TestA9_TheSiteAsThePMSHasIt: property, units and households with one main account each; buildings
// only where the source has them.
func TestA9_TheSiteAsThePMSHasIt(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
		t.Fatal(err)
	}
	roster, err := l.c.store.Roster(t.Context(), "harbor")
	if err != nil {
		t.Fatal(err)
	}
	if len(roster.Units) != len(rentmanagersim.Sample().Properties[0].Units) || len(roster.Buildings) != 0 {
		t.Errorf("%d units, buildings %v: Rent Manager has no buildings, and none may be made up", len(roster.Units), roster.Buildings)
	}
	primary := map[access.PersonID]bool{}
	for _, p := range roster.People {
		primary[p.ID] = p.Primary
	}
	mains, members := map[string]int{}, map[string]int{}
	for _, lease := range roster.Leases {
		members[lease.Ref]++
		if primary[lease.Person] {
			mains[lease.Ref]++
		}
	}
	several := 0
	for ref, n := range members {
		if n > 1 {
			several++
		}
		if mains[ref] != 1 {
			t.Errorf("lease %s: %d of its %d people are the main account, want one", ref, mains[ref], n)
		}
	}
	if several == 0 {
		t.Error("no household of several: nothing was shown")
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
	src := l.sources()
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
