package comelitsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const controlHelp = `Simulated Comelit ViP gateway, control side. Everything is shown in clear: this is a simulator.

GET  /doorlog   what happened at the doors, oldest first: [{"at","door","name","granted","by","how"}]
POST /ring      a visitor presses a unit: {"unit":0,"door":"SB100001"}: {"call","steps","silent"}; unit is the index or "name":"101"
POST /release   the ring ends: {"cause":0}
POST /present   {"pin":"1234"} or {"card":"0A1B2C3D"}: never granted, the device has neither
POST /fault     {"name":"slow","on":true,"value":"2s","times":1}; value and times may be left out
GET  /faults    every fault with one line of meaning
GET  /users     every slot that somebody has; ?all=1 the free ones too
POST /edit      a hand edit: {"op":"set|clear|reset","slot":{"unit","slot","enabled","kind","name","email","phone","token","code","os"}}
POST /backups   the installer deletes old backups: {"keep":0}
GET  /stats     requests, messages, field writes in order, invitations, and what was ignored
`

// maxControl bounds a request body of the control side.
const maxControl = 1 << 16

// Control is the handler of the control side: the hand, the bell and the eye of a test or a demo.
func (p *Panel) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, controlHelp) //nolint:errcheck // a caller that left is its own business
	})
	mux.HandleFunc("GET /doorlog", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.DoorLog()) })
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, p.Users(r.URL.Query().Get("all") != ""))
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.Stats()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, faultLines()) })
	mux.HandleFunc("POST /ring", control(p.controlRing))
	mux.HandleFunc("POST /release", control(p.controlRelease))
	mux.HandleFunc("POST /present", control(p.controlPresent))
	mux.HandleFunc("POST /fault", control(func(s FaultSetting) (any, error) { return s, p.SetFault(s) }))
	mux.HandleFunc("POST /edit", control(p.controlEdit))
	mux.HandleFunc("POST /backups", control(func(in struct {
		Keep int `json:"keep"`
	},
	) (any, error) {
		return in, p.DropBackups(in.Keep)
	}))
	return mux
}

func faultLines() []map[string]string {
	var out []map[string]string
	for _, f := range Faults() {
		out = append(out, map[string]string{"name": f.Name, "line": f.Line, "default": f.Default})
	}
	return out
}

// control reads one object, acts, and answers; a refusal is a 400 with the reason, a ring in the way a 409.
func control[T any](act func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		err := strictJSON(r.Body, &in)
		var out any
		if err == nil {
			out, err = act(in)
		}
		switch {
		case errors.Is(err, errBusy):
			http.Error(w, err.Error(), http.StatusConflict)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			answerJSON(w, out)
		}
	}
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

// strictJSON reads exactly one object with known fields only.
func strictJSON(r io.Reader, to any) error {
	d := json.NewDecoder(io.LimitReader(r, maxControl))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("the body is not what this call takes: %w; GET / shows it", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("the body holds more than one JSON value; send one")
	}
	return nil
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // a caller that left is its own business
}
