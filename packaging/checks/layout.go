package checks

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// topLevel is all there is to see at the top, beside files that start with a dot.
var topLevel = []string{
	"agent", "cloud", "protocol", "firmware-bridge", "packaging", "testdata", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE",
}

func layoutRule() Rule {
	return Rule{
		Name: "layout",
		Why:  "the top of the repository is a map of five rooms; a sixth hides the others",
		Fix:  "put tools, scripts and notes under packaging, design notes under <room>/design; make what is missing",
		Find: findLayout,
	}
}

func findLayout(t *Tree) []Finding {
	var out []Finding
	seen := map[string]bool{}
	for _, p := range t.Paths {
		top, _, _ := strings.Cut(p, "/")
		if !seen[top] && !strings.HasPrefix(top, ".") && !slices.Contains(topLevel, top) {
			out = append(out, Finding{Path: top, What: "does not belong at the top"})
		}
		seen[top] = true
	}
	for _, want := range topLevel {
		if !seen[want] {
			out = append(out, Finding{Path: want, What: "is missing at the top"})
		}
	}
	return out
}

// readmeSections are the headings of every driver's README.md; "Proven on" is what an installer decides by.
var readmeSections = []string{"Devices", "Set-up", "Capabilities", "Limits", "Known quirks", "Proven on"}

func readmeRule() Rule {
	return Rule{
		Name: "driverreadme",
		Why:  "an installer looks up a device in the same six places for every vendor, and reads there whether it was ever proven on a real one",
		Fix:  "write README.md beside the driver with the headings Devices, Set-up, Capabilities, Limits, Known quirks, Proven on",
		Find: findReadmes,
	}
}

func findReadmes(t *Tree) []Finding {
	const drivers = "agent/internal/driver/"
	var out []Finding
	seen := []string{drivers + "memory", drivers + "drivertest", drivers + "model", drivers + "wrap"} // no vendor's
	for _, f := range t.Go {
		if !match(drivers+"*", f.Dir) || slices.Contains(seen, f.Dir) {
			continue
		}
		seen = append(seen, f.Dir)
		readme := f.Dir + "/README.md"
		text, err := fs.ReadFile(t.fsys, readme)
		if err != nil {
			out = append(out, Finding{Path: readme, What: "is missing"})
			continue
		}
		for _, s := range readmeSections {
			if !regexp.MustCompile(`(?m)^#+ ` + s + `\s*$`).Match(text) {
				out = append(out, Finding{Path: readme, What: "has no section " + s})
			}
		}
	}
	return out
}

var (
	homePath = regexp.MustCompile(`(^|[\s"'=:(,\x60])/(home|root|work|Users)/[\w.-]`)
	registry = regexp.MustCompile(`\b((proxy|sum)\.golang\.org|registry\.(npmjs|yarnpkg)\.|(deb|security)\.debian\.org|archive\.ubuntu\.com|(files\.)?pythonhosted\.org|goproxy\.)`)
)

func workplaceRule() Rule {
	return Rule{
		Name: "workplace",
		Why:  "a path or a package mirror of the machine something was written on does not exist where it is used",
		Fix:  "use a path relative to the repository, a temporary folder, or the tool's own setting",
		Find: findWorkplace,
	}
}

func findWorkplace(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Paths {
		text, err := fs.ReadFile(t.fsys, p)
		if strings.HasPrefix(p, "packaging/checks/testdata/") || !utf8.Valid(text) || err != nil {
			continue // the bad examples; not text; gone meanwhile
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if found := homePath.FindString(line) + registry.FindString(line); found != "" {
				out = append(out, Finding{Path: p, Line: n, What: "names " + strings.TrimSpace(found)})
			}
		}
	}
	return out
}

func dependencyRule() Rule {
	return Rule{
		Name: "dependencies",
		Why:  "each dependency is code we ship to a box that opens doors; somebody must have looked at its licence and said what it is for",
		Fix:  "add, correct or remove its row in packaging/DEPENDENCIES.md: module, version, licence, reason",
		Find: findDependencies,
	}
}

var (
	requireLine   = regexp.MustCompile(`(?m)^(?:require )?\s*([\w.-]+\.[\w-]+/\S+) (v\S+)( // indirect)?\s*$`)
	dependencyRow = regexp.MustCompile(`(?m)^\| ([\w.-]+\.[\w-]+/\S+) \| (v\S+) \| ([^|]+) \| ([^|]+) \|\s*$`)
)

func findDependencies(t *Tree) []Finding {
	const list = "packaging/DEPENDENCIES.md"
	mod, _ := fs.ReadFile(t.fsys, "go.mod") // both files missing gives no rows, and the layout rule complains
	text, _ := fs.ReadFile(t.fsys, list)
	listed := map[string]string{}
	for _, m := range dependencyRow.FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = m[2]
	}
	var out []Finding
	for _, m := range requireLine.FindAllStringSubmatch(string(mod), -1) {
		name, version, direct := m[1], m[2], m[3] == ""
		switch {
		case direct && listed[name] == "":
			out = append(out, Finding{Path: list, What: "does not list " + name + " " + version})
		case listed[name] != "" && listed[name] != version:
			out = append(out, Finding{Path: list, What: "lists " + name + " " + listed[name] + ", go.mod has " + version})
		}
		delete(listed, name)
	}
	for name := range listed {
		out = append(out, Finding{Path: list, What: "lists " + name + ", which go.mod does not require"})
	}
	return out
}
