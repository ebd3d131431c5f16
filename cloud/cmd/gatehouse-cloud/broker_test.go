package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/cli"
)

type madeForBroker struct {
	OK    bool
	Names []string
	Ends  time.Time
	Files []string
	Error *cli.Error
}

// TestTowardsE4_ACertificateForAnOutsideBroker: made once, kept until --force, renewed under the same names.
func TestTowardsE4_ACertificateForAnOutsideBroker(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	ask := func(line string) (answer, madeForBroker) {
		a := in.do("broker certificate --config @cloud.toml " + line + " --json")
		var o madeForBroker
		a.object(t, &o)
		return a, o
	}
	a, o := ask("--name Broker.example.com,10.0.0.5 --out @broker")
	if a.code != cli.Done || !o.OK || strings.Join(o.Names, " ") != "broker.example.com 10.0.0.5" || o.Ends.Before(time.Now().AddDate(2, 0, 0)) || len(o.Files) != 3 {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	key, err := os.ReadFile(in.path("broker/broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	if a, o := ask("--out @broker"); a.code != cli.Refused || o.Error == nil || o.Error.Kind != "conflict" || !strings.Contains(o.Error.Remedy, "--force") {
		t.Errorf("again: exit %d: %s", a.code, a.stdout)
	}
	if again, err := os.ReadFile(in.path("broker/broker.key")); err != nil || string(again) != string(key) {
		t.Errorf("the key was overwritten: %v", err)
	}
	if a, o := ask("--out @broker --force"); a.code != cli.Done || strings.Join(o.Names, " ") != "broker.example.com 10.0.0.5" {
		t.Errorf("renewed: exit %d: %s", a.code, a.stdout)
	}
	in.write("cloud.toml", "broker = \"tls://broker.example.com:8883\"\nbroker_address = \"tls://Door.example.com:443\"\n"+strings.Replace(maples, "broker_listen = \"127.0.0.1:0\"\n", "", 1))
	if a, o := ask("--out @second"); a.code != cli.Done || strings.Join(o.Names, " ") != "door.example.com broker.example.com" {
		t.Errorf("by the configuration: exit %d: %s", a.code, a.stdout)
	}
	if a, _ := ask("--out @third --name broker.example.com"); a.code != cli.WrongUsage || !strings.Contains(a.stderr, "door.example.com, which is not among the names") {
		t.Errorf("without a name that gateways dial: exit %d: %s", a.code, a.stderr)
	}
}

// TestTheCopyingIsSaidInThePathsOfTheShippedConfiguration: what the command tells to do fits gatehouse.conf.
func TestTheCopyingIsSaidInThePathsOfTheShippedConfiguration(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	a := in.do("broker certificate --config @cloud.toml --name broker.example.com --out @broker")
	if a.code != cli.Done || a.stderr != "" {
		t.Fatalf("exit %d: %s", a.code, a.stderr)
	}
	conf, err := os.ReadFile("../../../packaging/mosquitto/gatehouse.conf")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(conf)) {
		key, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key != "cafile" && key != "certfile" && key != "keyfile" {
			continue
		}
		found++
		if dir, name := filepath.Split(path); dir != installed || !strings.Contains(a.stdout, in.path("broker/"+name)) {
			t.Errorf("%s wants %s, which is not told in:\n%s", key, path, a.stdout)
		}
	}
	if found != 3 || !strings.Contains(a.stdout, " "+installed+"\n") || !strings.Contains(a.stdout, "systemctl reload mosquitto") || strings.Contains(a.stdout, "PRIVATE KEY-") {
		t.Errorf("%d files of the configuration; it says:\n%s", found, a.stdout)
	}
}

func TestTowardsG12_ABrokersCertificateForNobody(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for line, words := range map[string]string{
		"--name broker.example.com":           "--out",
		"--out @b":                            "by which names",
		"--out @b --name *.example.com":       "no host name",
		"--out @b --name broker..com":         "no host name",
		"--out @b --name tls://broker:8883":   "no host name",
		"--out @b --name -broker.example.com": "no host name",
	} {
		a := in.do("broker certificate --config @cloud.toml " + line)
		if a.code != cli.WrongUsage || !strings.Contains(a.stderr, words) || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d: %q", line, a.code, a.stderr)
		}
	}
	if _, err := os.Stat(in.path("b")); err == nil {
		t.Error("a folder was made")
	}
}
