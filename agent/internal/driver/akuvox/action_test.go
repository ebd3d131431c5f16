package akuvox

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
)

func TestCalledTakesOnlyWhatItAskedFor(t *testing.T) {
	t.Parallel()
	p := &Panel{}
	long := strings.Repeat("9", 200)
	for _, tt := range []struct {
		event, query string
		want         driver.Happening
	}{
		{"ValidCodeEntered", "code=$code&userid=$userid&relay_id=$relay_id", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}},
		{"ValidCodeEntered", "code=" + long + "&userid=" + long, driver.Happening{Kind: driver.HappenedDoor, How: "pin"}},
		{"ValidCodeEntered", "code=%00%1b&userid=GH%0A&relay_id=RelayC", driver.Happening{Kind: driver.HappenedDoor, How: "pin", Relay: "C"}},
		{"ValidCodeEntered", "code=77&userid=4711", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}},
		{"ValidCodeEntered", "userid=GH../../x", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}},
		{"ValidCodeEntered", "userid=GHp7&remote=101&alarmstatus=1", driver.Happening{Kind: driver.HappenedDoor, How: "pin", By: "p7"}},
		{"InvalidCodeEntered", "code=4821&userid=GHp7&relay_id=1", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}},
		{"RelayBTriggered", "relay_id=1", driver.Happening{Kind: driver.HappenedDoor, Relay: "B"}},
		{"AlarmTriggered", "alarmstatus=1", driver.Happening{Kind: driver.HappenedTamper, Cause: "the panel's tamper alarm, status 1"}},
		{"MakeCall", "remote=%20sip:101@192.0.2.9&code=4821", driver.Happening{Kind: driver.HappenedRing, Unit: "101"}},
		{"MakeCall", "remote=sip:@192.0.2.9", driver.Happening{Kind: driver.HappenedRing, Unit: "sip:@192.0.2.9"}},
		{"MakeCall", "remote=192.0.2.9", driver.Happening{Kind: driver.HappenedRing, Unit: "192.0.2.9"}},
		{"HangUp", "", driver.Happening{Kind: driver.HappenedRingEnd}},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Called(tt.event, q)
		if !ok || got != tt.want {
			t.Errorf("%s?%s: %+v %v; want %+v", tt.event, tt.query, got, ok, tt.want)
		}
	}
	for _, event := range []string{"", "validcodeentered", "Enable", "RelayETriggered", "ValidCodeEntered/", "../x"} {
		if h, ok := p.Called(event, nil); ok || h != (driver.Happening{}) {
			t.Errorf("%q passes for %+v", event, h)
		}
	}
}

// A PIN, a card or a code that was mistyped by one digit is not asked for: whoever hears the call would have it.
func TestNoCodeIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, a := range actions() {
		at := a.address("http://192.0.2.5", strings.Fields(a.vars))
		if strings.HasPrefix(a.event, "Invalid") && a.vars != "" || strings.Contains(at, "$code") || strings.Contains(at, "$card") {
			t.Errorf("%s asks for %s", a.event, a.vars)
		}
	}
}

// FuzzCalled: whoever knows the secret path can call anything; nothing of it passes but short plain text, and no
// code.
func FuzzCalled(f *testing.F) {
	f.Add("ValidCodeEntered", "code=4821&userid=GHp7&relay_id=A")
	f.Add("MakeCall", "remote=sip%3A101%40192.0.2.9")
	f.Add("AlarmTriggered", "alarmstatus=%1b%5b31m&alarmstatus=2")
	f.Add("RelayATriggered", "code=1;userid=%zz")
	f.Fuzz(func(t *testing.T, event, query string) {
		q, _ := url.ParseQuery(query) // what can be read of it, as net/http does
		code := q.Get("code")
		h, ok := (&Panel{}).Called(event, q)
		if !ok {
			if h != (driver.Happening{}) {
				t.Errorf("%+v from %q", h, event)
			}
			return
		}
		for _, s := range []string{h.Unit, h.Cause, h.Relay, string(h.By)} {
			if !clean(s) || len(s) > 300 {
				t.Errorf("%+v", h)
			}
		}
		if h.By != "" && !access.ValidID(string(h.By)) {
			t.Errorf("by %q", h.By)
		}
		if len(code) >= 4 && strings.Contains(h.Unit, code) && q.Get("remote") == "" {
			t.Errorf("the code stands in %+v", h)
		}
	})
}
