package industrystd_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/firmware-bridge/industrystd"
)

type frameVector struct {
	Name, Section, Frame, Code string
	Dialect                    industrystd.Dialect
	Job                        *industrystd.Job
	AnswerTo                   *industrystd.Job `json:"answer_to"`
	Serials                    []string
}

// TestTowardsE3_WorkedFrames holds the codec to §1.7 in both directions, byte for byte.
func TestTowardsE3_WorkedFrames(t *testing.T) {
	t.Parallel()
	var all []frameVector
	vectors(t, "frames.json", &all)
	if len(all) != 17 {
		t.Fatalf("%d frames, want the 17 of §1.7", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			want := unhex(t, v.Frame)
			m, err := industrystd.Decode(v.Dialect, want)
			if err != nil {
				t.Fatal(err)
			}
			if v.Job != nil {
				if m, err = industrystd.Build(v.Dialect, *v.Job); err != nil {
					t.Fatal(err)
				}
			} else {
				v.checkAnswer(t, m)
			}
			got, err := industrystd.Encode(m)
			if err != nil || string(got) != string(want) {
				t.Errorf("% X (%v), want\n% X", got, err, want)
			}
		})
	}
}

func (v frameVector) checkAnswer(t *testing.T, m industrystd.Message) {
	t.Helper()
	a, err := industrystd.ParseAnswer(v.Dialect, *v.AnswerTo, m)
	if err != nil {
		t.Fatal(err)
	}
	if v.Code != "" && (a.Error == nil || a.Error.Code != v.Code) || v.Code == "" && a.Error != nil {
		t.Errorf("error %+v, want %q", a.Error, v.Code)
	}
	if !slices.Equal(a.Serials, v.Serials) {
		t.Errorf("serials %q, want %q", a.Serials, v.Serials)
	}
}

// TestTowardsE3_Commands builds every command of §1.3 in both dialects.
func TestTowardsE3_Commands(t *testing.T) {
	t.Parallel()
	var all []struct {
		Dialect         industrystd.Dialect
		Section, Fields string
		Job             industrystd.Job
	}
	vectors(t, "commands.json", &all)
	built := map[string]bool{}
	for _, v := range all {
		m, err := industrystd.Build(v.Dialect, v.Job)
		if err != nil || m.String() != v.Fields {
			t.Errorf("%s %s: %v (%v), want\n%s", v.Dialect, v.Section, m, err, v.Fields)
			continue
		}
		frame, err := industrystd.Encode(m)
		if want := framed(v.Fields); err != nil || string(frame) != string(want) {
			t.Errorf("%s %s: % X (%v), want % X", v.Dialect, v.Section, frame, err, want)
		}
		built[string(v.Dialect)+string(v.Job.Command)] = true
	}
	for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
		for _, c := range d.Commands() {
			if !built[string(d)+string(c)] && c != industrystd.Status {
				t.Errorf("no vector for %s %s", d, c)
			}
		}
	}
}

func TestTowardsE3_Answers(t *testing.T) {
	t.Parallel()
	var all []answerVector
	vectors(t, "answers.json", &all)
	for _, v := range all {
		t.Run(string(v.Dialect)+" "+v.Fields, func(t *testing.T) {
			m, err := industrystd.Decode(v.Dialect, framed(v.Fields))
			if err != nil {
				t.Fatal(err)
			}
			a, err := industrystd.ParseAnswer(v.Dialect, v.Job, m)
			v.check(t, a, err)
		})
	}
}

type answerVector struct {
	Dialect                                             industrystd.Dialect
	Job                                                 industrystd.Job
	Fields, Fail, Code, Detail, Text, Key, Installation string
	Serials                                             []string
	Card                                                *industrystd.Card
	Event                                               *industrystd.Event
}

func (v answerVector) check(t *testing.T, a industrystd.Answer, err error) {
	t.Helper()
	if v.Fail != "" {
		if err == nil || v.Fail == "not ours" != errors.Is(err, industrystd.ErrNotOurs) || v.Fail != "not ours" && !strings.Contains(err.Error(), v.Fail) {
			t.Errorf("%+v, %v; want an error: %s", a, err, v.Fail)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := answerVector{Detail: a.Detail, Text: a.Text, Key: a.Key.Reveal(), Installation: a.Installation, Serials: a.Serials, Card: a.Card, Event: a.Event}
	if a.Error != nil {
		got.Code = a.Error.Code
	}
	got.Dialect, got.Job, got.Fields = v.Dialect, v.Job, v.Fields
	if len(v.Serials) == 0 {
		v.Serials = nil
	}
	if diff := cmp.Diff(v, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTowardsE3_Errors compares both tables with §1.5, and that every code has words for people.
func TestTowardsE3_Errors(t *testing.T) {
	t.Parallel()
	var want map[industrystd.Dialect]map[string]industrystd.Class
	vectors(t, "errors.json", &want)
	for d, classes := range want {
		got := map[string]industrystd.Class{}
		for _, e := range d.Errors() {
			got[e.Code] = e.Class
			if e.Text == "" || !strings.HasSuffix(e.Remedy, ".") {
				t.Errorf("%s %s has text %q and remedy %q", d, e.Code, e.Text, e.Remedy)
			}
		}
		if diff := cmp.Diff(classes, got); diff != "" || len(got) != len(d.Errors()) {
			t.Errorf("%s: -want +got:\n%s", d, diff)
		}
		if !slices.IsSortedFunc(d.Errors(), func(a, b industrystd.ErrorCode) int { return strings.Compare(a.Code, b.Code) }) {
			t.Errorf("%s: not in order", d)
		}
	}
}

func TestLookup_MeansWhatTheDialectMeans(t *testing.T) {
	t.Parallel()
	salto, _ := industrystd.Salto.Lookup("EA")
	onity, _ := industrystd.Onity.Lookup("EA")
	if salto.Text == onity.Text || !strings.Contains(salto.Text, "checked out") || !strings.Contains(onity.Text, "one-shot") {
		t.Errorf("EA: salto %q, onity %q", salto.Text, onity.Text)
	}
	if e, ok := industrystd.Onity.Lookup("EV"); !ok || e.Code != "EV" {
		t.Errorf("EV in onity: %+v, %v; want SALTO's meaning, an error all the same", e, ok)
	}
	if e, ok := industrystd.Salto.Lookup("CN"); ok {
		t.Errorf("CN is an error: %+v", e)
	}
}

// TestTowardsE3_RefusedBeforeTheWire changes one thing of a good job at a time.
func TestTowardsE3_RefusedBeforeTheWire(t *testing.T) {
	t.Parallel()
	var all struct {
		Good    map[industrystd.Dialect]map[string]any
		Refused []struct {
			Dialect industrystd.Dialect
			Change  map[string]any
			Words   []string
		}
	}
	vectors(t, "refused.json", &all)
	for _, v := range all.Refused {
		for d, good := range all.Good {
			if v.Dialect == "" || v.Dialect == d {
				checkRefused(t, d, good, v.Change, v.Words)
			}
		}
	}
	for d, good := range all.Good {
		if _, err := industrystd.Build(d, job(t, good, nil)); err != nil {
			t.Errorf("%s: the good job is refused: %v", d, err)
		}
	}
}

func checkRefused(t *testing.T, d industrystd.Dialect, good, change map[string]any, words []string) {
	t.Helper()
	m, err := industrystd.Build(d, job(t, good, change))
	limit := &industrystd.LimitError{}
	if !errors.As(err, &limit) {
		t.Errorf("%s %v: %v, %v; want a refusal", d, change, m, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s %v: %q does not say %q", d, change, err, word)
		}
	}
	if limit.Field == "" || limit.Why == "" || limit.Limit == "" || limit.Source == "" {
		t.Errorf("%s %v: %#v leaves something out", d, change, limit)
	}
}

// job makes the good job with a change.
func job(t *testing.T, good, change map[string]any) industrystd.Job {
	t.Helper()
	changed := maps.Clone(good)
	maps.Copy(changed, change)
	raw, err := json.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	var j industrystd.Job
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return j
}
