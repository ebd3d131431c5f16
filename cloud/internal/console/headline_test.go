package console

import (
	"strings"
	"testing"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// The sentences, word for word, by kind of panel, what was attempted and why it failed.
func TestTowardsC8_TheSentencesThatStaffKnow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		op   access.Op
		f    fault.Kind
		want string
	}{
		{"comelit", access.OpAdd, fault.Unreachable, "User creation Failed. Error creating Comelit user"},
		{"comelit", access.OpAdd, fault.Denied, "User creation Failed. Error creating Comelit user"},
		{"comelit", access.OpAdd, fault.Full, "No Empty User IDs in Comelit Panel"},
		{"comelit", access.OpChange, fault.Full, "No Empty User IDs in Comelit Panel"},
		{"comelit", access.OpChange, fault.Timeout, "User T. Jones - Unit 101 is not able to be updated on Comelit"},
		{"comelit", access.OpRemove, fault.Timeout, "Failed to remove user from Comelit"},
		{"comelit", access.OpRemove, fault.Full, "Failed to remove user from Comelit"},
		{"akuvox", access.OpAdd, fault.Unreachable, ""},
		{"comelit", "", fault.Unreachable, ""},
	} {
		got, remedy := headline(c.kind, c.op, c.f, "T. Jones - Unit 101")
		if got != c.want || (remedy == "") != (c.want == "") {
			t.Errorf("%s %s %s: %q, %q; want %q", c.kind, c.op, c.f, got, remedy, c.want)
		}
	}
}

// comelitElm is the sample with a Comelit panel at the garage, on which people are as given.
func comelitElm(change ...func(*Property)) Property {
	return elm(append([]func(*Property){func(p *Property) {
		p.Gateways[0].Devices[1].Kind = "comelit"
		for i := range p.People {
			p.People[i].Listed = "Listed " + string(p.People[i].ID)
		}
	}}, change...)...)
}

// What staff read of somebody whom a Comelit panel failed: the sentence, our explanation, the next try and a remedy; and
// that the move-in stands at the other panel (rows C8, C11, C13, C15).
func TestTowardsC8_C11_C13_C15_AFailingPanelOnThePage(t *testing.T) {
	t.Parallel()
	long := noon.AddDate(-1, 0, 0)
	ok, soon := confirmed("lobby", access.Exact, long), noon.Add(2*60e9)
	page := newSite(t, comelitElm(
		on(1, long, noon.AddDate(1, 0, 0), ok, OnPanel{State: Failed, Fault: "timeout", Message: "write slot 0.1: no answer in time", NextTry: soon, Attempts: 3}),
		on(2, long, noon.AddDate(1, 0, 0), ok, OnPanel{State: Failed, Fault: "full", Message: "find a free slot in unit 101: No Empty User IDs in Comelit Panel: the phone is on the panel, the app waits"}),
		on(3, long, noon.AddDate(1, 0, 0), ok, OnPanel{State: Failed, Op: access.OpAdd, Written: long, Confirmed: long, Fault: "invalid", Message: "the device refuses the value of field 12"}),
		on(4, long, noon.Add(-60e9), ok, OnPanel{State: Failed, Op: access.OpAdd, Written: long, Confirmed: long, Fault: "timeout", Message: "no answer in time", NextTry: soon}),
		on(5, long, noon.AddDate(1, 0, 0), ok, OnPanel{State: Refused, Fault: "unsupported", Message: "this panel holds no PINs"}),
		func(p *Property) {
			p.Revoking = []Revocation{{Gateway: "elm-1", Device: "garage", Person: "r004", Name: "Esra Eriksen", State: Failed, Asked: noon.Add(-60e9), Attempts: 2}}
		},
	)).page("/property/elm")
	for id, want := range map[string][]string{
		"r001": {"! Failed User creation Failed. Error creating Comelit user write slot 0.1: no answer in time next try", "The move-in stands", "power and network", "✓ Confirmed"},
		"r002": {"! Failed No Empty User IDs in Comelit Panel find a free slot", "the phone is on the panel, the app waits", "Free a slot of the unit"},
		"r003": {"! Failed User Listed r003 is not able to be updated on Comelit the device refuses the value of field 12", "the number too, stays"},
		"r004": {"! Removal failed Failed to remove user from Comelit no answer in time next try", "clear their slots"},
	} {
		for _, w := range want {
			if got := page.row(t, id).text(); !strings.Contains(got, w) {
				t.Errorf("%s: %q lacks %q", id, got, w)
			}
		}
	}
	if got := page.row(t, "r005").text(); strings.Contains(got, "User creation") {
		t.Errorf("a refusal of ours passes for a failure: %q", got)
	}
	text := page.text()
	for _, w := range []string{"on Garage panel: User creation Failed. Error creating Comelit user: write slot 0.1", "Failed to remove user from Comelit: 2 attempts so far"} {
		if !strings.Contains(text, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

// A panel that does not work with the gateway at all: whoever waits for it has the sentence, with the reason the gateway
// gives; who is on it, or is not due yet, has none (rows C8, C16).
func TestTowardsC16_APanelThatLostItsLogin(t *testing.T) {
	t.Parallel()
	const why = "list the backups of panel garage: the installer account lost its rights. Log in to the device's web page as installer."
	page := newSite(t, comelitElm(
		func(p *Property) {
			d := &p.Gateways[0].Devices[1]
			d.Reachable, d.Since, d.Message = false, noon.Add(-3600e9), why
		},
		on(1, noon.Add(-60e9), noon.AddDate(1, 0, 0), OnPanel{State: Stored}, OnPanel{State: Stored}),
		on(2, noon.AddDate(0, 0, 9), noon.AddDate(1, 0, 0), OnPanel{State: Stored}, OnPanel{State: Stored}),
		on(3, noon.AddDate(-1, 0, 0), noon.Add(-60e9), OnPanel{State: Stored, Op: access.OpAdd, Confirmed: noon.AddDate(-1, 0, 0)}, OnPanel{State: Stored, Op: access.OpAdd, Confirmed: noon.AddDate(-1, 0, 0)}),
	)).page("/property/elm")
	for id, want := range map[string]string{
		"r001": "Stored User creation Failed. Error creating Comelit user at the gateway, which writes it by itself " + why + " The move-in stands",
		"r003": "Failed to remove user from Comelit",
	} {
		if got := page.row(t, id).text(); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", id, got, want)
		}
	}
	for _, id := range []string{"r000", "r002"} {
		if got := page.row(t, id).text(); strings.Contains(got, "Comelit") {
			t.Errorf("%s: %q", id, got)
		}
	}
	if text := page.text(); !strings.Contains(text, "Garage panel does not work with the gateway: "+why) {
		t.Error("the panel's trouble is not among what needs attention")
	}
}
