package comelitsim

import (
	"errors"
	"fmt"
	"gatehouse/protocol/simkit"
	"net/http"
	"strconv"
)

const controlHelp = `Simulated Comelit ViP gateway, control side. Everything is shown in clear: this is a simulator.

GET  /doorlog   what happened at the doors, oldest first: [{"at","door","name","granted","by","how"}]
POST /ring      a visitor presses a unit: {"unit":0,"door":"SB100001"}: {"call","steps","silent"}; unit is the index or "name":"101"
POST /release   the ring ends: {"cause":0}
POST /present   {"pin":"1234"} or {"card":"0A1B2C3D"}: never granted, the device has neither
POST /fault     {"name":"slow","on":true,"value":"2s","times":1}; value and times may be left out
GET  /faults    {"faults":[every fault with one line of meaning],"on":[…]}
GET  /users     every slot that somebody has; ?all=1 the free ones too
POST /edit      a hand edit: {"op":"set|clear|reset","slot":{"unit","slot","enabled","kind","name","email","phone","token","code","os"}}
POST /backups   the installer deletes old backups: {"keep":0}
GET  /stats     requests, messages, field writes in order, invitations, and what was ignored
`

// Control is the handler of the control side: the hand, the bell and the eye of a test or a demo.
func (p *Panel) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", simkit.Help(controlHelp))
	mux.HandleFunc("GET /doorlog", simkit.Show(p.DoorLog))
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {
		simkit.AnswerJSON(w, p.Users(r.URL.Query().Get("all") != ""))
	})
	mux.HandleFunc("GET /stats", simkit.Show(p.Stats))
	mux.HandleFunc("GET /faults", simkit.ShowFaults(FaultList(), p.FaultsOn))
	mux.HandleFunc("POST /ring", simkit.Act(p.controlRing))
	mux.HandleFunc("POST /release", simkit.Act(p.controlRelease))
	mux.HandleFunc("POST /present", simkit.Act(p.controlPresent))
	mux.HandleFunc("POST /fault", simkit.Switch(p.SetFault))
	mux.HandleFunc("POST /edit", simkit.Act(p.controlEdit))
	mux.HandleFunc("POST /backups", simkit.Act(func(in struct {
		Keep int `json:"keep"`
	},
	) (any, error) {
		return in, p.DropBackups(in.Keep)
	}))
	return mux
}

// visit is who rings where.
type visit struct {
	Unit *int   `json:"unit"`
	Name string `json:"name"`
	Door string `json:"door"`
}

func (p *Panel) controlRing(in visit) (any, error) {
	if (in.Unit == nil) == (in.Name == "") {
		return nil, errors.New(`give either "unit" (the index, from 0) or "name" (such as "101")`)
	}
	if in.Unit != nil {
		return p.Ring(*in.Unit, in.Door)
	}
	for u := range p.opt.Units {
		if unitName(u) == in.Name {
			return p.Ring(u, in.Door)
		}
	}
	return nil, fmt.Errorf("there is no unit %s", strconv.Quote(in.Name))
}

func (p *Panel) controlRelease(in struct {
	Cause int `json:"cause"`
},
) (any, error) {
	return in, p.EndRing(in.Cause)
}

func (p *Panel) controlPresent(c Credential) (any, error) {
	if (c.PIN == "") == (c.Card == "") {
		return nil, errors.New(`give either {"pin":"…"} or {"card":"…"}`)
	}
	p.Present(c)
	return map[string]any{"granted": false, "doors": []string{}, "by": ""}, nil
}

func (p *Panel) controlEdit(in struct {
	Op   string `json:"op"`
	Slot Slot   `json:"slot"`
},
) (any, error) {
	return p.Edit(in.Op, in.Slot)
}
