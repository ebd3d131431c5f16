package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// shipped is where the house's configuration of Mosquitto lies; the program runs at the top of the repository, its test
// here.
func shipped(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join("packaging", "mosquitto", name))
	if os.IsNotExist(err) {
		b, err = os.ReadFile(filepath.Join("..", "mosquitto", name))
	}
	return b, err
}

// mosquitto is one with the configuration as it is shipped, but for its folder and port.
type mosquitto struct {
	dir     string
	address string
	process *process
}

// newMosquitto is nil where none is installed: those rounds then go through the cloud's own broker.
func newMosquitto(dir, address string) (*mosquitto, error) {
	if _, err := exec.LookPath("mosquitto"); err != nil {
		return nil, fmt.Errorf("a round needs Mosquitto, which is not installed: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	conf, err := shipped("gatehouse.conf")
	if err != nil {
		return nil, err
	}
	acl, err := shipped("gatehouse.acl")
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	text := strings.NewReplacer("/etc/mosquitto/gatehouse/", dir+"/", "\nlistener 8883\n", "\nlistener "+port+" 127.0.0.1\n").Replace(string(conf))
	if err := os.WriteFile(filepath.Join(dir, "gatehouse.acl"), acl, 0o600); err != nil {
		return nil, err
	}
	return &mosquitto{dir: dir, address: address}, os.WriteFile(filepath.Join(dir, "mosquitto.conf"),
		[]byte("user root\npersistence_location "+dir+"/\nlog_dest stderr\n"+text), 0o600)
}

func (m *mosquitto) start() (err error) {
	m.process, err = launch("mosquitto", filepath.Join(m.dir, "log"), nil, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	if err == nil {
		time.Sleep(50 * time.Millisecond) // who comes sooner tries again
	}
	return err
}

func (m *mosquitto) stop() {
	if m.process != nil {
		m.process.stop()
	}
}
