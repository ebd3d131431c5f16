package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol"
	"gatehouse/protocol/cli"
)

// keys of an object, each with the first of its list or its object below.
func has(t *testing.T, what string, o map[string]any, keys string) {
	t.Helper()
	for _, k := range strings.Fields(keys) {
		if v, ok := o[k]; !ok || v == nil {
			t.Errorf("%s lacks %q, or it is null", what, k)
		}
	}
}

// TestPMSImportPrintsTheContractsKeys: the neutral snapshot as the command line's contract has it.
func TestPMSImportPrintsTheContractsKeys(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for _, line := range []string{"pms import --format csv --file @people.csv --zone America/New_York --json", "pms import --file - --zone America/New_York --json"} {
		a := in.feed(threePeople, line)
		var o map[string]any
		a.object(t, &o)
		if a.code != cli.Done || o["ok"] != true || o["complete"] != true || a.stderr != "" {
			t.Errorf("exit %d: %v %v %s", a.code, o["ok"], o["complete"], a.stderr)
		}
		has(t, "the snapshot", o, "ok complete evidence properties units people leases work_orders skipped calls")
		first := func(list string) map[string]any { return o[list].([]any)[0].(map[string]any) }
		has(t, "a property", first("properties"), "ref name zone")
		has(t, "a unit", first("units"), "ref property building name")
		has(t, "a person", first("people"), "ref lease property unit first last company email email_class phones type raw_type primary pin card")
		has(t, "a lease", first("leases"), "ref property unit status raw_status move_in lease_start lease_end month_to_month")
		if p := first("people"); p["pin"] != true || p["card"] != true || p["phones"].([]any)[0] != "+12125550101" {
			t.Errorf("the person is %v", p)
		}
		if l := first("leases"); l["move_in"] != "2020-05-01" || l["move_out"] != nil || l["status"] != "current" {
			t.Errorf("the lease is %v", l)
		}
		if strings.Contains(a.stdout, "48213") || strings.Contains(a.stdout, "04A1B2C3") {
			t.Error("a PIN or card is printed")
		}
	}
	if _, err := os.Stat(in.path("state")); err == nil {
		t.Error("a database was made")
	}
}

// TestTowardsL12_ACutFileIsNotComplete: readable, and it says why nothing follows from what it lacks.
func TestTowardsL12_ACutFileIsNotComplete(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("cut.csv", threePeople[:len(threePeople)/2])
	var o struct {
		OK, Complete bool
		Evidence     []string
		Skipped      []struct{ Reason string }
	}
	a := in.do("pms import --file @cut.csv --json")
	a.object(t, &o)
	if a.code != cli.Done || !o.OK || o.Complete || !strings.Contains(strings.Join(o.Evidence, " "), "TRUNCATED") {
		t.Errorf("exit %d: %s", a.code, a.stdout)
	}
	if a := in.do("pms import --file @cut.csv"); !strings.Contains(a.stdout, "\n  \"complete\": false") {
		t.Errorf("for people it prints %s", a.stdout)
	}
}

// report is what import prints.
type report struct {
	OK        bool
	Property  string
	Complete  bool
	Evidence  []string
	Held      string
	People    int
	Units     int
	Leases    int
	Added     int
	Changed   int
	Ended     int
	Skipped   []map[string]any
	Conflicts []struct{ Kind, Text, Remedy string }
	Gateways  int `json:"gateways_changed"`
}

func (in installation) imports(line string) report {
	in.t.Helper()
	a := in.do("import --config @cloud.toml --property maples --format csv --json --file " + line)
	if a.code != cli.Done || a.stderr != "" {
		in.t.Fatalf("exit %d: %s", a.code, a.stderr)
	}
	var r report
	a.object(in.t, &r)
	return r
}

func TestImportReports(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if a := in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle"); a.code != cli.Done {
		t.Fatal(a.stderr)
	}
	first := in.imports("@people.csv")
	want := report{
		OK: true, Property: "maples", Complete: true, Evidence: first.Evidence, People: 3, Units: 3, Leases: 3, Added: 2, Gateways: 1,
		Skipped: first.Skipped, Conflicts: first.Conflicts,
	}
	if d := cmp.Diff(want, first); d != "" || len(first.Evidence) == 0 || len(first.Skipped) != 1 {
		t.Errorf("skipped %v, conflicts %v (-want +got):\n%s", first.Skipped, first.Conflicts, d)
	}
	if again := in.imports("@people.csv"); again.Added+again.Changed+again.Ended+again.Gateways != 0 {
		t.Errorf("the same again: %+v", again)
	}
	in.write("cut.csv", threePeople[:len(threePeople)-15])
	cut := in.imports("@cut.csv")
	if !cut.OK || cut.Complete || cut.Ended != 0 || len(cut.Conflicts) == 0 || cut.Conflicts[0].Remedy == "" {
		t.Errorf("the cut file: %+v", cut)
	}
	a := in.do("import --config @cloud.toml --property maples --file @cut.csv")
	for _, want := range []string{"people in", "TRUNCATED", "to look at: "} {
		if !strings.Contains(a.stdout, want) {
			t.Errorf("for people it prints %q, which lacks %q", a.stdout, want)
		}
	}
}

// TestAReportsListsAreLists: a script that loops over them must not meet null.
func TestAReportsListsAreLists(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("one.csv", strings.Join(strings.SplitAfter(threePeople, "\n")[:2], "")+"#end,rows=1\n")
	a := in.do("import --config @cloud.toml --property maples --file @one.csv --json")
	var o map[string]any
	a.object(t, &o)
	has(t, "the report", o, "ok property complete evidence people units leases added changed ended skipped conflicts gateways_changed")
	if n := len(o["skipped"].([]any)) + len(o["conflicts"].([]any)); n != 0 {
		t.Errorf("one good line gives %s", a.stdout)
	}
}

func TestG7_GatewayAdd(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	a := in.do("gateway add --config @cloud.toml --property maples --request @gateway.request --out @bundle --json")
	var o struct {
		OK           bool
		Gateway, Out string
	}
	a.object(t, &o)
	if a.code != cli.Done || !o.OK || o.Gateway != "gw1" || o.Out != in.path("bundle") {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
	raw, err := os.ReadFile(in.path("bundle"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := protocol.ParseEnrollBundle(raw)
	if err != nil || string(b.Gateway) != o.Gateway || b.Property != "maples" {
		t.Errorf("%v: %s of %s", err, b.Gateway, b.Property)
	}
	if strings.Contains(string(raw), "PRIVATE") || !json.Valid(raw) {
		t.Errorf("the bundle is %s", raw)
	}
	in.write("second.request", string(request(t)))
	a = in.do("gateway add --config @cloud.toml --property maples --request @second.request --out @second.bundle")
	if a.code != cli.Done || !strings.Contains(a.stdout, "Gateway gw2 of maples") || !strings.Contains(a.stdout, "gatehouse-agent enroll accept "+in.path("second.bundle")) {
		t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
	}
}
