package rentmanager_test

import (
	"os"
	"strings"
	"testing"

	"gatehouse/cloud/internal/pms/rentmanager"
)

// TestReadmeExampleIsReadAsItStands: the config file of the README, with its password beside it.
func TestReadmeExampleIsReadAsItStands(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```toml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md has no example")
	}
	dir := t.TempDir()
	write(t, dir, "rentmanager.password", "open sesame\n")
	cfg, err := rentmanager.ReadConfig(write(t, dir, "pms.toml", example))
	if err != nil || len(cfg.Properties) != 2 || cfg.Property["13"].PINField != "Gate code" || cfg.Defaults.PINDigits != 5 || cfg.Password.Reveal() != "open sesame" {
		t.Errorf("%+v, %v", cfg, err)
	}
}
