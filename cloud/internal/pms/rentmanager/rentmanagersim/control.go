package rentmanagersim

import (
	"errors"
	"fmt"
	"gatehouse/protocol/simkit"
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
	mux.HandleFunc("GET /{$}", simkit.Help(controlHelp))
	mux.HandleFunc("GET /people", simkit.Show(s.People))
	mux.HandleFunc("GET /stats", simkit.Show(s.Stats))
	mux.HandleFunc("GET /faults", simkit.ShowFaults(FaultList(), s.FaultsOn))
	mux.HandleFunc("GET /clock", simkit.Show(func() clockAnswer { return clockAnswer{s.Now()} }))
	mux.HandleFunc("POST /move_in", simkit.Act(s.MoveIn))
	mux.HandleFunc("POST /move_out", simkit.Act(s.MoveOut))
	mux.HandleFunc("POST /transfer", simkit.Act(s.Transfer))
	mux.HandleFunc("POST /promote", simkit.Act(s.Promote))
	mux.HandleFunc("POST /renew", simkit.Act(s.Renew))
	mux.HandleFunc("POST /edit", simkit.Act(s.Edit))
	mux.HandleFunc("POST /clock", simkit.Act(s.controlClock))
	mux.HandleFunc("POST /fault", simkit.Switch(s.SetFault))
	return mux
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
