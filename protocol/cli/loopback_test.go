package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answer is a side that says its name.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

func TestServeLoopback(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- ServeLoopback(ctx, "prog", []Side{{"listen", "127.0.0.1:0", answer("front")}, {"control", "[::1]:0", answer("back")}}, in, io.Discard)
	}()
	var at map[string]string
	if err := json.NewDecoder(out).Decode(&at); err != nil || len(at) != 2 {
		t.Fatalf("%v %v", at, err)
	}
	for side, want := range map[string]string{"listen": "front", "control": "back"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at[side], nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != want {
			t.Errorf("%s answers %q, %v", side, b, err)
		}
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("told to end, it gave %v", err)
	}
}

func TestServeLoopbackRefusesTheNetwork(t *testing.T) {
	for _, address := range []string{"", "0.0.0.0:0", "192.0.2.1:80", "localhost:0", ":0", "127.0.0.1"} {
		var out bytes.Buffer
		err := ServeLoopback(t.Context(), "prog", []Side{{"listen", address, answer("x")}}, &out, io.Discard)
		if !IsUsage(err) || !strings.Contains(err.Error(), "--listen") || out.Len() > 0 {
			t.Errorf("%q: %v, and %q on stdout; want wrong usage and nothing", address, err, out.String())
		}
	}
}
