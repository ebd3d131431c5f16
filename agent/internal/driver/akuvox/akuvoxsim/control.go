package akuvoxsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const controlHelp = `Simulated Akuvox panel, control side. Everything is shown in clear: this is a simulator.

GET  /doorlog   what happened at the doors, oldest first: [{"at","door","granted","by","how"}]
POST /present   {"pin":"1234"} or {"card":"0A1B2C3D"}: {"granted","doors","by"}
POST /fault     {"name":"slow","on":true,"value":"2s","times":1}; value and times may be left out
GET  /faults    every fault with one line of meaning
GET  /users     every user row
POST /edit      a hand edit: {"op":"add|set|del","user":{"id","user_id","name","pin","cards","schedule_relay","cloud"}}
GET  /stats     requests by path, and the changing ones in order
`

// Control is the handler of the control side: the hand, the keypad and the eye of a test or a demo.
func (p *Panel) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, controlHelp) //nolint:errcheck // a caller that left is its own business
	})
	mux.HandleFunc("GET /doorlog", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.controlLog()) })
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.Users()) })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.Stats()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, faultLines()) })
	mux.HandleFunc("POST /present", p.controlPresent)
	mux.HandleFunc("POST /fault", p.controlFault)
	mux.HandleFunc("POST /edit", p.controlEdit)
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

func faultLines() []map[string]string {
	var out []map[string]string
	for _, f := range Faults() {
		out = append(out, map[string]string{"name": f.Name, "line": f.Line, "default": f.Default})
	}
	return out
}

func (p *Panel) controlPresent(w http.ResponseWriter, r *http.Request) {
	var c Credential
	err := strictJSON(r.Body, &c)
	if err == nil && (c.PIN == "") == (c.Card == "") {
		err = errors.New(`give either {"pin":"…"} or {"card":"…"}`)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := p.Present(c)
	if out.Down != "" {
		http.Error(w, "the panel is "+out.Down+"; try again later", http.StatusServiceUnavailable)
		return
	}
	answerJSON(w, out)
}

func (p *Panel) controlFault(w http.ResponseWriter, r *http.Request) {
	var s FaultSetting
	err := strictJSON(r.Body, &s)
	if err == nil {
		err = p.SetFault(s)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answerJSON(w, s)
}

func (p *Panel) controlEdit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Op   string `json:"op"`
		User User   `json:"user"`
	}
	err := strictJSON(r.Body, &in)
	var u User
	if err == nil {
		u, err = p.Edit(in.Op, in.User)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answerJSON(w, u)
}

// strictJSON reads exactly one object with known fields only.
func strictJSON(r io.Reader, to any) error {
	d := json.NewDecoder(io.LimitReader(r, maxBody))
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
