package akuvox_test

import (
	"testing"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
)

// TestTakeLeavesTheVendorsRowsAlone, and rows without a number: nothing is sent for either.
func TestTakeLeavesTheVendorsRowsAlone(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{})
	theirs := jonesRow()
	theirs["UserID"], theirs["SourceType"] = "1009", "2"
	seen := model.Record{Native: w.add(theirs), Ref: "1009"}
	p := w.panel(t)
	for _, ref := range []model.Ref{"GHp7", "", "1010"} {
		if err := p.Take(t.Context(), seen, ref); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%q: %v", ref, err)
		}
	}
	if err := p.Take(t.Context(), model.Record{Name: "Nobody"}, ""); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("without a number: %v", err)
	}
	if got := writes(w); len(got) != 0 {
		t.Errorf("it wrote %v", got)
	}
}
