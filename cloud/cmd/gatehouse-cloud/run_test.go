package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/cli"
)

func TestEveryCommandsHelpHasAnExample(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	list := in.do("--help")
	for _, cmd := range program().Commands {
		a := in.do(cmd.Name + " --help")
		if a.code != cli.Done || !strings.Contains(a.stdout, "example: gatehouse-cloud "+cmd.Name) || a.stderr != "" {
			t.Errorf("%s --help: exit %d, %q %q", cmd.Name, a.code, a.stdout, a.stderr)
		}
		if !strings.Contains(list.stdout, cmd.Name+" ") || !strings.Contains(list.stdout, cmd.Summary) {
			t.Errorf("--help lacks %s", cmd.Name)
		}
		// The example itself must be something the command takes: only its files are missing here.
		words := strings.Fields(strings.TrimPrefix(cmd.Example, "gatehouse-cloud "+cmd.Name))
		for i, w := range words {
			if strings.HasSuffix(w, ".toml") {
				words[i] = "@missing/" + w
			}
		}
		if a := in.do(cmd.Name + " " + strings.Join(words, " ")); strings.Contains(a.stderr, "flag provided") || strings.Contains(a.stderr, "arguments follow") {
			t.Errorf("the example of %s is not taken: %s", cmd.Name, a.stderr)
		}
	}
	if list.code != cli.Done || list.stderr != "" {
		t.Errorf("--help: exit %d %q", list.code, list.stderr)
	}
}

// TestTowardsG12_ExitCodesAndOneObject: every way to fail says so in one line, with the contract's exit
// code, and with --json in exactly one object that has kind, message and remedy.
func TestTowardsG12_ExitCodesAndOneObject(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("wrong.toml", "listen = 7\n")
	in.write("nowhere.toml", "state_dir = \"state2\"\ndatabase = \"postgres://nobody@127.0.0.1:1/none?connect_timeout=2\"\n")
	in.write("file", "")
	in.write("notadir.toml", "state_dir = \"file\"\n")
	in.write("columns.csv", strings.Replace(threePeople, "unit", "flat", 1))
	in.write("latin1.csv", strings.Replace(threePeople, "Cora", "Fran\xe7oise", 1))
	in.write("bad.request", "{}")
	tests := map[string]struct {
		line  string
		code  int
		kind  string
		words string
	}{
		"no such command":    {"impart --json", cli.WrongUsage, "invalid", "no command"},
		"half a command":     {"gateway --json", cli.WrongUsage, "invalid", "no command"},
		"unknown flag":       {"import --json --properly maples", cli.WrongUsage, "invalid", "properly"},
		"extra argument":     {"migrate --config @cloud.toml --json now", cli.WrongUsage, "invalid", "arguments follow"},
		"import of whose":    {"import --config @cloud.toml --file @people.csv --json", cli.WrongUsage, "invalid", "--property"},
		"import of what":     {"import --config @cloud.toml --property maples --json", cli.WrongUsage, "invalid", "--file"},
		"import elsewhere":   {"import --config @cloud.toml --property oaks --file @people.csv --json", cli.WrongUsage, "invalid", "oaks"},
		"import of nothing":  {"import --config @cloud.toml --property maples --file @none.csv --json", cli.WrongUsage, "invalid", "none.csv"},
		"wrong columns":      {"import --config @cloud.toml --property maples --file @columns.csv --json", cli.WrongUsage, "invalid", "unknown column"},
		"wrong encoding":     {"import --config @cloud.toml --property maples --file @latin1.csv --json", cli.WrongUsage, "invalid", "UTF-8"},
		"unknown format":     {"import --config @cloud.toml --property maples --format mits2 --file @people.csv --json", cli.WrongUsage, "invalid", "mits2"},
		"snapshot of what":   {"pms import --json", cli.WrongUsage, "invalid", "--file"},
		"snapshot zone":      {"pms import --file @people.csv --zone Mars/Olympus --json", cli.WrongUsage, "invalid", "time zone"},
		"snapshot columns":   {"pms import --file @columns.csv --json", cli.WrongUsage, "invalid", "unknown column"},
		"no config":          {"serve --config @none.toml --json", cli.WrongUsage, "invalid", "none.toml"},
		"wrong config":       {"migrate --config @wrong.toml --json", cli.WrongUsage, "invalid", "listen"},
		"no database":        {"migrate --config @nowhere.toml --json", cli.Unreachable, "unreachable", "127.0.0.1:1"},
		"no directory":       {"migrate --config @notadir.toml --json", cli.WrongUsage, "invalid", "state_dir"},
		"gateway of what":    {"gateway add --config @cloud.toml --property maples --json", cli.WrongUsage, "invalid", "--request"},
		"gateway where":      {"gateway add --config @cloud.toml --property oaks --request @gateway.request --out @o --json", cli.WrongUsage, "invalid", "oaks"},
		"gateway of nothing": {"gateway add --config @cloud.toml --property maples --request @none --out @o --json", cli.WrongUsage, "invalid", "none"},
		"bad request":        {"gateway add --config @cloud.toml --property maples --request @bad.request --out @o --json", cli.WrongUsage, "invalid", "no file made by"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := in.do(tt.line)
			var o struct {
				OK    *bool
				Error *cli.Error
			}
			a.object(t, &o)
			if a.code != tt.code || o.OK == nil || *o.OK || o.Error == nil || o.Error.Kind != tt.kind || o.Error.Message == "" {
				t.Fatalf("exit %d, %s; want %d, %s", a.code, a.stdout, tt.code, tt.kind)
			}
			if strings.Count(a.stderr, "\n") != 1 || !strings.HasPrefix(a.stderr, "gatehouse-cloud ") || !strings.Contains(a.stderr, tt.words) {
				t.Errorf("stderr is %q, want one line that says %q", a.stderr, tt.words)
			}
			if _, err := os.Stat(in.path("o")); err == nil {
				t.Error("a bundle was written")
			}
		})
	}
}

func TestEveryWrongKeyIsNamedInOneLine(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.write("cloud.toml", "listenn = \"x\"\nbroker_listen = \"there\"\n[[property]]\nid = \"a b\"\nzone = \"UTC\"\n[[property]]\nid = \"a\"\nzone = \"Mars/Olympus\"\nmove_in_time = \"3pm\"\nowner = 1\n")
	for _, cmd := range []string{"serve", "migrate", "import --property a --file @people.csv", "gateway add --property a --request @gateway.request --out @o"} {
		a := in.do(cmd + " --config @cloud.toml")
		if a.code != cli.WrongUsage || a.stdout != "" || strings.Count(a.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d %q %q", cmd, a.code, a.stdout, a.stderr)
		}
		for _, want := range []string{"listenn", "broker_listen", "a b", "Mars/Olympus", "move_in_time", "property.owner"} {
			if !strings.Contains(a.stderr, want) {
				t.Errorf("%s: %q does not name %s", cmd, a.stderr, want)
			}
		}
	}
	if _, err := os.Stat(in.path("state")); err == nil {
		t.Error("a state directory was made")
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	var o struct {
		OK                  bool
		Version, Commit, Go string
		Protocol            int
	}
	a := in.do("version --json")
	a.object(t, &o)
	if a.code != cli.Done || !o.OK || o.Version != version || o.Commit != commit || o.Protocol != protocol.Version || o.Go != runtime.Version() {
		t.Errorf("exit %d: %s", a.code, a.stdout)
	}
	if a := in.do("version"); a.code != cli.Done || !strings.HasPrefix(a.stdout, "gatehouse-cloud dev commit unknown protocol ") {
		t.Errorf("exit %d: %s", a.code, a.stdout)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for range 2 { // the second finds nothing to do
		var o map[string]any
		a := in.do("migrate --config @cloud.toml --json")
		a.object(t, &o)
		if a.code != cli.Done || o["ok"] != true || a.stderr != "" {
			t.Errorf("exit %d: %s %s", a.code, a.stdout, a.stderr)
		}
	}
	if _, err := os.Stat(in.path("state/cloud.db")); err != nil {
		t.Error(err)
	}
}

// TestServeUntilToldToStop: it says where it is, keeps its log on stderr in JSON, and ends with 0.
func TestServeUntilToldToStop(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	logs, w := io.Pipe()
	var out bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--config", in.path("cloud.toml")}, strings.NewReader(""), &out, w)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var entry struct{ Msg, Page, Broker string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Errorf("log line %q: %v", lines.Text(), err)
		}
		if entry.Msg == "cloud runs" {
			if !strings.HasPrefix(entry.Page, "http://127.0.0.1:") || entry.Broker == "" {
				t.Errorf("it says %q", lines.Text())
			}
			stop()
		}
	}
	if got := <-code; got != cli.Done || out.Len() != 0 {
		t.Errorf("exit %d, stdout %q", got, out.String())
	}
}

func TestServeOnATakenPortSaysSo(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	in := newInstallation(t)
	for _, key := range []string{"listen", "broker_listen"} {
		in.write("cloud.toml", strings.Replace(maples, key+` = "127.0.0.1:0"`, key+` = "`+ln.Addr().String()+`"`, 1))
		a := in.do("serve --config @cloud.toml")
		last := a.stderr[strings.LastIndex(strings.TrimSpace(a.stderr), "\n")+1:]
		if a.code == cli.Done || !strings.Contains(last, ln.Addr().String()) || !strings.Contains(last, "Choose another address with "+key) {
			t.Errorf("%s: exit %d: %s", key, a.code, last)
		}
	}
}
