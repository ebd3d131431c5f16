package main

import (
	"errors"
	"fmt"
	"time"
)

// source makes a property read a simulated Rent Manager every second: Sync now takes one run in 15 s.
const source = `source = "12"
[property.pms]
kind = "rentmanager"
config = "rentmanager.toml"
every = "1s"
`

// liveHouse measures a change from the cloud, which reads it inside serve, to the panel.
func liveHouse(r *rig) error {
	pms, err := r.simulate("pms.log", "gatehouse-pmssim", "rentmanager", "--rate", "-1")
	if err != nil {
		return err
	}
	account := fmt.Sprintf("url = %q\nusername = \"api\"\npassword_file = \"rentmanager.password\"\nlocation_id = 1\nproperties = [12]\n"+
		"zone = \"America/New_York\"\npin_field = \"Door PIN\"\ncard_field = \"RF Card\"\n", pms.url)
	if err := errors.Join(r.write("rentmanager.toml", account), r.write("rentmanager.password", "secret\n")); err != nil {
		return err
	}
	h, err := newHouse(r, 1, source)
	if err != nil {
		return err
	}
	people, err := h.atHome(pms)
	if err != nil {
		return err
	}
	return h.written(pms, people)
}

// contact is somebody in the simulated Rent Manager.
type contact struct {
	Contact, Property int
	PIN, Status       string
}

// atHome waits until the first read of the source is on the panel, and returns those of it who have a PIN.
func (h *house) atHome(pms simulator) (out []contact, err error) {
	var all []contact
	if err := h.call(pms.control+"/people", nil, &all); err != nil {
		return nil, err
	}
	onPanel := map[string]bool{}
	err = h.until("the source is on the panel", 500*time.Millisecond, time.Minute, func() error {
		rows, err := h.users(h.panels[0])
		for _, u := range rows {
			onPanel[u.PIN] = true
		}
		if err == nil && len(rows) < 100 {
			err = fmt.Errorf("it holds %d", len(rows))
		}
		return errors.Join(err, h.empty())
	})
	for _, c := range all {
		if c.Property == 12 && c.PIN != "" && onPanel[c.PIN] {
			out = append(out, c)
		}
	}
	return out, err
}

// written changes PINs one after another and measures each from the cloud's commit to the panel's answer.
func (h *house) written(pms simulator, people []contact) error {
	n := min(h.repeats(40), len(people))
	var took []float64
	for i, c := range people[:n] {
		d, err := h.oneWritten(pms, c, i)
		if err != nil {
			return err
		}
		took = append(took, millis(d))
	}
	least, how, err := h.floor()
	if err != nil {
		return err
	}
	note := "from the end of the run inside serve that read it (a live source, every second) to the panel's answer; " + how
	h.add(Result{Name: "change.written.p50_ms", Value: median(took), Unit: "ms", Floor: floor(least), N: n, Note: note})
	h.add(Result{Name: "change.written.p99_ms", Value: quantile(took, 0.99), Unit: "ms", Floor: floor(least), N: n, Note: "of so few, the longest"})
	return nil
}

func (h *house) oneWritten(pms simulator, c contact, i int) (time.Duration, error) {
	before, err := h.stats(h.panels[0])
	if err != nil {
		return 0, err
	}
	edit := map[string]any{"contact": c.Contact, "pin": fmt.Sprint(70_000_000 + 1_013*i)}
	if err := h.call(pms.control+"/edit", edit, nil); err != nil {
		return 0, err
	}
	after, err := h.mutated(len(before.Mutating), 30*time.Second)
	if err != nil {
		return 0, err
	}
	began := after.Mutating[len(before.Mutating)].Start
	accepted, err := h.accepted(began)
	if err != nil {
		return 0, err
	}
	return after.Mutating[len(before.Mutating)].End.Sub(accepted), h.until("the change is told", 50*time.Millisecond, 30*time.Second, h.empty)
}

// accepted is when the newest run before an instant was about to be committed.
func (h *house) accepted(before time.Time) (time.Time, error) {
	var page struct {
		Property struct {
			Runs []struct{ Finished time.Time }
		}
	}
	if err := h.call("http://"+h.page+"/status.json?property="+property, nil, &page); err != nil {
		return time.Time{}, err
	}
	for _, run := range page.Property.Runs { // newest first
		if !run.Finished.After(before) {
			return run.Finished, nil
		}
	}
	return time.Time{}, errors.New("the page names no run before it was written")
}
