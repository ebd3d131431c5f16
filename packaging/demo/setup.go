package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// startSimulators starts the panels and the property-management system.
func (s *stage) startSimulators(ctx context.Context) (err error) {
	if err := s.write("panel.password", "correct-horse\n"); err != nil {
		return err
	}
	for _, p := range s.properties() {
		for _, d := range p.panels {
			d.simulator, err = s.simulate("panel-"+d.doors[0], "gatehouse-sim", "akuvox", "--model", d.model, "--auth", "digest",
				"--user", "gate", "--password-file", s.path("panel.password"), "--zone", p.zone.String())
			if err != nil {
				return err
			}
		}
	}
	s.pms, err = s.simulate("pms", "gatehouse-pmssim", "rentmanager", "--rate", "-1", "--data", "testdata/pms/sample/sample.json")
	if err != nil {
		return err
	}
	// A little ahead, so that its today is the story's day also just before midnight.
	return call(ctx, s.pms.control+"/clock", map[string]any{"now": s.minute}, nil)
}

// configs writes what an installer would: a file for the cloud, one for the account, one for each gateway.
func (s *stage) configs() error {
	cloud := fmt.Sprintf("state_dir = \"cloud\"\nlisten = %q\nbroker_listen = %q\n", strings.TrimPrefix(s.cloudURL, "http://"), s.broker)
	var errs []error
	for _, p := range s.properties() {
		cloud += s.propertyConfig(p)
		errs = append(errs, s.write(p.id+".toml", p.gatewayConfig()))
	}
	account := fmt.Sprintf(`url = %q
username = "api"
password_file = "rentmanager.password"
location_id = 1
properties = [12, 27]
zone = "America/New_York"
pin_field = "Door PIN"
card_field = "RF Card"
[per_property.27]
zone = "America/Chicago"
`, s.pms.api)
	return errors.Join(append(errs, s.write("cloud.toml", cloud),
		s.write("rentmanager.toml", account), s.write("rentmanager.password", "secret\n"))...)
}

// propertyConfig is a property in the cloud's file. Its hour of moving is the story's minute.
func (s *stage) propertyConfig(p *property) string {
	text := fmt.Sprintf(`
[[property]]
id = %q
name = %q
zone = %q
source = "%d"
move_in_time = %[5]q
move_out_time = %[5]q
[property.pms]
kind = "rentmanager"
config = "rentmanager.toml"
every = "1s" # so often only for the story
`, p.id, p.name, p.zone, p.source, s.minute.In(p.zone).Format("15:04"))
	for _, d := range p.panels {
		for _, door := range d.doors {
			text += fmt.Sprintf("[[property.door]]\nid = %q\n", door)
		}
	}
	return text
}

func (p *property) gatewayConfig() string {
	text := fmt.Sprintf("state_dir = \"gateway-%s\"\nforce_state_dir = true\nlisten = %q\nreconnect_max = \"2s\"\n", p.id, strings.TrimPrefix(p.agentURL, "http://"))
	for _, d := range p.panels {
		var relays []string
		for i, door := range d.doors {
			relays = append(relays, fmt.Sprintf("%s = \"%c\"", door, 'A'+i))
		}
		text += fmt.Sprintf(`
[[device]]
id = %q
name = %q
kind = "akuvox"
url = %q
user = "gate"
password_file = "panel.password"
pace = "0s" # the simulated panels need no rest between requests
doors = { %s }
`, d.doors[0], d.name, d.api, strings.Join(relays, ", "))
	}
	return text
}
