package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access/fault"
)

func program(err error) Program {
	return Program{Name: "prog", What: "does things.", Commands: []Command{
		{Name: "go far", Summary: "goes", Example: "prog go far --to X", Args: 1, SetUp: func(c *Call) func() error {
			to := c.Flags.String("to", "home", "`PLACE` to go to")
			return func() error {
				if err != nil {
					return err
				}
				return c.Tell(map[string]any{"ok": true, "to": *to}, "went to %s with %s", *to, c.Flags.Arg(0))
			}
		}},
		{Name: "go any", Args: -1, SetUp: func(c *Call) func() error {
			return func() error { return c.Tell(c.Flags.Args(), "%d of any", c.Flags.NArg()) }
		}},
		{Name: "hidden", Raw: func(c *Call, args []string) int { return len(args) }},
	}}
}

// try runs a command line and returns exit code, stdout and stderr.
func try(t *testing.T, p Program, line string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := p.Run(t.Context(), strings.Fields(line), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	tests := []struct {
		line           string
		code           int
		stdout, stderr string // parts that must be there
	}{
		{"go far --to sea me", Done, "went to sea with me\n", ""},
		{"go far --json me", Done, `{"ok":true,"to":"home"}`, ""},
		{"go any", Done, "0 of any\n", ""},
		{"go any a --json=false b", Done, "2 of any\n", ""},
		{"go far", WrongUsage, "", "prog go: 0 arguments follow the flags, want 1"},
		{"go far --where me", WrongUsage, "", "flag provided but not defined"},
		{"go far --json --where me", WrongUsage, `"kind":"invalid"`, "flag provided"},
		{"go near", WrongUsage, "", `there is no command "go near"`},
		{"", WrongUsage, "", "prog does things."},
		{"--help", Done, "go far          goes", ""},
		{"go far --help", Done, "--to PLACE", ""},
		{"hidden a b c", 3, "", ""},
		{"go --help", Done, "go far          goes", ""},
		{"nowhere --help", WrongUsage, "", "there is no command"},
		{"nowhere --config x", WrongUsage, "", `there is no command "nowhere";`},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			code, out, errs := try(t, program(nil), tt.line)
			if code != tt.code || !strings.Contains(out, tt.stdout) || !strings.Contains(errs, tt.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q; want %d, …%q…, …%q…", code, out, errs, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestHelpShowsAnExampleAndHidesTheHidden(t *testing.T) {
	_, out, _ := try(t, program(nil), "go far --help")
	if !strings.Contains(out, "example: prog go far --to X") || !strings.Contains(out, "(default home)") {
		t.Errorf("help is %q", out)
	}
	if _, out, _ = try(t, program(nil), "help"); strings.Contains(out, "hidden") {
		t.Errorf("help lists what is hidden: %q", out)
	}
}

func TestExitCodes(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Denied: Refused, fault.Full: Refused, fault.Conflict: Refused, fault.Unreachable: Unreachable,
		fault.Timeout: Unreachable, fault.Unsupported: Unsupported, fault.Invalid: WrongUsage, fault.Internal: Failed,
	}
	for kind, code := range want {
		err := fault.New(kind, "open", "door", "stuck\nfast").WithRemedy("Push.")
		got, out, errs := try(t, program(err), "go far --json me")
		if got != code {
			t.Errorf("%v exits with %d, want %d", kind, got, code)
		}
		var o struct {
			OK    bool
			Error Error
		}
		if err := json.Unmarshal([]byte(out), &o); err != nil || o.OK {
			t.Errorf("%v: stdout %q is not one object that says no: %v", kind, out, err)
		}
		if diff := cmp.Diff(Error{kind.String(), "open door: stuck\nfast", "Push."}, o.Error); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "Push.\n") {
			t.Errorf("stderr is %q, want one line that says what to do", errs)
		}
	}
	if got, _, _ := try(t, program(errors.New("plain")), "go far me"); got != Failed {
		t.Errorf("an error without a kind exits with %d", got)
	}
}

func TestTheirFaultIsNoWrongUsage(t *testing.T) {
	err := Theirs(fault.New(fault.Invalid, "read", "answer", "no JSON"))
	if got, _, _ := try(t, program(err), "go far me"); got != Failed {
		t.Errorf("an answer that cannot be read exits with %d, want %d", got, Failed)
	}
	if got, _, _ := try(t, program(Theirs(fault.New(fault.Denied, "log in", "x", "no"))), "go far me"); got != Refused {
		t.Errorf("a refusal exits with %d, want %d", got, Refused)
	}
	if Theirs(nil) != nil {
		t.Error("no error became one")
	}
}

func TestTellFailureSaysMoreThanTheError(t *testing.T) {
	p := Program{Name: "prog", Commands: []Command{{Name: "pull", SetUp: func(c *Call) func() error {
		return func() error {
			return c.TellFailure(map[string]any{"ok": true, "evidence": []string{"cut"}}, fault.New(fault.Timeout, "read", "page", "slow"))
		}
	}}}}
	code, out, _ := try(t, p, "pull --json")
	var o struct {
		OK       bool
		Error    Error
		Evidence []string
	}
	d := json.NewDecoder(strings.NewReader(out))
	if err := d.Decode(&o); err != nil || d.More() {
		t.Fatalf("%q is not exactly one object: %v", out, err)
	}
	if code != Unreachable || o.OK || o.Error.Kind != "timeout" || len(o.Evidence) != 1 {
		t.Errorf("exit %d, %+v", code, o)
	}
	if code, out, errs := try(t, p, "pull"); code != Unreachable || out != "" || !strings.Contains(errs, "slow") {
		t.Errorf("without --json: exit %d, %q, %q", code, out, errs)
	}
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	c := &Call{Stdout: &out}
	if err := c.Print([]byte(`{"a":"<b>"}`)); err != nil || out.String() != "{\n  \"a\": \"<b>\"\n}\n" {
		t.Errorf("%q %v", out.String(), err)
	}
	out.Reset()
	c.JSON = true
	if err := c.Print([]byte(`{"a":1}` + "\n")); err != nil || out.String() != "{\"a\":1}\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestFiles(t *testing.T) {
	p := filepath.Join(t.TempDir(), "f")
	if err := WriteFile(p, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(p, 5); err != nil || string(b) != "12345" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := ReadFile(p, 4); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a file that is too large gives %v", err)
	}
	if _, err := ReadFile(p+"x", 4); !errors.Is(err, os.ErrNotExist) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestFlagsMayFollowArguments: "go far HERE --to X" is "go far --to X HERE", and behind "--" there are no flags.
func TestFlagsMayFollowArguments(t *testing.T) {
	for _, args := range [][]string{
		{"go", "far", "there", "--to", "sea", "--json"}, {"go", "far", "--json", "--to", "sea", "there"}, {"go", "far", "--json", "--to=sea", "--", "there"},
	} {
		var out, errs bytes.Buffer
		if code := program(nil).Run(t.Context(), args, nil, &out, &errs); code != Done || !strings.Contains(out.String(), `"to":"sea"`) {
			t.Errorf("%v: exit %d, %s%s", args, code, out.String(), errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := program(nil).Run(t.Context(), []string{"go", "far", "--", "--to"}, nil, &out, &errs); code != Done || out.String() != "went to home with --to\n" {
		t.Errorf("exit %d, %s%s", code, out.String(), errs.String())
	}
	if code := program(nil).Run(t.Context(), []string{"go", "far", "there", "--to", "sea", "again"}, nil, &out, &errs); code != WrongUsage {
		t.Errorf("two arguments for one: exit %d", code)
	}
}
