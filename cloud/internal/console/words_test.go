package console

import (
	"strings"
	"testing"

	"gatehouse/protocol/access/fault"
)

// Whose unit has no apartment on a panel is shown with the gateway's words, and is not sent to the source of the data.
func TestTowardsG14_ARefusalOfTheUnitMapNamesWhoMendsIt(t *testing.T) {
	t.Parallel()
	on := &OnPanel{Fault: fault.Invalid.String(), Message: "unit 402 has no apartment on this panel: no apartment of the device is called so; say which it is: gatehouse-agent device map gate-1 --set u31=#3"}
	if got := remedy(on); !strings.Contains(got, "installer") {
		t.Errorf("the remedy is %q", got)
	}
	on.Message = "the PIN has 9 digits"
	if got := remedy(on); !strings.Contains(got, "source") {
		t.Errorf("the remedy is %q", got)
	}
}
