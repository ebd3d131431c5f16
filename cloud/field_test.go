package cloud

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/access/fault"
)

// edit changes the vendor's own file.
func (l *live) edit(old, now string) {
	l.t.Helper()
	path := filepath.Join(l.dir, "rm.toml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		l.t.Fatalf("rm.toml lacks %q: %v", old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// pins counts who has one.
func (l *live) pins() (n int) {
	l.t.Helper()
	roster, err := l.c.store.Roster(l.t.Context(), "harbor")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, p := range roster.People {
		if !p.PIN.IsZero() {
			n++
		}
	}
	return n
}

// TestTowardsG3_AFieldThatVanishedTakesNoPINs: whether it is gone from the settings or called otherwise in the PMS, nobody
// loses a PIN, and the page says why.
func TestTowardsG3_AFieldThatVanishedTakesNoPINs(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
		t.Fatal(err)
	}
	before := l.pins()
	l.edit("pin_field = \"Door PIN\"\n", "")
	r, err := l.c.Sync(t.Context(), "harbor", "")
	if err != nil || !strings.Contains(r.Held, "people would lose their PIN: is the field still called so?") || l.pins() != before || before < 50 {
		t.Errorf("held %q, %v: %d PINs of %d are left", r.Held, err, l.pins(), before)
	}
	l.shows("PINs and cards of Harbor Row: no pin_field or card_field is set in rm.toml, so nobody has a PIN or card.", "Name the fields as the PMS does")
	l.edit("zone =", "pin_field = \"Dor PIN\"\nzone =")
	if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil || l.pins() != before {
		t.Errorf("%v: %d PINs of %d are left", err, l.pins(), before)
	}
	l.shows("no user-defined field named &#34;Dor PIN&#34;", "it has &#34;", "&#34;Door PIN&#34;")
	l.edit("Dor PIN", "Door PIN")
	if r, err = l.c.Sync(t.Context(), "harbor", ""); err != nil || r.Held != "" || !r.Complete {
		t.Errorf("corrected, and held %q, %v", r.Held, err)
	}
	l.lacks("PINs and cards of Harbor Row")
}

// lacks fails if the property's page has the text.
func (l *live) lacks(text string) {
	l.t.Helper()
	if page := l.page(); strings.Contains(page, text) {
		l.t.Errorf("the page has %q", text)
	}
}

// TestTowardsG5_ThePageKnowsWhoHasNoCredential: from the records, before any gateway said anything.
func TestTowardsG5_ThePageKnowsWhoHasNoCredential(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c := r.open()
	load(t, c, export(t, resident(1), with(resident(2), "pin", "")))
	p, err := reader{c}.Property(t.Context(), "maples")
	if err != nil || len(p.People) != 2 {
		t.Fatal(p.People, err)
	}
	for _, who := range p.People {
		if who.Bare != strings.HasPrefix(who.Name, "Cora") {
			t.Errorf("%s: bare %v", who.Name, who.Bare)
		}
	}
}

// TestTowardsA1_SourceNamesThePropertyOfTheAccount: without it the reason, the choices and the place to set them are in
// the error and on the page; by id or by name it is found; and what was set before does not outlive the change.
func TestTowardsA1_SourceNamesThePropertyOfTheAccount(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	sample := rentmanagersim.Sample().Properties
	one, two := sample[0], sample[1]
	l.edit(fmt.Sprintf("property = \"%d\"\n", one.ID), "")
	set := func(source string) (SyncReport, error) {
		l.configure(fmt.Sprintf(harbor, source))
		l.c = l.open()
		return l.c.Sync(t.Context(), "harbor", "")
	}
	if r, err := set("Nowhere House"); err != nil || r.Complete {
		t.Errorf("a property that is not there: %+v, %v", r.Evidence, err)
	}
	want := fmt.Sprintf("source = \"%d\" (%s) or \"%d\" (%s) under [[property]] harbor", one.ID, one.Name, two.ID, two.Name)
	if _, err := set(""); err == nil || !strings.Contains(fault.RemedyOf(err), want) {
		t.Errorf("%v; remedy %q, want %q", err, fault.RemedyOf(err), want)
	}
	page := html.UnescapeString(l.page())
	if !strings.Contains(page, want) || strings.Contains(page, "has not been read yet") {
		t.Errorf("the page lacks %q", want)
	}
	if r, err := set(one.Name); err != nil || !r.Complete || r.People < 50 {
		t.Errorf("by name: %v, %q, %d people", err, r.Evidence, r.People)
	}
	if r, err := set(fmt.Sprint(one.ID)); err != nil || !r.Complete || r.Added+r.Ended != 0 {
		t.Errorf("by id: %v, %+v", err, r)
	}
}

// TestTowardsS1_AFaultIsToldWithItsOwnRemedy: what the page says first is the reason, and what to do about this fault.
func TestTowardsS1_AFaultIsToldWithItsOwnRemedy(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"bad-credentials": {"The last import was not applied: the pull failed: sign in to Rent Manager", "Check username, password_file and location_id"},
		"empty-404":       {"The last import was not complete (", "404", "read, nothing concluded", "The source is read again by itself"},
	} {
		l := newLive(t)
		if _, err := l.c.Sync(t.Context(), "harbor", ""); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "bad-credentials":
			if err := os.WriteFile(filepath.Join(l.dir, "rm.password"), []byte("wrong"), 0o600); err != nil {
				t.Fatal(err)
			}
		default:
			if err := l.pms.SetFault(rentmanagersim.FaultSetting{Name: name, On: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.c.Sync(t.Context(), "harbor", ""); (err != nil) != (name == "bad-credentials") {
			t.Errorf("%s: %v", name, err)
		}
		l.shows(want...)
		for _, old := range []string{"then import again", "Run the export again", "Run the whole export again"} {
			l.lacks(old)
		}
	}
}

// TestTheVendorsFileIsReadAgainWhenItChanged: while serve runs; one that cannot be used changes nothing but what the page says.
func TestTheVendorsFileIsReadAgainWhenItChanged(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	src := l.sources()[0]
	read := func() SyncReport {
		t.Helper()
		r, err := l.c.read(t.Context(), src, pms.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	l.edit("pin_field", "pin_feld")
	if r := read(); !r.Complete || l.pins() < 50 {
		t.Errorf("a file that cannot be used stops the reading: %q", r.Evidence)
	}
	l.shows("rm.toml changed and cannot be used, so the settings of before count", "Correct the file")
	l.edit("pin_feld", "card_field")
	if r := read(); !strings.Contains(r.Held, "would lose their PIN") {
		t.Errorf("the new file does not count: %q", r.Evidence)
	}
	l.edit("card_field", "pin_field")
	if r := read(); r.Held != "" || !r.Complete {
		t.Errorf("corrected: held %q", r.Held)
	}
}
