package rentmanagersim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const controlHelp = `Simulated Rent Manager account, control side. Everything is shown in clear: this is a simulator.
A day is 2026-12-31, "today", or "+3" and "-1" from today. Answers to changes: {"tenant","contact","lease"}.

GET  /people     every contact: {"tenant","contact","lease","property","unit","first","last",…,"status","pin","card"}
POST /move_in    {"property":12,"unit":"104","first":"Ada","last":"Byron","email":"…","phone":"…","pin":"…","card":"…",
                 "date":"today","lease_end":"…"}, or {"tenant":4417,"first":"…","last":"…"} to join a household
POST /move_out   {"tenant":4417,"date":"today"}; with "notice":true only notice is given; with "contact":N one leaves;
                 with "vanish":true the account is gone without a trace
POST /transfer   {"tenant":4417,"unit":"B-204","property":12,"date":"today"}
POST /promote    {"tenant":4417,"contact":9002,"new_ids":false}
POST /renew      {"tenant":4417,"end":"…"}
POST /edit       {"contact":9001,"email":"…","phone":"…","first":"…","last":"…","type":"…","pin":"…","card":"…"}
GET  /clock      {"now"}
POST /clock      {"now":"2026-12-31T09:00:00Z"} or {"add":"36h"} or {"days":3}
POST /fault      {"name":"slow","on":true,"value":"2s","times":1,"after":0,"resource":"Tenants"}; {"name":"all","on":false}
GET  /faults     {"faults":[every fault with one line of meaning],"on":[…]}
GET  /stats      requests by path and status, the last ones in order
`

// Control is the handler of the control side: the hand of the leasing office, in a test or a demo.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, controlHelp) //nolint:errcheck // a caller that left is its own business
	})
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, s.People()) })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, s.Stats()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, map[string]any{"faults": Faults(), "on": s.FaultsOn()})
	})
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, clockAnswer{s.Now()}) })
	mux.HandleFunc("POST /move_in", change(s.MoveIn))
	mux.HandleFunc("POST /move_out", change(s.MoveOut))
	mux.HandleFunc("POST /transfer", change(s.Transfer))
	mux.HandleFunc("POST /promote", change(s.Promote))
	mux.HandleFunc("POST /renew", change(s.Renew))
	mux.HandleFunc("POST /edit", change(s.Edit))
	mux.HandleFunc("POST /clock", change(s.controlClock))
	mux.HandleFunc("POST /fault", change(s.controlFault))
	return mux
}

// change serves one kind of request: strict JSON in, JSON out, words on errors.
func change[In, Out any](do func(In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := strictJSON(r.Body, &in)
		var out Out
		if err == nil {
			out, err = do(in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answerJSON(w, out)
	}
}

type clockAnswer struct {
	Now time.Time `json:"now"`
}

type clockRequest struct {
	Now  time.Time `json:"now,omitzero"`
	Add  string    `json:"add,omitempty"`
	Days int       `json:"days,omitempty"`
}

func (s *Server) controlClock(in clockRequest) (clockAnswer, error) {
	to := s.Now()
	switch {
	case !in.Now.IsZero() && in.Add == "" && in.Days == 0:
		to = in.Now
	case in.Now.IsZero() && in.Add != "" && in.Days == 0:
		d, err := time.ParseDuration(in.Add)
		if err != nil {
			return clockAnswer{}, fmt.Errorf("add: %q is not a duration such as 36h", in.Add)
		}
		to = to.Add(d)
	case in.Now.IsZero() && in.Add == "" && in.Days != 0:
		to = to.AddDate(0, 0, in.Days)
	default:
		return clockAnswer{}, errors.New("give one of now, add and days")
	}
	s.SetClock(to)
	return clockAnswer{s.Now()}, nil
}

// faultRequest wants on or off said, so that a forgotten key does not switch something off.
type faultRequest struct {
	FaultSetting
	On *bool `json:"on"`
}

func (s *Server) controlFault(in faultRequest) (FaultSetting, error) {
	if in.On == nil {
		return FaultSetting{}, errors.New(`say "on":true or "on":false`)
	}
	in.FaultSetting.On = *in.On
	return in.FaultSetting, s.SetFault(in.FaultSetting)
}

// strictJSON reads exactly one object with known fields only.
func strictJSON(r io.Reader, to any) error {
	d := json.NewDecoder(io.LimitReader(r, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("the body is not what this call takes: %w; GET / shows it", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body holds more than one JSON value; send one")
	}
	return nil
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // a caller that left is its own business
}
