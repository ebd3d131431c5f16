package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	movingIn = 800 // people
	units    = 120
	pacing   = 5 * time.Millisecond // a panel's rest after each answer
)

// moveInDay is a new building: 800 people at once, on two Akuvox panels and on a Comelit gateway that calls them.
func moveInDay(r *rig) error {
	h := &house{rig: r}
	for i := range 2 {
		p, err := r.simulate(fmt.Sprintf("panel-%d.log", i+1), "gatehouse-sim", "akuvox")
		if err != nil {
			return err
		}
		h.panels = append(h.panels, p)
	}
	calls, err := r.simulateComelit()
	if err != nil {
		return err
	}
	broker, err := h.addresses()
	if err != nil {
		return err
	}
	if err := h.configure(broker, "mobile_access = true\n"); err != nil {
		return err
	}
	if err := h.pace(calls); err != nil {
		return err
	}
	for _, step := range []func() error{h.enrol, h.startCloud, h.startAgent, h.connected} {
		if err := step(); err != nil {
			return err
		}
	}
	return h.everybody(calls)
}

// simulateComelit starts the gateway of the units.
func (r *rig) simulateComelit() (out simulator, err error) {
	if err := os.WriteFile(r.path("installer.password"), []byte("installer-1\n"), 0o600); err != nil {
		return out, err
	}
	var at [3]string
	for i := range at {
		if at[i], err = freeAddress(); err != nil {
			return out, err
		}
	}
	out.program, err = r.start("comelit.log", nil, nil, "gatehouse-sim", "comelit", "--icona", at[0], "--web", at[1], "--control", at[2],
		"--units", fmt.Sprint(units), "--password-file", "installer.password")
	if err != nil {
		return out, err
	}
	out.url, out.control = "http://"+at[1], "http://"+at[2]
	return out, r.until("the Comelit answers", 50*time.Millisecond, 30*time.Second, func() error {
		_, err := r.fetch(out.control+"/users", nil)
		return err
	})
}

// pace adds the Comelit to the gateway's file and gives every panel its rest.
func (h *house) pace(calls simulator) error {
	raw, err := os.ReadFile(h.path("agent.toml"))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(raw), `pace = "0s"`, fmt.Sprintf("pace = %q", pacing))
	text += fmt.Sprintf("[[device]]\nid = \"calls\"\nkind = \"comelit\"\nurl = %q\npassword_file = \"installer.password\"\npace = %q\ndoors = { door1 = \"A\" }\n", calls.url, pacing)
	return h.write("agent.toml", text)
}

// everybody moves in.
func (h *house) everybody(calls simulator) error {
	before, err := h.asked(calls)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := h.write("residents.csv", dayExport()); err != nil {
		return err
	}
	if _, err := h.do("gatehouse-cloud", "import", "--config", "cloud.toml", "--property", property, "--file", "residents.csv"); err != nil {
		return err
	}
	stored, err := h.stored(began, time.Minute)
	if err != nil {
		return err
	}
	if err := h.settled(movingIn, 5*time.Minute); err != nil {
		return err
	}
	took := time.Since(stored)
	after, err := h.asked(calls)
	if err != nil {
		return err
	}
	least, note, err := h.leastDay(calls, before, after)
	if err != nil {
		return err
	}
	h.add(Result{Name: "moveinday.seconds", Value: took.Seconds(), Unit: "s", Floor: floor(least), N: 1, Note: note})
	return h.inTheirUnits(calls)
}

// asked is how many requests each device has had, the Comelit last.
func (h *house) asked(calls simulator) (out []int, err error) {
	for _, p := range h.panels {
		s, err := h.stats(p)
		if err != nil {
			return nil, err
		}
		out = append(out, s.Requests)
	}
	raw, err := h.fetch(calls.control+"/stats", nil)
	if err != nil {
		return nil, err
	}
	var said struct{ Web map[string]int }
	n := 0
	err = json.Unmarshal(raw, &said)
	for _, k := range said.Web {
		n += k
	}
	return append(out, n), err
}

// leastDay is what the busiest device's requests take by themselves: each with its rest and with what one takes here.
func (h *house) leastDay(calls simulator, before, after []int) (least float64, note string, err error) {
	for i, name := range []string{"one Akuvox", "the other", "the Comelit"} {
		url := calls.url + "/"
		if i < len(h.panels) {
			url = h.panels[i].url + "/api/system/info"
		}
		one, err := timed(func() error {
			_, err := h.fetch(url, nil)
			return err
		})
		if err != nil {
			return 0, "", err
		}
		n := after[i] - before[i]
		if f := float64(n) * (pacing.Seconds() + one/1000); f > least {
			least, note = f, fmt.Sprintf("800 people, two Akuvox and a Comelit; %s has most to do, %d requests of %.2f ms with a rest of %s; from stored to nothing waiting", name, n, one, pacing)
		}
	}
	return least, note, nil
}

// inTheirUnits checks what stands on the Comelit: an app and a telephone for everybody, each once.
func (h *house) inTheirUnits(calls simulator) error {
	var slots []struct {
		Slot         int
		Email, Phone string
	}
	if err := h.call(calls.control+"/users", nil, &slots); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, s := range slots {
		if s.Slot > 0 && s.Email+s.Phone != "" {
			seen[s.Email+s.Phone] = true
		}
	}
	if len(seen) != 2*movingIn {
		return errors.New(fmt.Sprint("the Comelit holds ", len(seen), " contacts, want ", 2*movingIn))
	}
	return nil
}

// dayExport is the export of the new building, its people in turn over its units.
func dayExport() string {
	rows := make([]string, movingIn)
	for i := range rows {
		unit := fmt.Sprintf("%d%02d", 1+i%units/10, 1+i%units%10)
		rows[i] = fmt.Sprintf("Maples,%s,R%d,L%d,Current,Primary,Ada,Number%d,r%d@example.com,+1212555%04d,2020-05-01,,2020-05-01,,%d,\n",
			unit, i, i, i, i, i, 1_000_000+137*i)
	}
	return closedExport(rows)
}
