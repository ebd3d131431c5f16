package simkit

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func list() List {
	return List{
		Command: "sim", Resource: func(s string) bool { return s == "Units" || s == "Login" },
		Faults: []Fault{
			{Name: "mute", Line: "nothing is said"},
			{Name: "slow", Line: "late", Default: "3s", Takes: Duration},
			{Name: "skew", Line: "the clock is off", Default: "1h", Takes: Duration, Negative: true},
			{Name: "limit", Line: "so many", Default: "8", Takes: Count, Least: 1, Most: 255},
			{Name: "gone", Line: "one is gone", Takes: MaybeCount, Steady: true},
			{Name: "reboot", Line: "starts anew", Default: "20s", Takes: Duration, Moment: true},
			{Name: "word", Line: "one is dropped", Default: "Contacts", Takes: Word, Of: "Login"},
		},
	}
}

func TestParseFault(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]FaultSetting{
		"slow":        {Name: "slow", On: true},
		"slow=2s":     {Name: "slow", On: true, Value: "2s"},
		"slow@Units":  {Name: "slow", On: true, Resource: "Units"},
		"slow=2s@A/B": {Name: "slow", On: true, Value: "2s", Resource: "A/B"},
	} {
		if got := ParseFault(spec); got != want {
			t.Errorf("%s: %+v", spec, got)
		}
	}
}

func TestWhatASettingMayNotSay(t *testing.T) {
	t.Parallel()
	for words, set := range map[string]FaultSetting{
		`no fault "rain"; sim --faults lists them`: {Name: "rain"},
		`slow: value "x" is wrong`:                 {Name: "slow", Value: "x"},
		`slow: value "-1s" is wrong: it must not`:  {Name: "slow", Value: "-1s"},
		"takes no value":                           {Name: "mute", Value: "1"},
		"counts from 1":                            {Name: "limit", Value: "0"},
		"not be over 255":                          {Name: "limit", Value: "256"},
		`value "many" is wrong`:                    {Name: "limit", Value: "many"},
		"times is -1":                              {Name: "mute", Times: -1},
		"after is -1":                              {Name: "mute", After: -1},
		`no resource "Roof"`:                       {Name: "mute", Resource: "Roof"},
		"gone: it is a state of the whole":         {Name: "gone", Times: 1},
		"reboot: it is a state of the whole":       {Name: "reboot", Resource: "Units"},
	} {
		s := list().Switches()
		set.On = true
		if _, err := s.Set(set); err == nil || !strings.Contains(err.Error(), words) || len(s.All()) != 0 {
			t.Errorf("%+v: %v, on: %v; want %q", set, err, s.All(), words)
		}
	}
	if _, _, err := (List{Faults: list().Faults}).Arm(FaultSetting{Name: "mute", Resource: "Units"}); err == nil {
		t.Error("a resource where there are none")
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	s := list().Switches()
	for _, set := range []string{"slow", "skew=-2h", "limit=255", "gone", "word"} {
		if _, err := s.Set(ParseFault(set)); err != nil {
			t.Errorf("%s: %v", set, err)
		}
	}
	if s.On("slow").Duration != 3*time.Second || s.On("skew").Duration != -2*time.Hour || s.On("limit").Count != 255 || s.On("gone").Count != 0 {
		t.Errorf("%+v %+v %+v %+v", s.On("slow"), s.On("skew"), s.On("limit"), s.On("gone"))
	}
	if w := s.On("word"); w.Value != "Contacts" || w.Resource != "Login" {
		t.Errorf("%+v", w)
	}
	if a, err := s.Set(FaultSetting{Name: "reboot", On: true}); err != nil || a.Duration != 20*time.Second || s.On("reboot") != nil {
		t.Errorf("a moment: %+v %v, on: %v", a, err, s.On("reboot"))
	}
	if all := s.All(); len(all) != 5 || all[0].Name != "slow" || all[4].Name != "word" {
		t.Errorf("%v", all)
	}
	if _, err := s.Set(FaultSetting{Name: "slow"}); err != nil || s.On("slow") != nil {
		t.Errorf("still on: %v %v", s.On("slow"), err)
	}
	if _, err := s.Set(FaultSetting{Name: "all"}); err != nil || len(s.All()) != 0 {
		t.Errorf("still on: %v %v", s.All(), err)
	}
}

func TestAFaultBitesAfterSoManyAndSoOften(t *testing.T) {
	t.Parallel()
	s := list().Switches()
	if _, err := s.Set(FaultSetting{Name: "mute", On: true, After: 1, Times: 2}); err != nil {
		t.Fatal(err)
	}
	var bit []bool
	for range 5 {
		bit = append(bit, s.Bite("mute") != nil)
	}
	if want := []bool{false, true, true, false, false}; !slices.Equal(bit, want) || s.On("mute") != nil {
		t.Errorf("%v, still on: %v", bit, s.On("mute"))
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := list().Print(&b); err != nil || strings.Count(b.String(), "\n") != 7 || !strings.Contains(b.String(), "late (value, default 3s)") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestControlSide(t *testing.T) {
	t.Parallel()
	s := list().Switches()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", Help("words"))
	mux.HandleFunc("GET /faults", ShowFaults(list(), s.All))
	mux.HandleFunc("POST /fault", Switch(func(f FaultSetting) error { _, err := s.Set(f); return err }))
	mux.HandleFunc("POST /say", Act(func(in struct{ Word string }) (string, error) {
		return in.Word, map[string]error{"busy": Conflict("it rings"), "off": Away("it restarts"), "bad": errors.New("no such word")}[in.Word]
	}))
	for _, c := range []struct {
		method, path, body string
		code               int
		words              string
	}{
		{"GET", "/", "", 200, "words"},
		{"POST", "/fault", `{"name":"mute","on":true}`, 200, `{"name":"mute","on":true}`},
		{"GET", "/faults", "", 200, `"on":[{"name":"mute","on":true}]`},
		{"POST", "/fault", `{"name":"mute"}`, 400, `say "on":true`},
		{"POST", "/fault", `{"name":"rain","on":true}`, 400, "no fault"},
		{"POST", "/say", `{"Word":"yes"}`, 200, `"yes"`},
		{"POST", "/say", `{"Word":"busy"}`, 409, "it rings"},
		{"POST", "/say", `{"Word":"off"}`, 503, "it restarts"},
		{"POST", "/say", `{"Word":"bad"}`, 400, "no such word"},
		{"POST", "/say", `{"Other":1}`, 400, "GET / shows it"},
		{"POST", "/say", `{"Word":"a"} {}`, 400, "more than one"},
		{"POST", "/say", ``, 400, "GET / shows it"},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for cut, want := range map[Cut]string{Whole: "0123456789", CutHalf: "01234", CutAll: ""} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cut.Send(w, http.StatusAccepted, []byte("0123456789"))
		}))
		resp, err := srv.Client().Get(srv.URL)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusAccepted || resp.ContentLength != 10 {
				t.Errorf("cut %d: status %d, length %d", cut, resp.StatusCode, resp.ContentLength)
			}
		}
		var op *net.OpError
		reset := errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if string(body) != want || reset == (cut == Whole) {
			t.Errorf("cut %d: %q, %v", cut, body, err)
		}
		srv.Close()
	}
	w := httptest.NewRecorder()
	if Whole.Send(w, http.StatusNoContent, nil); w.Header().Get("Content-Length") != "" {
		t.Error("nothing has a length")
	}
}

func TestWaitEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		Wait(t.Context(), 0)
		Wait(t.Context(), 3*time.Second)
		if d := time.Since(begun); d != 3*time.Second {
			t.Errorf("waited %s", d)
		}
	})
}
