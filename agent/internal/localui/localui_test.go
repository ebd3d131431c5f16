package localui

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

func sample() View {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	return View{
		Version: "0.1", Gateway: "gw-1", Property: "maple", Name: "Maple Court", Zone: ny, Now: at,
		Clock: Clock{Trusted: true, Source: "ntp"},
		Cloud: Cloud{Connected: true, Since: at, Contact: at, Waiting: 3},
		State: State{Position: access.Position{Epoch: 1, Revision: 42}, People: 70, Next: at.Add(time.Hour)},
		Devices: []Device{
			{ID: "lobby-1", Kind: "akuvox", Model: "X916", Doors: []string{"lobby (relay A)"}, Reachable: true, Since: at, Rows: 50, Strangers: 2, Audited: at, Way: "found, <talking>, not managed"},
			{ID: "rear", Kind: "akuvox", Since: at, Message: "no route to host", Waiting: 4, Removals: 1},
			{ID: "side", Kind: "akuvox", Since: at, Refuses: true, Message: "HTTP 401"},
		},
	}
}

func TestPage(t *testing.T) {
	got := Page(sample())
	for _, want := range []string{
		`<html lang="en">`, "<h1>Gatehouse gateway gw-1</h1>", "Maple Court (maple)",
		`class="ok">connected since 2026-11-22 15:00:00 EST`, "revision 42 (epoch 1), 70 people",
		"2026-11-22 16:00:00 EST", `class="bad">does not answer since 2026-11-22 15:00:00 EST: no route to host`,
		`class="bad">refuses us since 2026-11-22 15:00:00 EST: look at user and password in the configuration; HTTP 401`,
		"4 people, 1 of them to remove", "50 records, 2 not ours", "not read back yet",
		"<small>found, &lt;talking&gt;, not managed</small>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	v := sample()
	v.Gateway, v.Clock.Trusted, v.Devices = "", false, nil
	v.Cloud = Cloud{Error: "connection refused"}
	got := Page(v)
	v.Forgotten = []string{"device rear still holds 2 people", "device side still holds 1"}
	v.Devices = []Device{{ID: "annex", Kind: "intercom", Message: "cannot be set up: no such kind"}, {ID: "gate", Kind: "akuvox"}}
	broken := Page(v)
	for _, want := range []string{
		`Forgotten panel</th><td class="bad">device rear still holds 2 people`, "device side still holds 1",
		`class="bad">cannot be set up: no such kind<`, `class="bad">not tried yet<`,
	} {
		if !strings.Contains(broken, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	v.Unlinked = "who this gateway is cannot be read"
	if got := Page(v); !strings.Contains(got, `Enrolment</th><td class="bad">who this gateway is cannot be read`) || strings.Contains(got, "not enrolled yet") {
		t.Error("a gateway that cannot read who it is looks like one that was never enrolled")
	}
	for _, want := range []string{"not enrolled yet", "nothing new opens", "last contact none since start; connection refused", "None is configured"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestTowardsG1_ThePageSaysWhoMayStillOpen: what is late, and apart from it what waits on purpose.
func TestTowardsG1_ThePageSaysWhoMayStillOpen(t *testing.T) {
	v := sample()
	if got := Page(v); !strings.Contains(got, `class="ok">all confirmed`) || strings.Contains(got, "stays for now") || strings.Contains(got, "Done here by hand") {
		t.Error("nothing waits, and the page says otherwise")
	}
	v.Revocations = Revocations{Open: 2, Oldest: 90 * time.Second, Held: 3, Stale: 4, Reported: 5}
	v.Acts, v.Devices[0].Drift = 1, 6
	got := Page(v)
	for _, want := range []string{
		`class="bad">2 not confirmed, the oldest asked for 1m30s ago: they may still open`, "3 removals wait, until somebody agrees",
		"4 removals wait, lease ends", "5 removals wait, on panels", "1, not settled by the cloud yet", "2 not ours, 6 astray",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageEscapesWhatDevicesSay(t *testing.T) {
	v := sample()
	v.Devices[0].Model = `<script>alert(1)</script>`
	v.Devices[1].Message = `"><img src=x>`
	got := Page(v)
	for _, bad := range []string{"<script>", "<img"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

func TestHandlerForbidsScriptsAndFrames(t *testing.T) {
	rec := httptest.NewRecorder()
	Handler(sample).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if csp := rec.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy is %q", csp)
	}
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), "Maple Court") {
		t.Errorf("status %d", rec.Code)
	}
}
