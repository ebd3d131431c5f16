package agent

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
)

// A device's table reaches its driver whole, the ports of its host and its token included.
func TestDriverConfigOfADevice(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "calls.token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got driver.Config
	kinds := []driver.Kind{{Name: "comelit", New: func(c driver.Config, _ driver.Deps) (driver.Panel, error) {
		got = c
		return nil, nil
	}}}
	d := config.Device{ID: "calls", Kind: "comelit", Host: "192.0.2.12", TokenFile: token, WebPort: 8081, IconaPort: 64101}
	if _, err := openPanel(d, kinds, driver.Deps{}); err != nil {
		t.Fatal(err)
	}
	if got.Host != d.Host || got.WebPort != 8081 || got.IconaPort != 64101 || got.Token.Reveal() != "0123456789abcdef0123456789abcdef" {
		t.Errorf("the driver is given %s, ports %d and %d", got.Host, got.WebPort, got.IconaPort)
	}
}

// The box that takes this one's place is told the web port of a host, which the mirror has no field for.
func TestTowardsG15_TheInventoryHasTheWebPort(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Devices[0].URL, h.cfg.Devices[0].Host, h.cfg.Devices[0].WebPort = "", "127.0.0.1", 1
	a, err := New(t.Context(), h.cfg, Deps{Log: h.logs.logger()})
	must(t, err)
	defer func() { must(t, a.Close()) }()
	if _, list := a.inventory.Devices(); len(list) != 1 || list[0].URL != "http://127.0.0.1:1" {
		t.Errorf("%+v", list)
	}
}
