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
