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
		asked        bool
	}{
		{"ValidCodeEntered", "code=$code&userid=$userid&relay_id=$relay_id", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}, false},
		{"ValidCodeEntered", "code=" + long + "&userid=" + long, driver.Happening{Kind: driver.HappenedDoor, How: "pin"}, false},
		{"ValidCodeEntered", "code=%00%1b&userid=GH%0A&relay_id=RelayC", driver.Happening{Kind: driver.HappenedDoor, How: "pin", Relay: "C"}, false},
		{"ValidCodeEntered", "code=77&userid=4711", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}, true},
		{"ValidCodeEntered", "userid=GH../../x", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}, false},
		{"ValidCodeEntered", "userid=GHp7&remote=101&alarmstatus=1", driver.Happening{Kind: driver.HappenedDoor, How: "pin", By: "p7"}, false},
		{"InvalidCodeEntered", "code=4821&userid=GHp7&relay_id=1", driver.Happening{Kind: driver.HappenedDoor, How: "pin"}, false},
		{"RelayBTriggered", "relay_id=1", driver.Happening{Kind: driver.HappenedDoor, Relay: "B"}, false},
		{"AlarmTriggered", "alarmstatus=1", driver.Happening{Kind: driver.HappenedTamper, Cause: "the panel's tamper alarm, status 1"}, false},
		{"MakeCall", "remote=%20sip:101@192.0.2.9&code=4821", driver.Happening{Kind: driver.HappenedRing, Unit: "101"}, false},
		{"MakeCall", "remote=sip:@192.0.2.9", driver.Happening{Kind: driver.HappenedRing, Unit: "sip:@192.0.2.9"}, false},
		{"MakeCall", "remote=192.0.2.9", driver.Happening{Kind: driver.HappenedRing, Unit: "192.0.2.9"}, false},
		{"HangUp", "", driver.Happening{Kind: driver.HappenedRingEnd}, false},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		asked := false
		got, ok := p.Called(tt.event, q, func(access.Secret) access.PersonID { asked = true; return "" })
		if !ok || got != tt.want || asked != tt.asked {
			t.Errorf("%s?%s: %+v %v, asked %v; want %+v", tt.event, tt.query, got, ok, asked, tt.want)
		}
	}
	for _, event := range []string{"", "validcodeentered", "Enable", "RelayETriggered", "ValidCodeEntered/", "../x"} {
		if h, ok := p.Called(event, nil, nil); ok || h != (driver.Happening{}) {
			t.Errorf("%q passes for %+v", event, h)
		}
	}
}

// The code of a refused attempt may be somebody's own, mistyped: it is not asked for.
func TestNoRefusedCodeIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, a := range actions() {
		if strings.HasPrefix(a.event, "Invalid") && a.vars != "" {
			t.Errorf("%s asks for %s", a.event, a.vars)
		}
		if a.event != "ValidCodeEntered" && strings.Contains(a.address("http://192.0.2.5", strings.Fields(a.vars)), "$code") {
			t.Errorf("%s asks for the code", a.event)
		}
	}
}

// FuzzCalled: whoever knows the secret path can call anything; nothing of it passes but short plain text, and the code
// goes to whose alone.
func FuzzCalled(f *testing.F) {
	f.Add("ValidCodeEntered", "code=4821&userid=GHp7&relay_id=A")
	f.Add("MakeCall", "remote=sip%3A101%40192.0.2.9")
	f.Add("AlarmTriggered", "alarmstatus=%1b%5b31m&alarmstatus=2")
	f.Add("RelayATriggered", "code=1;userid=%zz")
	f.Fuzz(func(t *testing.T, event, query string) {
		q, _ := url.ParseQuery(query) // what can be read of it, as net/http does
		var code string
		h, ok := (&Panel{}).Called(event, q, func(s access.Secret) access.PersonID { code = s.Reveal(); return "" })
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
		if len(code) >= 4 && code != strings.ToUpper(h.Unit) && strings.Contains(h.Cause+h.Unit, code) && q.Get("remote")+q.Get("alarmstatus") == "" {
			t.Errorf("the code stands in %+v", h)
		}
	})
}
