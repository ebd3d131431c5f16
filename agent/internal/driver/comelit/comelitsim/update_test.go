package comelitsim_test

import (
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

func TestAUserIsWrittenFieldByField(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		for _, w := range [][2]string{{"3.2_5", "3"}, {"3.2_6", "T.+Jones+-+Unit+104"}, {"3.2_12", "%2B15550100"}, {"3.2_4", "1"}} {
			if !r.set(w[0], w[1]) {
				t.Errorf("%v refused", w)
			}
		}
		want := comelitsim.Slot{Unit: 3, Slot: 2, UnitName: "104", Enabled: true, Kind: "phone", Name: "T. Jones - Unit 104", Phone: "+15550100"}
		if got := r.slotOf(3, 2); got != want {
			t.Errorf("%+v", got)
		}
		w := r.panel.Stats().Writes
		if len(w) != 4 || w[0].Field != 5 || w[1].Field != 6 || w[3].Field != 4 || !w[3].Stored || w[3].At.IsZero() {
			t.Errorf("%+v", w)
		}
	})
}

// What the page refuses is a 200 with Invalid request, and nothing changes.
func TestWritesThatAreRefused(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		for _, query := range []string{
			"", "mspUsersMap_.0.2_6=a&mspUsersMap_.0.2_6=b", "mspUsersMap_.0.2_6=a&x=1",
			"mspUsersMap.0.2_6=a", "mspUsersMap_.0.2.6=a", "mspUsersMap_.00.2_6=a", "mspUsersMap_.0.02_6=a",
			"mspUsersMap_.4.2_6=a", "mspUsersMap_.0.16_6=a", "mspUsersMap_.-1.2_6=a", "mspUsersMap_.99999.2_6=a",
			"mspUsersMap_.0.2_9=" + token, "mspUsersMap_.0.2_18=abc123", "mspUsersMap_.0.2_7=1", "mspUsersMap_.0.2_23=1",
			"mspUsersMap_.0.2_4=1", // enabled without a kind
			"mspUsersMap_.0.2_4=3", "mspUsersMap_.0.2_5=4", "mspUsersMap_.0.2_5=", "mspUsersMap_.0.2_5=%202",
			"mspUsersMap_.0.2_6=a%22b", "mspUsersMap_.0.2_6=a%0Ab", "mspUsersMap_.0.2_6=a%00", "mspUsersMap_.0.2_6=%ff",
			"mspUsersMap_.0.2_6=" + strings.Repeat("x", 65), "mspUsersMap_.0.2_6=%zz",
		} {
			a := r.web("POST", "/update.html?"+query, "", "Referer", usersPage)
			if a.status != 200 || !strings.Contains(a.body, "Invalid request") {
				t.Errorf("%s: %d %s", query, a.status, a.body)
			}
		}
		for _, referer := range []string{"", "http://panel.example/", "users.htm", "%zz"} {
			if a := r.web("POST", "/update.html?mspUsersMap_.0.2_6=a", "", "Referer", referer); !strings.Contains(a.body, "Invalid request") {
				t.Errorf("Referer %q: %s", referer, a.body)
			}
		}
		for _, s := range r.panel.Users(false) {
			if s.Slot != 0 && s.Name != "Gatehouse" {
				t.Errorf("%+v", s)
			}
		}
		r.fault(comelitsim.FaultAnyReferer)
		if a := r.web("POST", "/update.html?mspUsersMap_.0.2_6=a", ""); strings.Contains(a.body, "Invalid request") {
			t.Errorf("%s", a.body)
		}
	})
}

func TestWriteFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		says bool
		name string
	}{
		comelitsim.FaultWriteLost:     {true, ""},
		comelitsim.FaultWriteRefused:  {false, ""},
		comelitsim.FaultTruncateNames: {true, "Théodore Jones - Uni"},
		comelitsim.FaultHandEdits:     {true, "Edited by hand"},
		comelitsim.FaultSlotTaken:     {true, "Théodore Jones - Unit 103"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, standard(), func(t *testing.T, r *rig) {
				r.installer()
				r.once(name)
				if got := r.set("2.4_6", "Th%C3%A9odore+Jones+-+Unit+103"); got != tc.says {
					t.Errorf("the page says %v", got)
				}
				s := r.slotOf(2, 4)
				if s.Name != tc.name {
					t.Errorf("%+v", s)
				}
				if taken := s.Kind == "phone" && s.Phone != ""; taken != (name == comelitsim.FaultSlotTaken) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// A write to slot 0 is not refused, for all that is known; it is counted, and the monitor is no longer one.
func TestTheMonitorsSlotIsNotProtected(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		if !r.set("1.0_5", "2") || r.panel.Stats().SlotZero != 1 {
			t.Errorf("%+v", r.panel.Stats())
		}
		if rep := r.ring(1); len(rep.Steps) != 0 || len(rep.Silent) != 1 {
			t.Errorf("%+v", rep)
		}
		if a := r.web("POST", "/create-actcode.html?user=1.0", "", "Referer", usersPage); !strings.Contains(a.body, "Invalid request") {
			t.Error("a code for slot 0")
		}
	})
}

// Clearing: a disabled slot cannot log in, and a slot that is no app has no token; on another device both survive.
func TestWhatClearingTakesAway(t *testing.T) {
	t.Parallel()
	for _, survives := range []bool{false, true} {
		bubble(t, standard(), func(t *testing.T, r *rig) {
			if survives {
				r.fault(comelitsim.FaultTokenSurvives)
			}
			r.installer()
			c := r.dial()
			c.login(token)
			for _, w := range [][2]string{{"0.1_4", "2"}, {"0.1_11", ""}, {"0.1_6", ""}, {"0.1_5", "0"}} {
				if !r.set(w[0], w[1]) {
					t.Fatalf("%v refused", w)
				}
			}
			d := r.dial()
			if m := d.ask(d.open("UAUT", ""), "access", "user-token", token); (code(m) == 200) != survives {
				t.Errorf("survives %v: %v", survives, m)
			}
			if kept := r.slotOf(0, 1).Token != ""; kept != survives {
				t.Errorf("token kept %v", kept)
			}
			if !survives {
				c.gone()
			}
		})
	}
}

func TestActivationCodesThatAreNotMade(t *testing.T) {
	t.Parallel()
	bubble(t, standard(), func(t *testing.T, r *rig) {
		r.installer()
		r.edit(comelitsim.Slot{Unit: 1, Slot: 1, Kind: "app", Name: "Off"})
		r.edit(comelitsim.Slot{Unit: 1, Slot: 2, Kind: "phone", Name: "Phone", Enabled: true})
		r.edit(comelitsim.Slot{Unit: 1, Slot: 3, Kind: "app", Name: "Good", Enabled: true})
		for _, query := range []string{"user=1.1", "user=1.2", "user=1.4", "user=0.1", "user=9.9", "user=1", "", "user=1.3&x=1", "slot=1.3"} {
			if a := r.web("POST", "/create-actcode.html?"+query, "", "Referer", usersPage); !strings.Contains(a.body, "Invalid request") {
				t.Errorf("%s: %s", query, a.body)
			}
		}
		if a := r.web("POST", "/create-actcode.html?user=1.3", ""); !strings.Contains(a.body, "Invalid request") {
			t.Error("without Referer")
		}
		r.once(comelitsim.FaultNoCode)
		r.web("POST", "/create-actcode.html?user=1.3", "", "Referer", usersPage)
		if s := r.slotOf(1, 3); s.Code != "" {
			t.Errorf("%+v", s)
		}
		r.web("POST", "/create-actcode.html?user=1.3", "", "Referer", usersPage)
		pending := r.slotOf(1, 3).Code
		if a := r.web("GET", "/user-file.mug?user=1.3", ""); !strings.Contains(a.body, "Invalid request") {
			t.Errorf("%s", a.body)
		}
		r.fault(comelitsim.FaultCodeFile)
		if a := r.web("GET", "/user-file.mug?user=1.3", ""); a.body != `{"activation-code":"`+pending+`"}` || pending == "" {
			t.Errorf("%s", a.body)
		}
		if n := len(r.panel.Stats().Invitations); n != 0 {
			t.Errorf("%d invitations without an address", n)
		}
	})
}
