package comelitsim

import "testing"

func TestListsOfTheStatisticsAreBounded(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Units: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxRecorded + 1 {
		p.recordWrite(Write{Field: i, Slot: 1})
	}
	w := p.Stats().Writes
	if len(w) != maxRecorded/2+1 || w[len(w)-1].Field != maxRecorded {
		t.Errorf("%d kept, the last is %d", len(w), w[len(w)-1].Field)
	}
}

func TestPlacesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]place{"0.0": {}, "0.15": {0, 15}, "119.2": {119, 2}} {
		if at, ok := parsePlace(in); !ok || at != want {
			t.Errorf("%s is %v, %v", in, at, ok)
		}
	}
	for _, in := range []string{"", ".", "0", "0.", ".0", "00.1", "0.01", "-1.2", "1.-2", "+1.2", "1.2.3", "a.b", "1.2 ", "٣.1"} {
		if at, ok := parsePlace(in); ok {
			t.Errorf("%q was read as %v", in, at)
		}
	}
}

func TestUnitsAndAddresses(t *testing.T) {
	t.Parallel()
	for unit, want := range map[int][2]string{0: {"101", "SB000001"}, 9: {"110", "SB000010"}, 10: {"201", "SB000011"}, 119: {"1210", "SB000120"}} {
		if unitName(unit) != want[0] || apartment(unit) != want[1] {
			t.Errorf("%d is %s at %s", unit, unitName(unit), apartment(unit))
		}
	}
	if a := (place{1999, 15}).address(); a != "SB00200015" {
		t.Errorf("the longest address is %s", a)
	}
}
