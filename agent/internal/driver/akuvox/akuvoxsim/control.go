package akuvoxsim

import (
	"errors"
	"net/http"

	"gatehouse/protocol/simkit"
)

const controlHelp = `Simulated Akuvox panel, control side. Everything is shown in clear: this is a simulator.

GET  /doorlog   what happened at the doors, oldest first: [{"at","door","granted","by","how"}]
POST /present   {"pin":"1234"} or {"card":"0A1B2C3D"}: {"granted","doors","by"}
POST /fault     {"name":"slow","on":true,"value":"2s","times":1}; value and times may be left out
GET  /faults    {"faults":[every fault with one line of meaning],"on":[…]}
GET  /users     every user row
POST /happen    {"what":"ring|hang_up","to":"101"}, {"what":"tamper|break_in|held_open|input","at":"A"} or {"what":"face","user_id":"…"}
GET  /calls     the Action URLs that became due: [{"at","event","url","result"}]
POST /edit      a hand edit: {"op":"add|set|del","user":{"id","user_id","name","pin","cards","schedule_relay","cloud"}}
GET  /stats     requests by path, and the changing ones in order
`

// Control is the handler of the control side: the hand, the keypad and the eye of a test or a demo.
func (p *Panel) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", simkit.Help(controlHelp))
	mux.HandleFunc("GET /doorlog", simkit.Show(p.controlLog))
	mux.HandleFunc("GET /users", simkit.Show(p.Users))
	mux.HandleFunc("GET /calls", simkit.Show(p.Calls))
	mux.HandleFunc("POST /happen", simkit.Act(p.Happen))
	mux.HandleFunc("GET /stats", simkit.Show(p.Stats))
	mux.HandleFunc("GET /faults", simkit.ShowFaults(FaultList(), p.FaultsOn))
	mux.HandleFunc("POST /present", simkit.Act(p.controlPresent))
	mux.HandleFunc("POST /fault", simkit.Switch(p.SetFault))
	mux.HandleFunc("POST /edit", simkit.Act(func(in edit) (User, error) { return p.Edit(in.Op, in.User) }))
	return mux
}

// controlLog leaves out what the contract does not name.
func (p *Panel) controlLog() []any {
	out := []any{}
	for _, e := range p.DoorLog() {
		out = append(out, map[string]any{"at": e.At, "door": e.Door, "granted": e.Granted, "by": e.By, "how": e.How})
	}
	return out
}

func (p *Panel) controlPresent(c Credential) (out Outcome, err error) {
	if (c.PIN == "") == (c.Card == "") {
		return out, errors.New(`give either {"pin":"…"} or {"card":"…"}`)
	}
	if out = p.Present(c); out.Down != "" {
		return out, simkit.Away("the panel is " + out.Down + "; try again later")
	}
	return out, nil
}

// edit is a change by hand.
type edit struct {
	Op   string `json:"op"`
	User User   `json:"user"`
}
