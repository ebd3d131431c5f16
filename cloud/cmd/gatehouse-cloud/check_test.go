package main

import (
	"os"
	"strings"
	"testing"

	"gatehouse/protocol/cli"
)

// TestCheckConfigNamesEverythingAtOnce: the cloud's file and the vendor's, wrong keys and wrong values, in one run.
func TestCheckConfigNamesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("wrong.toml", `lisen = "x"
listen = "nowhere"
[[property]]
id = "maples"
zone = "Mars/Base"
[property.pms]
kind = "rentmanger"
config = "rm.toml"
[[property]]
id = "oaks"
zone = "UTC"
[property.pms]
kind = "rentmanager"
config = "rm.toml"
[[property]]
id = "elms"
zone = "UTC"
[property.pms]
kind = "rentmanager"
config = "lost.toml"
`)
	in.write("rm.toml", "url = \"http://192.0.2.1\"\ncolour = \"blue\"\n")
	for _, line := range []string{"check-config --config @wrong.toml", "check-config --config @wrong.toml --json"} {
		a := in.do(line)
		if a.code != cli.WrongUsage || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("exit %d: %s; want %d and one line", a.code, a.stderr, cli.WrongUsage)
		}
		for _, want := range []string{
			"lisen is not a key", `listen is "nowhere"`, "Mars/Base", `source of maples: look up PMS: kind "rentmanger"`, "known are rentmanager",
			"source of oaks", "colour", "source of elms", "lost.toml",
		} {
			if !strings.Contains(a.stderr, want) {
				t.Errorf("stderr lacks %q: %s", want, a.stderr)
			}
		}
	}
	if _, err := os.Stat(in.path("gatehouse-cloud")); err == nil {
		t.Error("a state directory was made")
	}
}

// TestCheckConfigOfAGoodFile says how much there is, and what is hardly meant.
func TestCheckConfigOfAGoodFile(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("doorless.toml", "[[property]]\nid = \"elms\"\nzone = \"UTC\"\n")
	for line, want := range map[string]string{
		"check-config --config @cloud.toml":    "good: 1 property.\n",
		"check-config --config @doorless.toml": "perhaps not meant: property elms has no [[property.door]]",
	} {
		if a := in.do(line); a.code != cli.Done || !strings.Contains(a.stdout, want) {
			t.Errorf("%s: exit %d: %s%s; want %q", line, a.code, a.stdout, a.stderr, want)
		}
	}
	var o struct {
		OK         bool
		Properties int
		Warnings   []string
	}
	in.do("check-config --config @cloud.toml --json").object(t, &o)
	if !o.OK || o.Properties != 1 || o.Warnings == nil {
		t.Errorf("the object is %+v", o)
	}
	if a := in.do("check-config"); a.code != cli.WrongUsage || !strings.Contains(a.stderr, "--config FILE is missing") {
		t.Errorf("without a file: exit %d: %s", a.code, a.stderr)
	}
}

// TestAnUnknownPropertyIsAnsweredWithThoseThereAre: a slip of the pen shows its own cure.
func TestAnUnknownPropertyIsAnsweredWithThoseThereAre(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	a := in.do("import --config @cloud.toml --property mapels --file @people.csv")
	if a.code != cli.WrongUsage || !strings.Contains(a.stderr, `"mapels" is not in the configuration; there are: maples`) {
		t.Errorf("exit %d: %s", a.code, a.stderr)
	}
}
