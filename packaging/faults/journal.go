package main

import (
	"encoding/json"
	"os"
	"time"
)

// journal is what the checker is told: where to look, what was imported when, and when something did not work. The
// checker has its own types for it on purpose.
type journal struct {
	Zone      string                       `json:"zone"`
	Database  string                       `json:"database"`
	Gateway   string                       `json:"gateway"` // its metrics page
	Panels    []panelEntry                 `json:"panels"`
	Strangers map[string][]json.RawMessage `json:"strangers"` // by device, as the panel made them
	Exports   []exportEntry                `json:"exports"`
	Troubles  []troubleEntry               `json:"troubles"`
	Refused   []refusedEntry               `json:"refused"` // who has always lived there, and was not let in
	Within    string                       `json:"within"`  // how long all may take to come right
}

type panelEntry struct {
	Device  string `json:"device"`
	Relay   string `json:"relay"`
	Control string `json:"control"`
}

// exportEntry is one import; between Began and Accepted it was committed.
type exportEntry struct {
	File     string    `json:"file"`
	Began    time.Time `json:"began"`
	Accepted time.Time `json:"accepted"`
	Changes  int       `json:"changes"`
}

// troubleEntry is a time in which something did not work.
type troubleEntry struct {
	What  string    `json:"what"`
	Panel string    `json:"panel"` // "": not about one panel
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

type refusedEntry struct {
	At    time.Time `json:"at"`
	Panel string    `json:"panel"`
	PIN   string    `json:"pin"`
}

// saveJSON replaces a file whole: whoever reads it meanwhile reads the old or the new one.
func saveJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
