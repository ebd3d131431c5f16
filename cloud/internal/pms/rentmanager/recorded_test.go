package rentmanager_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access/fault"
	"gatehouse/testdata"
)

// recording is a file of testdata/pms/rentmanager: exchanges in the order they must happen.
type recording struct {
	About    string
	Now      time.Time
	PageSize int `json:"page_size"`
	Settings struct {
		Zone      string
		PINField  string `json:"pin_field"`
		CardField string `json:"card_field"`
	}
	Exchanges []exchange
}

type exchange struct {
	Method  string
	Path    string
	Query   map[string]string // what the request must have, among others
	Status  int
	Headers map[string]string
	Body    json.RawMessage // one of the two
	Raw     *string
}

// play answers with the recording, and complains about any other request.
func (rec recording) play(t *testing.T) *server {
	s, n := newServer(), 0
	s.hook = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if n == len(rec.Exchanges) {
			t.Errorf("one request too many: %s %s", r.Method, r.URL)
			w.WriteHeader(http.StatusTeapot)
			return true
		}
		e := rec.Exchanges[n]
		n++
		if r.Method != e.Method || r.URL.Path != e.Path {
			t.Errorf("exchange %d is %s %s, want %s %s", n, r.Method, r.URL.Path, e.Method, e.Path)
		}
		for k, want := range e.Query {
			if got := r.URL.Query().Get(k); got != want {
				t.Errorf("exchange %d: %s is %q, want %q", n, k, got, want)
			}
		}
		for k, v := range e.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(e.Status)
		if e.Raw != nil {
			e.Body = []byte(*e.Raw)
		}
		_, _ = w.Write(e.Body)
		return true
	}
	t.Cleanup(func() {
		if n != len(rec.Exchanges) {
			t.Errorf("%d of %d exchanges happened", n, len(rec.Exchanges))
		}
	})
	return s
}

func recordings(t testing.TB) map[string]recording {
	t.Helper()
	dir := testdata.Dir("pms/rentmanager")
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]recording{}
	for _, name := range names {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		var rec recording
		if err := json.Unmarshal(b, &rec); err != nil || len(rec.Exchanges) == 0 || rec.About == "" {
			t.Fatalf("%s: %v", name, err)
		}
		out[strings.TrimSuffix(name, ".json")] = rec
	}
	return out
}

// TestRecorded plays every recording and compares the snapshot as the command line prints it, with
// the error, if any, beside it. GOLDEN_UPDATE=1 writes the expectations anew; read the difference
// before keeping it.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	if len(all) < 8 {
		t.Fatalf("%d recordings", len(all))
	}
	for name, rec := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deps()
			d.Now = func() time.Time { return rec.Now }
			d.Transport = inMemory(rec.play(t))
			cfg := config("https://acme.api.rentmanager.com")
			cfg.PageSize = rec.PageSize
			cfg.Defaults = rentmanager.Settings{Zone: rec.Settings.Zone, PINField: rec.Settings.PINField, CardField: rec.Settings.CardField}
			got := printed(t, pullWith(t, cfg, d, pms.Request{}))
			if os.Getenv("GOLDEN_UPDATE") != "" {
				path := filepath.Join("..", "..", "..", "..", "testdata", "pms", "rentmanager", name+".golden.json")
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := fs.ReadFile(testdata.Dir("pms/rentmanager"), name+".golden.json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", rec.About, diff)
			}
		})
	}
}

func printed(t *testing.T, r result) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	v := struct {
		Kind     string       `json:"error_kind,omitempty"`
		Error    string       `json:"error,omitempty"`
		Remedy   string       `json:"remedy,omitempty"`
		Snapshot pms.Snapshot `json:"snapshot"`
	}{Snapshot: r.Snapshot}
	if r.err != nil {
		v.Kind, v.Error, v.Remedy = fault.KindOf(r.err).String(), r.err.Error(), fault.RemedyOf(r.err)
	}
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
