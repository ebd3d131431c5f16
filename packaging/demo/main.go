// Command demo plays a day of the sample properties (testdata/pms/sample) on this machine: two
// properties of 240 units whose property-management system, a simulated Rent Manager, is read live
// every second; a cloud, a gateway at each property and three simulated door panels, all on
// loopback. It tells the story as a property manager would see it: what the doors do is believed
// only from the panels' own door logs, what staff are told only from the HTML page that they see.
//
// With ONCE=1 it plays the story once; the exit code tells whether every step was seen. Otherwise
// it stays up afterwards, with what to try by hand. It uses the programs in bin/, as `make demo`
// builds them, and imports nothing of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
	_ "time/tzdata" // the properties' zones must be known everywhere
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Getenv("ONCE") != "")
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe story did not go as it should:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, once bool) error {
	dir, err := os.MkdirTemp("", "gatehouse-demo-")
	if err != nil {
		return err
	}
	s, err := newStage(dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	began := time.Now()
	err = s.play(ctx)
	if err == nil {
		fmt.Printf("\nEvery step was seen, in %s.\n", time.Since(began).Round(time.Second))
	}
	if err == nil && !once {
		s.stay(ctx)
	}
	s.stopAll()
	if err != nil {
		fmt.Printf("\nLogs of all programs are in %s\n", dir)
		return err
	}
	return os.RemoveAll(dir)
}

// stay keeps everything up until interrupted.
func (s *stage) stay(ctx context.Context) {
	fmt.Print("\nEverything stays up. Pages:\n")
	for _, p := range s.properties() {
		fmt.Printf("  %-11s %s/property/%s   its gateway: %s\n", p.name, s.cloudURL, p.id, p.agentURL)
	}
	fmt.Printf(`The property-management system's hand: %[1]s (curl it: it explains itself)

Try it; what is entered there is at the doors about two seconds later:
  # Nora moves out today, as of this minute; her PIN at the front panel of Harbor Row
  curl -d '{"tenant":%[3]d}' %[1]s/move_out
  curl -d '{"pin":"%[4]s"}' %[2]s/present
  # somebody moves in
  curl -d '{"property":12,"unit":"203","first":"Ada","last":"Byron","pin":"24680","date":"-1"}' %[1]s/move_in
  curl -d '{"pin":"24680"}' %[2]s/present
  # a bad day, and its end; see Imports on the pages
  curl -d '{"name":"http-500","on":true}' %[1]s/fault
  curl -d '{"name":"all","on":false}' %[1]s/fault
Press Ctrl-C to end, or: kill %[5]d
`, s.pms.control, s.harbor.panels[0].control, s.nora.Tenant, s.nora.PIN, os.Getpid())
	<-ctx.Done()
}

// newStage prepares files and addresses; nothing runs yet.
func newStage(dir string) (*stage, error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	s := &stage{
		dir: dir, bin: bin, cloudURL: "http://" + freeAddress(), broker: freeAddress(),
		harbor: &property{id: "harbor-row", name: "Harbor Row", source: 12, panels: []*panel{
			{name: "Front panel", model: "X916", doors: []string{"lobby", "garage"}},
			{name: "Rear panel", model: "E18", doors: []string{"courtyard"}},
		}},
		kiln: &property{id: "kiln-lofts", name: "Kiln Lofts", source: 27, panels: []*panel{
			{name: "Yard panel", model: "X915S", doors: []string{"yard"}},
		}},
	}
	for p, zone := range map[*property]string{s.harbor: "America/New_York", s.kiln: "America/Chicago"} {
		p.agentURL = "http://" + freeAddress()
		if p.zone, err = time.LoadLocation(zone); err != nil {
			return nil, err
		}
	}
	// The dates of the story fall on the next full minute that leaves time to load the panels.
	s.minute = time.Now().Add(25 * time.Second).Truncate(time.Minute).Add(time.Minute)
	return s, nil
}
