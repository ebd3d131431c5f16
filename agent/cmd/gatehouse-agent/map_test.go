package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

// TestTowardsG14_TheInstallerReadsAndSetsTheMap by the real program and its exit codes, while it runs and at rest.
func TestTowardsG14_TheInstallerReadsAndSetsTheMap(t *testing.T) {
	t.Parallel()
	cfg, _, cloud := enrolledSite(t)
	bells := comelitSim(t)
	web := httptest.NewServer(bells.Web())
	t.Cleanup(web.Close)
	f, err := os.OpenFile(cfg, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(f, "[[device]]\nid = \"gate-1\"\nkind = \"comelit\"\nurl = %q\npassword_file = %q\npace = \"0s\"\ndoors = { lobby = \"A\" }\n", web.URL, passwordFile(t, "correct horse\n"))
	must(t, err)
	must(t, f.Close())
	d := startDaemon(t, cfg)
	cloud.publishes(hears(cloud, protocol.TypeHello, anyOf[protocol.Hello]), append(property(), access.Unit{ID: "u2", Name: "Garden Flat"}, access.Door{ID: "roof", Name: "Roof"})...)
	hears(cloud, protocol.TypeAck, func(a protocol.Ack) bool { return a.Revision == 1 })

	do := func(more ...string) outcome {
		return cmdline(t, append([]string{"device", "map", "gate-1", "--config", cfg}, more...)...)
	}
	var text string
	for late := time.Now().Add(10 * time.Second); !strings.Contains(text, "by name"); { // the device has answered, the state is there
		if text = do().stdout; time.Now().After(late) {
			t.Fatalf("the map stays %s", text)
		}
	}
	for _, line := range []string{
		"lobby        A", "roof                        no device of this gateway opens it",
		"101 SB000001 101 by name", "Garden Flat                    no apartment  no apartment of the device is called so",
		"SB000002 102 no unit's", "1 of 2 units wait for word from an installer.",
	} {
		if squeeze := strings.Join(strings.Fields(line), " "); !strings.Contains(strings.Join(strings.Fields(text), " "), squeeze) {
			t.Errorf("%q is not in\n%s", squeeze, text)
		}
	}
	do("--confirm").one(t, cli.Refused, "unit Garden Flat: no apartment of the device is called so", "--leave-out UNIT")
	do("--door", "roof=A").one(t, cli.WrongUsage, "the device is in the gateway's file", "doors = {")
	do("--set", "101").one(t, cli.WrongUsage, "want NAME=VALUE", "--help")
	do("--set", "u2=102", "--clear", "102").one(t, cli.WrongUsage, "no unit's id or exact name")
	cmdline(t, "device", "map", "--config", cfg).one(t, cli.WrongUsage, "want 1")
	cmdline(t, "device", "map", "none", "--config", cfg).one(t, cli.WrongUsage, "none of this gateway")
	o := do("--set", "garden flat=102", "--confirm", "--json")
	units, _ := o.object(t)["units"].([]any)
	if o.code != cli.Done || len(units) != 2 || !strings.Contains(fmt.Sprint(units[1]), "apartment:SB000002") || !strings.Contains(fmt.Sprint(units[1]), "state:confirmed") {
		t.Errorf("%d %s", o.code, o.stdout)
	}
	front := cmdline(t, "device", "map", "front", "--config", cfg)
	if front.code != cli.Done || !strings.Contains(front.stdout, "calls no units, or has not answered yet") {
		t.Errorf("a panel without units: %+v", front)
	}
	d.end(os.Kill)
	if o := do(); o.code != cli.Done || !strings.Contains(o.stdout, "0 of 2 units wait") {
		t.Errorf("at rest: %+v", o)
	}
	do("--clear", "101").one(t, cli.Unreachable, "no gateway runs here")
}

func TestTheMapIsInTheHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"device", "--help"}, {"device", "map", "--help"}} {
		if o := cmdline(t, args...); o.code != cli.Done || !strings.Contains(o.stdout, "which unit which apartment") {
			t.Errorf("%v: %+v", args, o)
		}
	}
}
