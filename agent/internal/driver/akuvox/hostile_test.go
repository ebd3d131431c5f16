package akuvox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// everyCall is each thing that the driver does with a panel.
func everyCall() map[string]func(*testing.T, *akuvox.Panel) error {
	write := func(op access.Op) func(*testing.T, *akuvox.Panel) error {
		return func(t *testing.T, p *akuvox.Panel) error {
			r := drivertest.Jones()
			return p.Apply(t.Context(), model.Step{Op: op, Person: "p7", Ref: r.Ref, Record: r})
		}
	}
	return map[string]func(*testing.T, *akuvox.Panel) error{
		"probe":  func(t *testing.T, p *akuvox.Panel) error { _, _, err := p.Probe(t.Context()); return err },
		"list":   func(t *testing.T, p *akuvox.Panel) error { _, err := p.List(t.Context()); return err },
		"read":   func(t *testing.T, p *akuvox.Panel) error { _, err := p.Read(t.Context(), "GHp7"); return err },
		"count":  func(t *testing.T, p *akuvox.Panel) error { _, err := p.Count(t.Context()); return err },
		"add":    write(access.OpAdd),
		"change": write(access.OpChange),
		"remove": write(access.OpRemove),
		"take": func(t *testing.T, p *akuvox.Panel) error {
			return p.Take(t.Context(), model.Record{Native: "1", Ref: "9"}, "GHp7")
		},
		"hours": func(t *testing.T, p *akuvox.Panel) error {
			_, err := p.KeepSchedules(t.Context(), []access.Schedule{gym()})
			return err
		},
		"log": func(t *testing.T, p *akuvox.Panel) error {
			_, err := p.DoorLog(t.Context(), driver.DoorLogAsk{})
			return err
		},
		"skew":    func(t *testing.T, p *akuvox.Panel) error { _, err := p.Skew(t.Context()); return err },
		"release": func(t *testing.T, p *akuvox.Panel) error { return p.Release(t.Context(), "A") },
		"calls":   func(t *testing.T, p *akuvox.Panel) error { _, err := p.CallAt(t.Context(), callBase); return err },
		"dialect": func(t *testing.T, p *akuvox.Panel) error { _, err := p.Dialect(t.Context()); return err },
	}
}

// hostile are bodies that no panel should send, each with status 200.
func hostile() map[string]string {
	return map[string]string{
		"empty":          "",
		"no JSON":        "\x00\x01\x02",
		"a page":         "<html>\x1b[31m</html>",
		"a list":         `[]`,
		"null":           `null`,
		"cut":            `{"retcode":0,"message":"OK","data":{"item":[{"ID":"1","UserID":"GHp7","Na`,
		"deep":           strings.Repeat(`{"data":`, 20000),
		"wrong types":    `{"retcode":0,"message":[],"data":{"num":{},"item":{"a":[1]},"Status":7,"SystemTime":[]}}`,
		"rows of others": `{"retcode":0,"data":{"num":2,"item":[7,"x"]}}`,
		"words":          "{\"retcode\":-1,\"message\":\"\x1b]0;owned\x07\r\nSet-Cookie: a=b " + strings.Repeat("A", 5000) + "\"}",
		"huge numbers":   `{"retcode":99999999999999999999999,"data":{"num":99999999999999999999,"item":[]}}`,
		"not UTF-8":      "{\"retcode\":-1,\"message\":\"\xff\xfe\xc0\"}",
		"many":           `{"retcode":0,"data":{"num":70000,"item":[` + strings.Repeat(`{},`, 70000) + `{}]}}`,
	}
}

// Every call against every such answer ends in a fault in words that are safe to show, and holds no secret.
func TestHostileAnswersInEveryPath(t *testing.T) {
	t.Parallel()
	for name, body := range hostile() {
		w := newWild(t, &wild{before: func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
			_, _ = rw.Write([]byte(body))
			return true
		}})
		for call, do := range everyCall() {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				err := do(t, w.panel(t))
				if err == nil {
					if name == "wrong types" && call == "calls" {
						t.Error("settings that are none pass for some")
					}
					return // some answers are no answer to this call, and prove nothing wrong
				}
				safeToShow(t, err)
			})
		}
	}
}

func safeToShow(t *testing.T, err error) {
	t.Helper()
	words := err.Error() + fault.RemedyOf(err)
	if fault.KindOf(err) == fault.Internal || fault.RemedyOf(err) == "" {
		t.Errorf("%v (%v) has no remedy or is no fault", err, fault.KindOf(err))
	}
	if strings.ContainsAny(words, "\r\n\x1b\x07\x00") || len(words) > 1500 {
		t.Errorf("not safe to show: %q", words)
	}
	for _, secret := range []string{"correct horse", "4821", "04A1B2C3", "s3cret"} {
		if strings.Contains(words, secret) {
			t.Errorf("it tells a secret: %v", err)
		}
	}
}

// What is empty, endless, slow, or leads elsewhere is a fault for every call, and for writes an honest one.
func TestBadAnswersInEveryPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		akuvoxsim.FaultEmpty200, akuvoxsim.FaultHTTP500, akuvoxsim.FaultEndless, akuvoxsim.FaultDrip, akuvoxsim.FaultRedirect,
		akuvoxsim.FaultWebSPA, akuvoxsim.FaultWebLegacy, akuvoxsim.FaultFCGIOnly, akuvoxsim.FaultAPIOff, akuvoxsim.FaultLoginChanged,
	} {
		b := newBench(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, Faults: []akuvoxsim.FaultSetting{{Name: name, On: true}}})
		for call, do := range everyCall() {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				p := newPanel(t, driver.Config{URL: b.url, User: simUser, Password: access.NewSecret(simPassword), Timeout: 200 * time.Millisecond})
				err := do(t, p)
				if err == nil {
					t.Fatal("no error")
				}
				safeToShow(t, err)
			})
		}
	}
}

// The four dialects are told apart, and what is missing is said in words (the sheet's "Read this first").
func TestDialectsOfTheSimulator(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ fault, model, dialect, words string }{
		{"", "E18", "http-api", ""},
		{"", "IT83", "http-api", ""},
		{akuvoxsim.FaultWebSPA, "X915S", "web-spa", "https://"},
		{akuvoxsim.FaultWebLegacy, "E18C", "web-legacy", "switch the HTTP API on"},
		{akuvoxsim.FaultFCGIOnly, "X916", "fcgi", "switch the HTTP API on"},
		{akuvoxsim.FaultAPIOff, "X916", "", "allowlist"},
		{akuvoxsim.FaultEmpty200, "X916", "", "Restart the panel"},
		{akuvoxsim.FaultLoginChanged, "X916", "http-api", "user and password of the panel's HTTP API"},
	} {
		o := akuvoxsim.Options{Model: tt.model}
		if tt.fault != "" {
			o.Faults = []akuvoxsim.FaultSetting{{Name: tt.fault, On: true}}
		}
		b := newBench(t, o)
		got, err := b.panel.(driver.Doctor).Dialect(t.Context())
		if got != tt.dialect || (err == nil) != (tt.words == "") || err != nil && !strings.Contains(fault.RemedyOf(err), tt.words) {
			t.Errorf("%s on %s: dialect %q, %v, remedy %q", tt.fault, tt.model, got, err, fault.RemedyOf(err))
		}
	}
	b := newBench(t, akuvoxsim.Options{Model: "IT83"})
	_, _, err := b.panel.Probe(t.Context())
	wantKind(t, err, fault.Unsupported)
	wantKind(t, b.panel.(driver.DoorReleaser).Release(t.Context(), "A"), fault.Unsupported)
}

// Bytes that are not UTF-8, and HTTP text after the JSON, change nothing for any call.
func TestStrangeBytesInEveryPath(t *testing.T) {
	t.Parallel()
	for call, do := range everyCall() {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
			plain := do(t, newPanel(t, driver.Config{URL: b.url, User: simUser, Password: access.NewSecret(simPassword)}))
			s := newBench(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest})
			s.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultBadUTF8})
			s.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultTrailingBytes})
			strange := do(t, newPanel(t, driver.Config{URL: s.url, User: simUser, Password: access.NewSecret(simPassword)}))
			if (plain == nil) != (strange == nil) || fault.KindOf(plain) != fault.KindOf(strange) {
				t.Errorf("plain %v, strange %v", plain, strange)
			}
		})
	}
}

// Names and settings that are not UTF-8 are read as far as they go (§1).
func TestRowsThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	w := newWild(t, &wild{before: func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.URL.Path != "/api/user/get" {
			return false
		}
		_, _ = rw.Write([]byte("{\"retcode\":0,\"data\":{\"num\":1,\"item\":[{\"ID\":\"1\",\"UserID\":\"GHp7\",\"Name\":\"Ren\xe9e\",\"PrivatePIN\":\"4821\",\"ScheduleRelay\":\"1001-1\"}]}}"))
		return true
	}})
	rows, err := w.panel(t).List(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Ref != "GHp7" || rows[0].PIN.Reveal() != "4821" || rows[0].Name != "Ren\ufffde" {
		t.Errorf("%+v, %v", rows, err)
	}
}

// Where a challenge offers auth-int alone, each request is signed with its body; else auth is taken.
func TestDigestThatWantsAuthInt(t *testing.T) {
	t.Parallel()
	for _, f := range []string{akuvoxsim.FaultAuthIntOnly, akuvoxsim.FaultStaleNonce} {
		b := newBench(t, akuvoxsim.Options{Auth: akuvoxsim.AuthDigest, Model: "E18"})
		b.fault(t, akuvoxsim.FaultSetting{Name: akuvoxsim.FaultAuthIntOnly})
		if f != akuvoxsim.FaultAuthIntOnly {
			b.fault(t, akuvoxsim.FaultSetting{Name: f})
		}
		r := drivertest.Jones()
		if err := b.panel.Apply(t.Context(), model.Step{Op: access.OpAdd, Person: "p7", Ref: r.Ref, Record: r}); err != nil {
			t.Fatal(err)
		}
		if rows, err := b.panel.Read(t.Context(), r.Ref); err != nil || len(rows) != 1 || !rows[0].Same(r) {
			t.Errorf("%+v, %v", rows, err)
		}
		if err := b.panel.(driver.DoorReleaser).Release(t.Context(), "B"); err != nil {
			t.Error(err)
		}
		wrong := newPanel(t, driver.Config{URL: b.url, User: simUser, Password: access.NewSecret("wrong")})
		_, err := wrong.List(t.Context())
		wantKind(t, err, fault.Denied)
	}
}
