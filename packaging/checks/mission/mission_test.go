package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRowsOf(t *testing.T) {
	for test, want := range map[string]string{
		"TestS6_FutureBecomesCurrent":        "S6",
		"TestS6_S7_Dates":                    "S6 S7",
		"TestDates_S6_at_the_minute":         "S6",
		"TestMoveIn/G7_replay":               "G7",
		"TestMoveIn/case_G7_replay":          "G7",
		"TestS6_Move/S6_again/A4_PIN_digits": "S6 A4",
		"TestS60_NotARow":                    "",
		"TestS21_NotARow":                    "",
		"TestE18_IsAModel":                   "",
		"TestCards/A1":                       "",
		"TestCards/04A1":                     "",
		"TestS6":                             "",
		"Tests6_Small":                       "",
		"TestXS6_Other":                      "",
	} {
		if got := strings.Join(rowsOf(test), " "); got != want {
			t.Errorf("rowsOf(%q) = %q, want %q", test, got, want)
		}
	}
}

func TestRowIDs(t *testing.T) {
	ids := rowIDs()
	if len(ids) != 99 || ids[0] != "S1" || ids[19] != "S20" || ids[98] != "E8" {
		t.Errorf("%d rows: %v", len(ids), ids)
	}
}

// events writes a stream from lines of "action package test"; "run" goes before each ending by itself.
func events(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		f := append(strings.Fields(l), "", "")
		if f[2] != "" && f[0] != "run" {
			fmt.Fprintf(&b, `{"Action":"run","Package":%q,"Test":%q}`+"\n", f[1], f[2])
		}
		fmt.Fprintf(&b, `{"Action":%q,"Package":%q,"Test":%q}`+"\n", f[0], f[1], f[2])
	}
	return b.String()
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     string
		want   []string
		broken bool
		err    string
	}{
		{"passed", events("pass a TestS6_X", "pass a"),
			[]string{"S6 passed", "S7 not built yet", "99 rows: 1 passed, 0 failed, 98 not built yet"}, false, ""},
		{"one failure outweighs", events("pass a TestS6_X", "fail a TestS6_Y", "pass b TestS6_Z", "fail a", "pass b"),
			[]string{"S6 failed", "99 rows: 0 passed, 1 failed, 98 not built yet"}, true, ""},
		{"a failing test that shows no row breaks nothing", events("pass a TestS6_X", "fail a TestOther", "fail a"),
			[]string{"S6 passed"}, false, ""},
		{"skipped shows nothing", events("skip a TestS6_X", "skip a TestS7_X", "pass a TestS7_Y"),
			[]string{"S6 not built yet", "S7 passed"}, false, ""},
		{"cut off", events("run a TestG6_Offline", "fail a"),
			[]string{"G6 failed"}, true, "did not build or died: a"},
		{"did not build", events("pass a TestS6_X", "pass a", "fail b"),
			[]string{"S6 passed"}, false, "did not build or died: b"},
		{"words between the events", "go: downloading x\n" + events("pass a TestS6_X") + "exit status 1", []string{"S6 passed"}, false, ""},
		{"nothing", "", nil, false, "no test events"},
		{"no events", "go: cannot find main module\n", nil, false, "no test events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			broken, err := run(strings.NewReader(c.in), &out)
			if broken != c.broken {
				t.Errorf("broken %v, want %v", broken, c.broken)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			for _, w := range c.want {
				if !strings.Contains("\n"+out.String(), "\n"+w+"\n") {
					t.Errorf("no line %q in\n%s", w, out.String())
				}
			}
		})
	}
}

func TestRunOrder(t *testing.T) {
	var out strings.Builder
	if _, err := run(strings.NewReader(events("pass a TestE8_X")), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 100 || lines[0] != "S1 not built yet" || lines[98] != "E8 passed" {
		t.Errorf("%d lines, first %q, last row %q", len(lines), lines[0], lines[98])
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRunErrors(t *testing.T) {
	if _, err := run(iotest.ErrReader(errors.New("pipe broke")), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "pipe broke") {
		t.Errorf("a broken pipe gave %v", err)
	}
	if _, err := run(strings.NewReader(events("pass a TestS6_X")), fullDisk{}); err == nil {
		t.Error("a report that could not be written gave no error")
	}
}
