package smoke

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// slip is one wrong input: the program, its arguments, what it must exit with and say.
type slip struct {
	name  string
	line  string
	code  int
	words string
}

// oneLine checks that a program said in one line what is wrong.
func (s site) oneLine(program string, bad slip) {
	s.t.Helper()
	a := s.do(program, strings.Fields(bad.line)...)
	if a.code != bad.code || strings.Count(a.stderr, "\n") != 1 || !strings.HasPrefix(a.stderr, program) || !strings.Contains(a.stderr, bad.words) {
		s.t.Errorf("%s: exit %d, want %d; stderr %q, want one line that says %q", bad.name, a.code, bad.code, a.stderr, bad.words)
	}
	if strings.Contains(bad.line, "--json") {
		var o struct {
			OK    *bool
			Error struct{ Kind, Message string }
		}
		a.oneObject(s.t, &o)
		if o.OK == nil || *o.OK || o.Error.Kind == "" || o.Error.Message == "" {
			s.t.Errorf("%s: stdout %s", bad.name, a.stdout)
		}
	}
}

// tree is every file of the site with its contents, to see that nothing changed.
func (s site) tree() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		out[path] = string(raw)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s site) unchanged(before map[string]string) {
	s.t.Helper()
	after := s.tree()
	for path, text := range before {
		if now, ok := after[path]; !ok || now != text {
			s.t.Errorf("%s changed or is gone", path)
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			s.t.Errorf("%s was made", path)
		}
	}
}

func TestTowardsG12_BadInputToTheAgent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.panel("--auth", "digest", "--user", "gate", "--password-file", s.write("password", "correct-horse\n"))
	s.write("wrong", "battery-staple\n")
	s.write("empty", "")
	s.write("key.toml", "state_dirr = \"x\"\n[[device]]\nid = \"a\"\nkind = \"akuvox\"\nurl = \"http://127.0.0.1:1\"\npaces = 1\n")
	s.write("type.toml", "state_dir = 7\nlisten = true\n")
	s.write("syntax.toml", "state_dir = \n")
	s.write("kind.toml", "state_dir = \"never\"\n[[device]]\nid = \"a\"\nkind = \"fax\"\nurl = \"http://127.0.0.1:1\"\n")
	s.write("good.toml", "state_dir = \"never\"\nforce_state_dir = true\nlisten = \"\"\n")
	s.write("bundle", "{}")
	nobody := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	before := s.tree()
	for _, bad := range []slip{
		{"unknown keys", "check-config --config @key.toml", 2, "state_dirr is not a key"},
		{"both named", "check-config --config @key.toml --json", 2, "paces is not a key"},
		{"wrong type", "check-config --config @type.toml --json", 2, "listen is true"},
		{"syntax", "check-config --config @syntax.toml", 2, "line 1"},
		{"unknown kind", "check-config --config @kind.toml", 2, "fax"},
		{"run with unknown keys", "run --config @key.toml", 2, "state_dirr"},
		{"run without a file", "run --config @none.toml", 2, "none.toml"},
		{"run with a wrong type", "run --config @type.toml", 2, "state_dir is the number 7"},
		{"a bundle that is none", "enroll accept --config @good.toml @bundle", 2, "no file made by gatehouse-cloud"},
		{"no bundle", "enroll accept --config @good.toml", 2, "want 1"},
		{"plan before there is a state", "plan --config @good.toml --json", 2, "no agent has ever kept its state"},
		{"outbox before there is a state", "outbox verify --config @good.toml --json", 2, "no agent has ever kept its state"},
		{"no such command", "unlock --json", 2, "no command"},
		{"unreachable panel", "device probe --kind akuvox --url " + nobody + " --pace 0s --timeout 2s --json", 4, "gatehouse-agent device probe"},
		{"selftest of an unreachable panel", "device selftest --kind akuvox --url " + nobody + " --pace 0s --timeout 2s --json", 4, "gatehouse-agent device selftest"},
		{"bad credentials", "device users --kind akuvox --url " + p.url + " --user gate --password-file @wrong --pace 0s --json", 3, "gatehouse-agent device users"},
		{"no credentials", "device probe --kind akuvox --url " + p.url + " --pace 0s --json", 3, "gatehouse-agent device probe"},
		{"empty password file", "device probe --kind akuvox --url " + p.url + " --user gate --password-file @empty --json", 2, "empty"},
		{"no kind", "device probe --url " + p.url + " --json", 2, "--kind is missing"},
		{"not an address", "device probe --kind akuvox --url 127.0.0.1 --json", 2, "url"},
	} {
		s.oneLine("gatehouse-agent", bad.at(s))
	}
	s.unchanged(before)
	if users := p.users(); len(users) != 0 {
		t.Errorf("the panel holds %v", users)
	}
}

// at puts the site's files into the line.
func (b slip) at(s site) slip {
	b.line = strings.ReplaceAll(b.line, "@", s.dir+"/")
	return b
}

func TestTowardsG12_BadInputToTheCloud(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := export(6)
	s.write("cloud.toml", "state_dir = \"cloud\"\nlisten = \"127.0.0.1:0\"\nbroker_listen = \"127.0.0.1:0\"\n[[property]]\nid = \"maples\"\nzone = \"America/New_York\"\n[[property.door]]\nid = \"lobby\"\n")
	s.write("key.toml", "listenn = \"x\"\n[[property]]\nid = \"maples\"\nzone = \"UTC\"\ndoorz = 1\n")
	s.write("type.toml", "listen = 7\n")
	s.write("zone.toml", "[[property]]\nid = \"maples\"\nzone = \"Mars/Olympus\"\n")
	s.write("good.csv", good)
	s.write("columns.csv", strings.Replace(good, "unit,", "flat,", 1))
	s.write("header.csv", good[strings.Index(good, "\n")+1:])
	s.write("encoding.csv", strings.Replace(good, "Cora", "Fran\xe7oise", 1))
	s.write("zone.csv", strings.Replace(strings.Replace(good, "pin,card\n", "pin,card,zone\n", 1), "20011,", "20011,,Mars/Olympus", 1))
	s.write("dates.csv", strings.ReplaceAll(good, "2020-05-01", "the first of May"))
	s.write("request", "{}")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.write("port.toml", "state_dir = \"port\"\nbroker_listen = \"127.0.0.1:0\"\nlisten = \""+taken.Addr().String()+"\"\n")
	imports := "import --config @cloud.toml --property maples --json --file "
	s.must("gatehouse-cloud", strings.Fields(slip{line: imports + "@good.csv"}.at(s).line)...)
	for _, bad := range []slip{
		{"unknown keys", "serve --config @key.toml", 2, "listenn is not a key"},
		{"both named", "migrate --config @key.toml --json", 2, "property.doorz is not a key"},
		{"wrong type", "serve --config @type.toml", 2, "listen"},
		{"wrong zone", "serve --config @zone.toml", 2, "Mars/Olympus"},
		{"no config", "serve --config @none.toml", 2, "none.toml"},
		{"CSV with wrong columns", imports + "@columns.csv", 2, `unknown column "flat"; missing column unit`},
		{"CSV without a header", imports + "@header.csv", 2, "first line is not the header row"},
		{"CSV in another encoding", imports + "@encoding.csv", 2, "UTF-8"},
		{"CSV with a wrong zone", imports + "@zone.csv", 2, "Mars/Olympus"},
		{"no CSV", imports + "@none.csv", 2, "none.csv"},
		{"another property", "import --config @cloud.toml --property oaks --file @good.csv --json", 2, "oaks"},
		{"a request that is none", "gateway add --config @cloud.toml --property maples --request @request --out @bundle --json", 2, "no file made by gatehouse-agent"},
	} {
		s.oneLine("gatehouse-cloud", bad.at(s))
	}
	var report struct {
		OK, Complete                   bool
		Added, Changed, Ended, Skipped any
		Evidence                       []string
	}
	s.must("gatehouse-cloud", strings.Fields(slip{line: imports + "@dates.csv"}.at(s).line)...).oneObject(t, &report)
	if report.Complete || report.Added != 0. || report.Changed != 0. || report.Ended != 0. || len(report.Skipped.([]any)) != 6 {
		t.Errorf("dates that cannot be read: %+v", report)
	}
	s.must("gatehouse-cloud", strings.Fields(slip{line: imports + "@good.csv"}.at(s).line)...).oneObject(t, &report)
	if !report.Complete || report.Added != 0. || report.Changed != 0. || report.Ended != 0. {
		t.Errorf("after all that the good file changes something: %+v", report)
	}
	a := s.do("gatehouse-cloud", "serve", "--config", "@port.toml")
	if a.code == 0 || !strings.Contains(a.stderr, taken.Addr().String()) || !strings.Contains(a.stderr, "another address with listen") {
		t.Errorf("a port in use: exit %d: %s", a.code, a.stderr)
	}
	if _, err := os.Stat(s.path("bundle")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a bundle was written")
	}
}
