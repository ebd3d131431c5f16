package checks

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The leaf packages that nearly everybody may import.
const (
	access = "protocol/access"
	fault  = "protocol/access/fault"
	rules  = "protocol/access/rules"
)

// serialFake plays the far end of a serial port: for tests and simulators.
const serialFake = "firmware-bridge/serialport/pty"

// row is one line of the import table. Patterns are paths below the module; "*" stands for one element,
// a last "..." for any number of them, none included.
type row struct {
	pkg   string
	may   []string
	never []string // taken out of may again
}

// importTable is the design's table. The first row that fits a package decides; the last fits every package not listed.
// Where the design says "access" its fault kinds come along: an error needs a kind.
var importTable = []row{
	{pkg: fault},
	{pkg: access, may: []string{fault}},
	{pkg: rules, may: []string{access, fault}}, // the rules judge the nouns
	{pkg: "protocol", may: []string{access, fault}},
	{pkg: "protocol/simkit"},
	{pkg: "protocol/cli", may: []string{access, fault}},
	{pkg: "protocol/prototest/realserver"},
	{pkg: "protocol/prototest", may: []string{"protocol", access, fault, rules}},
	{pkg: "firmware-bridge/serialport/..."},
	{pkg: "firmware-bridge/...", may: []string{"firmware-bridge/..."}, never: []string{serialFake}},

	{pkg: "agent/internal/supervise"},
	{pkg: "agent/internal/plan", may: []string{access, fault, rules, "agent/internal/driver/model"}},
	{pkg: "agent/internal/reconcile", may: []string{access, fault, "agent/internal/plan", "agent/internal/driver", "agent/internal/driver/model"}},
	{pkg: "agent/internal/driver/model", may: []string{access, fault}},
	{pkg: "agent/internal/driver", may: []string{access, fault, rules, "agent/internal/driver/model"}},
	{pkg: "agent/internal/driver/wrap", may: []string{access, fault}},
	{pkg: "agent/internal/driver/*/*sim/*"}, // a simulator's own codec: its driver, and its driver's tests, must not see it
	{pkg: "agent/internal/driver/comelit/comelitsim", may: []string{access, fault, rules, "protocol/simkit", "agent/internal/driver/comelit/comelitsim/*"}},
	{pkg: "agent/internal/driver/*/*sim", may: []string{access, fault, rules, "protocol/simkit"}},
	{pkg: "agent/internal/driver/*", may: []string{access, fault, "agent/internal/driver", "agent/internal/driver/model", "agent/internal/driver/wrap", "firmware-bridge/..."}, never: []string{serialFake}},
	{pkg: "agent/internal/cloudlink", may: []string{access, fault, "protocol", "agent/internal/outbox"}},
	{pkg: "agent/cmd/gatehouse-sim", may: []string{access, fault, rules, "agent", "protocol/cli", "protocol/simkit", "agent/internal/driver/*/*sim"}},
	// Its device commands need no daemon: they talk to one driver, or to a serial port, directly.
	{pkg: "agent/cmd/gatehouse-agent", may: []string{access, fault, rules, "firmware-bridge/serialport", "agent", "protocol", "protocol/cli", "agent/internal/driver", "agent/internal/driver/model", "agent/internal/osservice"}},
	{pkg: "agent", may: []string{"agent/internal/...", "protocol/..."}, never: testSupport},

	{pkg: "cloud/internal/config", may: []string{access, fault, rules, "cloud/internal/people/model"}},
	{pkg: "cloud/internal/broker", may: []string{access, fault, "protocol"}},
	{pkg: "cloud/internal/brokerlink", may: []string{access, fault, "protocol"}},
	{pkg: "cloud/internal/publish", may: []string{access, fault, "protocol"}},
	{pkg: "cloud/internal/intake", may: []string{access, fault, "protocol"}},
	{pkg: "cloud/internal/people/model", may: []string{access, fault, "cloud/internal/pms"}},
	{pkg: "cloud/internal/store", may: []string{access, fault, rules, "cloud/internal/people/model", "cloud/internal/pms"}},
	{pkg: "cloud/internal/policy", may: []string{access, fault, rules, "cloud/internal/people/model"}},
	{pkg: "cloud/internal/people", may: []string{access, fault, rules, "cloud/internal/people/model", "cloud/internal/pms"}},
	{pkg: "cloud/internal/pmstest", may: []string{access, fault, rules, "cloud/internal/pms"}},
	{pkg: "cloud/internal/pms/*/*sim", may: []string{access, fault, rules, "protocol/simkit"}},
	{pkg: "cloud/internal/pms/*", may: []string{access, fault, "cloud/internal/pms"}},
	{pkg: "cloud/internal/console", may: []string{access, fault, "cloud/internal/policy", "cloud/internal/people/model"}},
	{pkg: "cloud/internal/api", may: []string{access, fault, "cloud/internal/policy", "cloud/internal/people/model"}},
	{pkg: "cloud/cmd/gatehouse-pmssim", may: []string{access, fault, rules, "cloud", "protocol/cli", "protocol/simkit", "cloud/internal/pms/*/*sim", "testdata/..."}},
	{pkg: "cloud/cmd/*", may: []string{access, fault, rules, "cloud", "protocol", "protocol/cli"}},
	{pkg: "cloud", may: []string{"cloud/internal/...", "protocol/..."}, never: testSupport},

	{pkg: "packaging/...", may: []string{"..."}, never: []string{"agent/internal/...", "cloud/internal/..."}},
	{pkg: "testdata/..."},
	{pkg: "...", may: []string{access, fault, rules}},
}

// testSupport may be imported by any _test.go beside what its package may import, and never by an assembly.
var testSupport = []string{
	"protocol/prototest/...", "agent/internal/driver/memory", "agent/internal/driver/drivertest",
	"agent/internal/driver/*/*sim", "agent/internal/crashtest", "cloud/internal/pmstest", "cloud/internal/pms/*/*sim", "testdata/...", serialFake,
}

func importRule() Rule {
	return Rule{
		Name: "imports",
		Why: "the layers of DESIGN §7 are what lets one part be read, tested and replaced alone: the centre imports nothing, vendors do not know each other, " +
			"a simulator shares no wire code with its driver (else both are wrong together), agent and cloud meet only in protocol",
		Fix:  "declare the small interface you need in your own package (deps.go) and let the assembly (agent, cloud) hand in the concrete value",
		Find: findImports,
	}
}

func findImports(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Go {
		for _, s := range f.AST.Imports {
			to, house := strings.CutPrefix(importPath(s), module+"/")
			if house && !mayImport(f, to) {
				out = append(out, t.at(f, s.Pos(), "%s must not import %s", f.Dir, to))
			}
		}
	}
	return out
}

func mayImport(f *File, to string) bool {
	if f.Test && (to == f.Dir || matchAny(testSupport, to) && sameSide(f.Dir, to)) {
		return true
	}
	for _, r := range importTable {
		if match(r.pkg, f.Dir) {
			return matchAny(r.may, to) && !matchAny(r.never, to)
		}
	}
	return false
}

// sameSide keeps the wall between agent and cloud also in tests.
func sameSide(from, to string) bool {
	a, b := strings.Split(from, "/")[0], strings.Split(to, "/")[0]
	return a == b || b == "protocol" || b == "testdata" || b == "firmware-bridge"
}

func matchAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, p) })
}

func match(pattern, p string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		n := strings.Count(base, "/") + 1
		head := strings.Split(p, "/")
		return len(head) >= n && match(base, strings.Join(head[:n], "/"))
	}
	ok, err := path.Match(pattern, p)
	return ok && err == nil
}

// ban keeps something from outside the house away from a package. Tests of the package are free to use it.
type ban struct {
	pkg     string
	imports []string // import paths and everything below them
	clock   bool     // also: no reading of the clock
	why     string
}

var (
	mqtt    = []string{"github.com/eclipse/paho.mqtt.golang", "github.com/mochi-mqtt/server/v2"}
	servers = []string{"github.com/mochi-mqtt/server/v2", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "database/sql"}
)

var bans = []ban{
	{"protocol", mqtt, true, "the contract is bytes and rules; time and transport are handed in, so both sides can replay a vector"},
	{"protocol/access/...", append([]string{"net", "os"}, mqtt...), true, "nouns and pure rules do no I/O and read no clock"},
	{"agent/internal/plan", []string{"net", "os"}, true, "the plan is a pure function of its arguments, or the dry run lies"},
	{"agent/...", servers, false, "the agent carries no broker and no SQL: a small box has 12 MB for it"},
	{"cloud/internal/policy", append([]string{"net/http", "database/sql"}, mqtt...), true, "policy is a pure function, so that a preview shows what will happen"},
	{"cloud/internal/console", mqtt, false, "a page changes wanted state; only publish speaks to gateways"},
	{"cloud/internal/api", mqtt, false, "a request changes wanted state; only publish speaks to gateways"},
}

func banRule() Rule {
	return Rule{
		Name: "outside",
		Why:  "the core of each side is kept free of transport, storage and the clock (DESIGN §7, column 'never')",
		Fix:  "take the value, or a function such as now func() time.Time, as an argument; do the I/O in the package that owns it",
		Find: findBanned,
	}
}

func findBanned(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Go {
		for _, b := range bans {
			if !f.Test && match(b.pkg, f.Dir) {
				out = append(out, b.find(t, f)...)
			}
		}
	}
	return out
}

func (b ban) find(t *Tree, f *File) []Finding {
	var out []Finding
	for _, s := range f.AST.Imports {
		for _, banned := range b.imports {
			if match(banned+"/...", importPath(s)) {
				out = append(out, t.at(f, s.Pos(), "%s must not import %s: %s", f.Dir, importPath(s), b.why))
			}
		}
	}
	if b.clock {
		for _, sel := range uses(f, "time", "Now", "Since", "Until") {
			out = append(out, t.at(f, sel.Pos(), "%s must not read the clock (time.%s): %s", f.Dir, sel.Sel.Name, b.why))
		}
	}
	return out
}

func linkRule() Rule {
	return Rule{
		Name: "links",
		Why:  "the agent's program carries no cloud package, no broker and no SQL, however indirectly: it must fit a small box and offer nothing to attack",
		Fix:  "follow the chain named here and cut it where the wrong layer is entered",
		Find: findLinks,
	}
}

// findLinks follows the imports of the agent's program through the house to the first thing it must not carry.
func findLinks(t *Tree) []Finding {
	byDir := map[string][]*File{}
	for _, f := range t.Go {
		if !f.Test {
			byDir[f.Dir] = append(byDir[f.Dir], f)
		}
	}
	var out []Finding
	seen := map[string]bool{}
	var follow func(dir, chain string)
	follow = func(dir, chain string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, f := range byDir[dir] {
			for _, s := range f.AST.Imports {
				to, house := strings.CutPrefix(importPath(s), module+"/")
				bad := house && match("cloud/...", to) || slices.ContainsFunc(servers, func(p string) bool { return match(p+"/...", importPath(s)) })
				if bad {
					out = append(out, t.at(f, s.Pos(), "the agent would carry %s: %s", importPath(s), chain))
				} else if house {
					follow(to, fmt.Sprintf("%s → %s", chain, to))
				}
			}
		}
	}
	follow("agent/cmd/gatehouse-agent", "agent/cmd/gatehouse-agent")
	return out
}
