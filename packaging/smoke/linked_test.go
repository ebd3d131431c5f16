package smoke

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"slices"
	"strings"
	"testing"
)

// linked is what a built program says of itself: modules by path, build settings by key.
func linked(t *testing.T, name string) (modules []string, settings map[string]string) {
	t.Helper()
	info, err := buildinfo.ReadFile(bin(name))
	if err != nil {
		t.Fatal(err)
	}
	settings = map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for _, d := range info.Deps {
		modules = append(modules, d.Path)
	}
	return modules, settings
}

func TestEveryProgramIsBuiltWithoutC(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gatehouse-agent", "gatehouse-cloud", "gatehouse-sim"} {
		if _, s := linked(t, name); s["CGO_ENABLED"] != "0" {
			t.Errorf("%s was built with CGO_ENABLED=%q", name, s["CGO_ENABLED"])
		}
	}
}

// TestTowardsE1_TheAgentLinksNoCloudAndNoBroker looks into the program itself, not at its sources.
func TestTowardsE1_TheAgentLinksNoCloudAndNoBroker(t *testing.T) {
	t.Parallel()
	modules, _ := linked(t, "gatehouse-agent")
	if !slices.Contains(modules, "github.com/eclipse/paho.mqtt.golang") || !slices.Contains(modules, "go.etcd.io/bbolt") {
		t.Fatalf("the program does not say what it links: %v", modules)
	}
	for _, m := range modules {
		if strings.HasPrefix(m, "github.com/mochi-mqtt/") || strings.HasPrefix(m, "modernc.org/") || strings.HasPrefix(m, "github.com/jackc/") {
			t.Errorf("the agent links %s", m)
		}
	}
	for name, want := range map[string]bool{"gatehouse-agent": false, "gatehouse-sim": false, "gatehouse-cloud": true} {
		raw, err := os.ReadFile(bin(name))
		if err != nil {
			t.Fatal(err)
		}
		// Function names stand in every Go program, stripped or not: the runtime prints stacks with them.
		if got := bytes.Contains(raw, []byte("gatehouse/cloud/internal/store.")); got != want {
			t.Errorf("%s holds the cloud's store: %v, want %v", name, got, want)
		}
		if got := bytes.Contains(raw, []byte("gatehouse/cloud.")); got != want {
			t.Errorf("%s holds package cloud: %v, want %v", name, got, want)
		}
		if bytes.Contains(raw, []byte("gatehouse/protocol/prototest.")) {
			t.Errorf("%s holds test support", name)
		}
	}
}
