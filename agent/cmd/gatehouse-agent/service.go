package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/agent"
	"gatehouse/agent/internal/osservice"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

// serviceCommands are what an installer does with the gateway as a service of the operating system.
func serviceCommands() []cli.Command {
	return []cli.Command{
		{Name: "install", Summary: "makes the gateway a service that starts with the box; --print only shows its unit", Example: "gatehouse-agent install --config /etc/gatehouse/agent.toml", SetUp: setUpInstall},
		{Name: "uninstall", Summary: "stops the service and takes it away; state and configuration stay", Example: "gatehouse-agent uninstall", SetUp: setUpUninstall},
		{Name: "start", Summary: "starts the service and waits until doors are enforced", Example: "gatehouse-agent start", SetUp: setUpSteer("start")},
		{Name: "stop", Summary: "stops the service; doors stay as they are", Example: "gatehouse-agent stop", SetUp: setUpSteer("stop")},
		{Name: "status", Summary: "says whether the service is installed and runs, and how full its storage is", Example: "gatehouse-agent status --json", SetUp: setUpStatus},
	}
}

// manager is for this program, wherever it is.
func manager(config string) (*osservice.Manager, error) {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "find", "this program", err)
	}
	return osservice.NewManager(exe, config)
}

func setUpInstall(c *cli.Call) func() error {
	path := configFlag(c)
	onlyPrint := c.Flags.Bool("print", false, "show the systemd unit and change nothing, for a disk image")
	return func() error {
		config, err := filepath.Abs(*path)
		if err != nil {
			return fault.Wrap(fault.Invalid, "find", *path, err)
		}
		m, err := manager(config)
		if err != nil {
			return err
		}
		if *onlyPrint {
			if c.JSON {
				return c.Tell(map[string]any{"ok": true, "unit": m.Unit()}, "")
			}
			_, err := fmt.Fprint(c.Stdout, m.Unit())
			return err
		}
		return install(c, m, config)
	}
}

// install refuses a configuration that the service could not start with.
func install(c *cli.Call, m *osservice.Manager, config string) error {
	if _, _, err := agent.CheckConfig(config, warnings(c)); err != nil {
		return err
	}
	changed, err := m.Install(c)
	if err != nil {
		return err
	}
	text := "Installed. It starts with the box; start it now with: gatehouse-agent start"
	if !changed {
		text = "It was installed so already; nothing changed."
	}
	return c.Tell(map[string]any{"ok": true, "changed": changed, "service": osservice.Name}, "%s", text)
}

func setUpUninstall(c *cli.Call) func() error {
	return func() error {
		m, err := manager(defaultConfig)
		if err != nil {
			return err
		}
		changed, err := m.Uninstall(c)
		if err != nil {
			return err
		}
		text := "Uninstalled. The gateway's state, its configuration and the user gatehouse are still there."
		if !changed {
			text = "It was not installed; nothing changed."
		}
		return c.Tell(map[string]any{"ok": true, "changed": changed, "service": osservice.Name}, "%s", text)
	}
}

func setUpSteer(op string) func(*cli.Call) func() error {
	return func(c *cli.Call) func() error {
		return func() error {
			m, err := manager(defaultConfig)
			if err != nil {
				return err
			}
			do, done := m.Start, "Started: doors are enforced."
			if op == "stop" {
				do, done = m.Stop, "Stopped. Doors stay as they are; nobody's access begins or ends until it runs again."
			}
			if err := do(c); err != nil {
				return err
			}
			s, err := m.State(c)
			if err != nil {
				return err
			}
			return tellState(c, s, done)
		}
	}
}

func setUpStatus(c *cli.Call) func() error {
	path := configFlag(c)
	return func() error {
		m, err := manager(defaultConfig)
		if err != nil {
			return err
		}
		s, err := m.State(c)
		if err != nil {
			return err
		}
		text, storage := stateText(s), ""
		if cfg, err := agent.LoadConfig(*path); err == nil { // else check-config says what is wrong with it
			storage = agent.Storage(cfg)
		}
		if storage != "" {
			text += "\nStorage: " + storage + "."
		}
		return tellStored(c, s, storage, text)
	}
}

// stateText is a service's state for a person.
func stateText(s osservice.State) string {
	switch {
	case !s.Installed:
		return "Not installed. Install it with: gatehouse-agent install"
	case s.Running:
		return fmt.Sprintf("Running since %s (process %s, restarted by systemd %s times): %s.", s.Since, s.PID, s.Restarts, s.Says)
	case s.State == "inactive":
		return "Installed and not running: nobody's access begins or ends. Start it with: gatehouse-agent start"
	}
	return fmt.Sprintf("Installed and %s (%s, the last run ended with %s). Look at: journalctl -u %s -n 50", s.State, s.Detail, s.Result, osservice.Name)
}

// tellState answers 0 whatever the state is: to say it is what was asked.
func tellState(c *cli.Call, s osservice.State, text string) error { return tellStored(c, s, "", text) }

// tellStored says beside it how much room there is.
func tellStored(c *cli.Call, s osservice.State, storage, text string) error {
	return c.Tell(struct {
		OK      bool   `json:"ok"`
		Service string `json:"service"`
		osservice.State
		Storage string `json:"storage,omitempty"`
	}{true, osservice.Name, s, storage}, "%s", text)
}
