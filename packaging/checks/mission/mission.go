package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of go test -json, as far as it matters here.
type event struct {
	Action  string
	Package string
	Test    string
}

// outcome is how a test ended; a later one outweighs an earlier one when several tests show one row.
type outcome int

const (
	skipped outcome = iota // showed nothing: its real server is missing
	passed
	failed
)

// tally collects what the tests did.
type tally struct {
	running  map[string][]string // tests begun and not ended, with the rows they show
	rows     map[string]outcome
	packages map[string]bool // package failed without a failing test: it did not build, or died
	failing  map[string]bool // packages with a failing test
	events   int
}

// run reads test events from in and writes the report to out. broken is true when a built row failed.
func run(in io.Reader, out io.Writer) (broken bool, err error) {
	t := tally{running: map[string][]string{}, rows: map[string]outcome{}, packages: map[string]bool{}, failing: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			t.add(e) // anything else is a word of the go tool between the events
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false, err
		}
	}
	return t.report(out)
}

func (t *tally) add(e event) {
	t.events++
	key := e.Package + " " + e.Test
	switch {
	case e.Test == "":
		if e.Action == "fail" && !t.failing[e.Package] {
			t.packages[e.Package] = true
		}
	case e.Action == "run":
		t.running[key] = rowsOf(e.Test)
	case e.Action == "pass":
		t.end(key, passed)
	case e.Action == "skip":
		t.end(key, skipped)
	case e.Action == "fail":
		t.failing[e.Package] = true
		t.end(key, failed)
	}
}

func (t *tally) end(key string, o outcome) {
	for _, row := range t.running[key] {
		t.rows[row] = max(t.rows[row], o)
	}
	delete(t.running, key)
}

// report writes a line a row and the count. A test that never ended was cut off by a panic or a time limit: it failed.
func (t *tally) report(out io.Writer) (broken bool, err error) {
	if t.events == 0 {
		return false, errors.New("no test events on standard input: pipe go test -json into it")
	}
	for key := range t.running {
		t.end(key, failed)
	}
	count := map[string]int{}
	for _, id := range rowIDs() {
		word := "not built yet"
		switch t.rows[id] {
		case passed:
			word = "passed"
		case failed:
			word = "failed"
		}
		count[word]++
		if _, err := fmt.Fprintln(out, id, word); err != nil {
			return false, err
		}
	}
	_, err = fmt.Fprintf(out, "%d rows: %d passed, %d failed, %d not built yet\n", len(rowIDs()), count["passed"], count["failed"], count["not built yet"])
	if err == nil && len(t.packages) > 0 {
		err = fmt.Errorf("rows may be missing, these packages did not build or died: %s", strings.Join(t.dead(), ", "))
	}
	return count["failed"] > 0, err
}

func (t *tally) dead() []string {
	var names []string
	for p := range t.packages {
		names = append(names, p)
	}
	slices.Sort(names)
	return names
}

// rowsOf finds the row ids in the name of a test. An id must be followed by an underscore and more words:
// a model or a card number that happens to look like an id stands last, or alone.
func rowsOf(test string) []string {
	known := rowIDs()
	var rows []string
	for segment := range strings.SplitSeq(strings.TrimPrefix(test, "Test"), "/") {
		words := strings.Split(segment, "_")
		for _, w := range words[:len(words)-1] {
			if slices.Contains(known, w) && !slices.Contains(rows, w) {
				rows = append(rows, w)
			}
		}
	}
	return rows
}
