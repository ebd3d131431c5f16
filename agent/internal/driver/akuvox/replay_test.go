package akuvox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// recording is one file of testdata/akuvox: a call, what goes over the wire, and what comes of it.
type recording struct {
	About     string
	Source    []string
	Call      recordedCall
	Exchanges []exchange
	Want      struct {
		Kind, Model, Firmware, Dialect string
		Lookup                         bool
		Rows                           []model.Record
		Count                          int
		Events, Dropped                []string
	}
}

type recordedCall struct {
	Do, Ref, Native, Relay, Base string
	Record                       model.Record
}

type exchange struct {
	Request struct {
		Method, URI string
		JSON        json.RawMessage // absent: any body
	}
	Response struct {
		Status   int
		Headers  map[string]string
		JSON     json.RawMessage
		Trailing string // after the body
	}
}

// replay plays a recording's panel: every request in order, nothing else.
type replay struct {
	t    *testing.T
	mu   sync.Mutex
	left []exchange
}

func (p *replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.left) == 0 {
		p.t.Errorf("request too many: %s %s", r.Method, r.URL.RequestURI())
		http.NotFound(w, r)
		return
	}
	e := p.left[0]
	p.left = p.left[1:]
	if r.Method != e.Request.Method || r.URL.RequestURI() != e.Request.URI {
		p.t.Errorf("asked %s %s, recorded %s %s", r.Method, r.URL.RequestURI(), e.Request.Method, e.Request.URI)
	}
	if body, _ := io.ReadAll(r.Body); len(e.Request.JSON) > 0 && string(e.Request.JSON) != "null" {
		var got, want any
		if json.Unmarshal(body, &got) != nil || json.Unmarshal(e.Request.JSON, &want) != nil {
			p.t.Errorf("body %s is no JSON", body)
		}
		if d := cmp.Diff(want, got); d != "" {
			p.t.Errorf("%s body (-recorded +sent):\n%s", e.Request.URI, d)
		}
	}
	for k, v := range e.Response.Headers {
		w.Header().Set(k, v)
	}
	w.WriteHeader(e.Response.Status)
	_, _ = io.WriteString(w, string(e.Response.JSON)+e.Response.Trailing)
}

func TestRecordedExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../testdata/akuvox/*/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		dir, name := filepath.Split(file)
		t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dec := json.NewDecoder(strings.NewReader(string(b)))
			dec.DisallowUnknownFields()
			var rec recording
			if err := dec.Decode(&rec); err != nil || rec.About == "" || len(rec.Source) == 0 {
				t.Fatalf("recording: %v", err)
			}
			play(t, rec)
		})
	}
}

func play(t *testing.T, rec recording) {
	srv := &replay{t: t, left: rec.Exchanges}
	ts := httptest.NewServer(srv)
	defer ts.Close()
	p := newPanel(t, driver.Config{URL: ts.URL})
	err := rec.call(t, p)
	if rec.Want.Kind == "" && err != nil {
		t.Error(err)
	}
	if rec.Want.Kind != "" {
		wantKind(t, err, fault.Parse(rec.Want.Kind))
	}
	if len(srv.left) != 0 {
		t.Errorf("%d recorded requests were not made, next %s", len(srv.left), srv.left[0].Request.URI)
	}
}

func (r recording) call(t *testing.T, p *akuvox.Panel) error {
	c := r.Call
	step := model.Step{Ref: c.Record.Ref, Native: c.Native, Record: c.Record}
	switch c.Do {
	case "probe":
		id, limits, err := p.Probe(t.Context())
		if id.Model != r.Want.Model || id.Firmware != r.Want.Firmware || limits.Lookup != r.Want.Lookup {
			t.Errorf("%+v, lookup %v", id, limits.Lookup)
		}
		return err
	case "dialect":
		got, err := p.Dialect(t.Context())
		if got != r.Want.Dialect {
			t.Errorf("dialect %q, want %q", got, r.Want.Dialect)
		}
		return err
	case "list":
		rows, err := p.List(t.Context())
		r.compare(t, rows)
		return err
	case "add":
		step.Op = access.OpAdd
	case "change":
		step.Op = access.OpChange
	case "remove":
		step.Op, step.Ref = access.OpRemove, model.Ref(c.Ref)
	case "calls":
		kept, err := p.CallAt(t.Context(), c.Base)
		if d := cmp.Diff(driver.CallsKept{Events: r.Want.Events, Dropped: r.Want.Dropped}, kept); d != "" {
			t.Error(d)
		}
		return err
	case "more":
		got, err := p.More(t.Context())
		if d := cmp.Diff(r.Want.Events, got); d != "" {
			t.Error(d)
		}
		return err
	case "release":
		return p.Release(t.Context(), c.Relay)
	default:
		t.Fatalf("unknown call %q", c.Do)
	}
	return p.Apply(t.Context(), step)
}

func (r recording) compare(t *testing.T, rows []model.Record) {
	if want := max(r.Want.Count, len(r.Want.Rows)); len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for i, want := range r.Want.Rows {
		if got := rows[i]; !got.Same(want) || got.Native != want.Native || got.ReadOnly != want.ReadOnly {
			t.Errorf("row %d: %+v, want %+v", i, got, want)
		}
	}
}
