package industrystd_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/firmware-bridge/industrystd"
)

// TestTowardsE3_JobFile reads a job as encoder exec gets it.
func TestTowardsE3_JobFile(t *testing.T) {
	t.Parallel()
	const file = `{"command":"new_key","encoder":"1","rooms":["101"],"keys":1,"granted":[1,10],"denied":[],"start":"2026-07-01T15:30","end":"2027-07-31T11:00",
		"operator":"Gatehouse","return_serials":"all","retain":false}`
	var j industrystd.Job
	if err := json.Unmarshal([]byte(file), &j); err != nil {
		t.Fatal(err)
	}
	m, err := industrystd.Build(industrystd.Salto, j)
	if err != nil || m.String() != "CN|1|E|101||||1a||1530010726|1100310727|Gatehouse||||2" {
		t.Errorf("%v, %v", m, err)
	}
	start, end := j.Validity(industrystd.Onity)
	if start != wall(t, "2026-07-01T15:00") || end != wall(t, "2027-07-31T11:00") {
		t.Errorf("onity would write %v to %v", start, end)
	}
}

func TestCommands_OfEachDialect(t *testing.T) {
	t.Parallel()
	for d, want := range map[industrystd.Dialect]string{
		industrystd.Salto: "check_out copy_key copy_mobile copy_mobile_blob modify_stay new_key new_mobile new_mobile_blob one_shot read read_track status trail_first trail_next trail_repeat write_track",
		industrystd.Onity: "check_out copy_key eject new_key one_shot read read_track status write_track",
	} {
		if got := fmt.Sprint(d.Commands()); got != "["+want+"]" {
			t.Errorf("%s: %s", d, got)
		}
	}
	harmless := []industrystd.Command{industrystd.Read, industrystd.ReadTrack, industrystd.Status, industrystd.TrailFirst, industrystd.TrailRepeat}
	for _, c := range append(industrystd.Salto.Commands(), industrystd.Eject) {
		if c.Changes() == slices.Contains(harmless, c) {
			t.Errorf("%s changes something: %v", c, c.Changes())
		}
	}
}

func TestKey_PrintsRedacted(t *testing.T) {
	t.Parallel()
	j := industrystd.Job{Command: industrystd.NewMobileBlob, Phone: "+15550100"}
	a, err := industrystd.ParseAnswer(industrystd.Salto, j, industrystd.Message{"CNMB", "+15550100", "C0FFEE"})
	if err != nil || a.Key.Reveal() != "C0FFEE" {
		t.Fatalf("%v, %v", a.Key.Reveal(), err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(a), fmt.Sprintf("%+v", a), fmt.Sprintf("%#v", a.Key), string(raw)} {
		if strings.Contains(printed, "C0FFEE") {
			t.Errorf("printed as %s", printed)
		}
	}
}

// TestMessages_NameTheJob: people at the desk read them.
func TestMessages_NameTheJob(t *testing.T) {
	t.Parallel()
	for want, j := range map[string]industrystd.Job{
		`read at encoder "1" was not done`:     {Command: industrystd.Read, Encoder: "1"},
		`check_out for room "101" was not`:     {Command: industrystd.CheckOut, Rooms: []string{"101"}},
		`trail_first of door "Entrance" was`:   {Command: industrystd.TrailFirst, Door: "Entrance"},
		`modify_stay for room "101" was not`:   {Command: industrystd.ModifyStay, Rooms: []string{"101"}, End: wall(t, "2027-07-31T11:00")},
		`status was not done: the lock system`: {Command: industrystd.Status},
	} {
		r := play(t, salto(), j, func(p *peer) { p.want(0x05) })
		ended(t, r, industrystd.Refused, industrystd.Silent, want)
	}
	for want, j := range map[string]industrystd.Job{
		"may be asked for again":    {Command: industrystd.Read, Encoder: "1"},
		"Look into the lock system": {Command: industrystd.CheckOut, Rooms: []string{"101"}},
	} {
		m, err := industrystd.Build(industrystd.Salto, j)
		if err != nil {
			t.Fatal(err)
		}
		r := play(t, salto(), j, func(p *peer) { p.accept(framed(m.String())) })
		ended(t, r, industrystd.Unknown, industrystd.Silent, want)
	}
}
