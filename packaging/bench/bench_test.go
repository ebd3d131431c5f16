package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// build puts the programs into a folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", dir+"/",
		"gatehouse/agent/cmd/gatehouse-agent", "gatehouse/agent/cmd/gatehouse-sim", "gatehouse/cloud/cmd/gatehouse-cloud")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the programs do not build: %v\n%s", err, out)
	}
	return dir
}

// TestSmoke measures two cheap results once and reads the JSON as another tool would.
func TestSmoke(t *testing.T) {
	bin := build(t)
	for _, name := range []string{"change.requests.100", "reconnect.ms"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"--run", name, "--times", "1", "--bin", bin, "--json"}, &out, &errs); code != 0 {
			t.Fatalf("exit %d\n%s%s", code, out.String(), errs.String())
		}
		var report struct {
			OK      bool
			Machine map[string]any
			Results []map[string]any
		}
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		if !report.OK || len(report.Results) != 1 || report.Results[0]["name"] != name || report.Results[0]["n"] != 1. {
			t.Errorf("%s: %s", name, out.String())
		}
		for _, key := range []string{"cpu", "cores", "os", "go", "file_system"} {
			if v := report.Machine[key]; v == nil || v == "" {
				t.Errorf("machine has no %s: %v", key, report.Machine)
			}
		}
		for _, r := range report.Results {
			_, floor := r["floor"]
			if v, ok := r["value"].(float64); !ok || v <= 0 || r["unit"] == "" || !floor {
				t.Errorf("result %v", r)
			}
		}
	}
}

func TestFailureIsOneObjectToo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // a group that fails leaves its logs there
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"--run", "reconnect.ms", "--bin", t.TempDir(), "--json"}, &out, &errs)
	var got report
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || code != 1 || got.OK || got.Error == nil || got.Error.Message == "" {
		t.Errorf("exit %d, %v: %s", code, err, out.String())
	}
	if !strings.Contains(out.String(), `"results":[]`) {
		t.Errorf("no list of results: %s", out.String())
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--run", "nothing"}, {"reconnect.ms"}, {"--times", "often"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit %d, want 2", args, code)
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, io.Discard, &errs); code != 0 || !strings.Contains(errs.String(), "Example:") {
		t.Errorf("--help: exit %d, %s", code, errs.String())
	}
}

func TestNamesArePicked(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]int{"": len(groups()), "change.requests": 3, "change.requests.100": 1, "change.written": 1, "agent": 2, "agent,bulk": 3, "change.requests.10": 0} {
		if got := len(picked(asked)); got != want {
			t.Errorf("%q picks %d groups, want %d", asked, got, want)
		}
	}
	seen := map[string]bool{}
	for _, name := range allNames() {
		if seen[name] {
			t.Errorf("two groups make %s", name)
		}
		seen[name] = true
	}
	if g := picked("reconnect.ms"); cmp.Diff(g[0].makes, []string{"reconnect.ms"}) != "" {
		t.Errorf("makes %q", g[0].makes)
	}
}

func TestInTurn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	tell := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, s)
	}
	last := make(chan struct{})
	inTurn(3, func(i int, aside func()) {
		tell(fmt.Sprint("begins ", i))
		switch i {
		case 1: // loads while the last one runs
			aside()
			aside()
			<-last
		case 2:
			close(last)
			return
		}
		tell(fmt.Sprint("ends ", i))
	})
	if want := []string{"begins 0", "ends 0", "begins 1", "begins 2", "ends 1"}; cmp.Diff(told, want) != "" {
		t.Errorf("got %v, want %v", told, want)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	all := []Result{{Name: "change.requests.100", Value: 4}}
	for _, tc := range []struct {
		r    Result
		want bool
	}{
		{Result{Name: "revocation.position", Value: 1}, false},
		{Result{Name: "revocation.position", Value: 2}, true},
		{Result{Name: "change.written.p50_ms", Value: 30, Floor: floor(10)}, false},
		{Result{Name: "change.written.p50_ms", Value: 31, Floor: floor(10)}, true},
		{Result{Name: "agent.anon_mb.10000", Value: 30.5}, true},
		{Result{Name: "snapshot.10000.bytes", Value: 1.4e6}, false},
		{Result{Name: "change.requests.1000", Value: 4}, false},
		{Result{Name: "change.requests.10000", Value: 5}, true},
		{Result{Name: "reconnect.ms", Value: 1e9}, false},
	} {
		if got := missed(tc.r, append(all, tc.r)); got != tc.want {
			t.Errorf("%s %v is missed: %v", tc.r.Name, tc.r.Value, got)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := report{OK: true, Results: []Result{
		{Name: "revocation.position", Value: 3, Unit: "place", N: 1, Note: "why"},
		{Name: "bulk.1000.seconds", Value: 15.26, Unit: "s", Floor: floor(15), N: 1},
	}}
	if err := r.print(&out, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| revocation.position | 3 | place |  | 1 | 1 | **missed** why |", "| bulk.1000.seconds | 15.3 | s | 15 |  | 1 |  |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 4: "4", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234.5: "1235", 1e6: "1000000"} {
		if got := number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	v := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.8: 4, 0.99: 5, 1: 5} {
		if got := quantile(v, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if quantile([]float64{7}, 0.5) != 7 || cmp.Diff(v, []float64{5, 1, 4, 2, 3}) != "" {
		t.Error("one value is its own median, and nothing is sorted in place")
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	write := func(ms int, path string) request {
		return request{Start: at.Add(time.Duration(ms) * time.Millisecond), Path: path}
	}
	writes := []request{write(-9, "/api/user/del"), write(-1, "/api/user/set"), write(1, "/api/user/set"), write(2, "/api/user/del"), write(3, "/api/user/set")}
	if place, all, err := position(writes, at); place != 2 || all != 3 || err != nil {
		t.Errorf("place %d of %d, %v", place, all, err)
	}
	if _, _, err := position(writes[:3], at); err == nil {
		t.Error("a removal from before counts")
	}
}

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	got := parseMetrics([]byte("# HELP a b\na{device=\"x\"} 2\na{device=\"z\"} 3\nb 1.5e3\n\nc\n"))
	if d := cmp.Diff(map[string]float64{"a": 5, "b": 1500}, got); d != "" {
		t.Error(d)
	}
}

func TestExportIsWhole(t *testing.T) {
	t.Parallel()
	people := residents(3)
	people[1].past = true
	lines := strings.Split(strings.TrimSuffix(export(people), "\n"), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[4], "#end,rows=3,sha256=") || !strings.Contains(lines[2], ",Past,") {
		t.Errorf("%q", lines)
	}
}

// echo answers every byte; it is the broker of the link's tests.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

// through says something through the link and returns what comes back.
func through(l *link, what string) (string, net.Conn, error) {
	c, err := net.Dial("tcp", l.address())
	if err != nil {
		return "", nil, err
	}
	if _, err := io.WriteString(c, what); err != nil {
		return "", c, err
	}
	back := make([]byte, len(what))
	_, err = io.ReadFull(c, back)
	return string(back), c, err
}

func TestLinkCountsAndCuts(t *testing.T) {
	t.Parallel()
	l, err := openLink(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	back, c, err := through(l, "hello")
	if n, first := l.since(); back != "hello" || err != nil || n != 5 || !first.IsZero() {
		t.Fatalf("%q, %v; %d bytes, large since %v", back, err, n, first)
	}
	l.shut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a cut connection goes on")
	}
	if _, _, err := through(l, "hello"); err == nil {
		t.Error("a link that is shut carries")
	}
	l.open()
	l.mark()
	large := strings.Repeat("x", burstSize)
	if back, _, err := through(l, large); back != large || err != nil {
		t.Errorf("after it was opened: %v", err)
	}
	if n, _ := l.since(); n != burstSize {
		t.Errorf("%d bytes", n)
	}
}

func TestFieldOfTheKernel(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/f"
	if err := os.WriteFile(file, []byte("00-ff rollup\nAnonymous:   2000 kB\nAnonymousHuge: 1 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := field(file, "Anonymous"); got != "2000 kB" || field(file, "None") != "" || field(file+"x", "a") != "" {
		t.Errorf("%q", got)
	}
	m := thisMachine(t.TempDir())
	if m.Cores < 1 || m.FileSystem == "" || fmt.Sprint(m.Go) == "" {
		t.Errorf("%+v", m)
	}
}
