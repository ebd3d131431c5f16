package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
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
		done <- ServeLoopback(ctx, "prog", []Side{
			{Name: "listen", Address: "127.0.0.1:0", Handler: answer("front")},
			{Name: "control", Address: "[::1]:0", Handler: answer("back")},
		}, in, io.Discard)
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
		err := ServeLoopback(t.Context(), "prog", []Side{{Name: "listen", Address: address, Handler: answer("x")}}, &out, io.Discard)
		if !IsUsage(err) || !strings.Contains(err.Error(), "--listen") || out.Len() > 0 {
			t.Errorf("%q: %v, and %q on stdout; want wrong usage and nothing", address, err, out.String())
		}
	}
}

// Sides that are not HTTP end with the rest, and a side that fails ends all of them.
func TestServeLoopbackStreamsAndPackets(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	hello := func(ctx context.Context, l net.Listener) error {
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		defer stop()
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, err = io.WriteString(c, "stream")
		_ = c.Close()
		<-ctx.Done()
		return err
	}
	echo := func(ctx context.Context, pc net.PacketConn) error {
		stop := context.AfterFunc(ctx, func() { _ = pc.Close() })
		defer stop()
		b := make([]byte, 10)
		n, from, err := pc.ReadFrom(b)
		if err == nil {
			_, err = pc.WriteTo(b[:n], from)
		}
		<-ctx.Done()
		return err
	}
	go func() {
		done <- ServeLoopback(ctx, "prog", []Side{
			{Name: "raw", Address: "127.0.0.1:0", Stream: hello}, {Name: "udp", Address: "127.0.0.1:0", Packets: echo},
		}, in, io.Discard)
	}()
	var at map[string]string
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", at["raw"])
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "stream" {
		t.Errorf("the stream says %q, %v", b, err)
	}
	u, err := net.Dial("udp", at["udp"])
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if _, err := u.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if n, err := u.Read(b); err != nil || string(b[:n]) != "ping" {
		t.Errorf("the packets say %q, %v", b[:n], err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("told to end, it gave %v", err)
	}
	failed := errors.New("out of order")
	err = ServeLoopback(t.Context(), "prog", []Side{
		{Name: "raw", Address: "127.0.0.1:0", Stream: func(context.Context, net.Listener) error { return failed }},
		{Name: "udp", Address: "127.0.0.1:0", Packets: echo},
	}, io.Discard, io.Discard)
	if !errors.Is(err, failed) {
		t.Errorf("a side that fails gave %v", err)
	}
}

func TestServeLoopbackOpensAllOrNothing(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	var out bytes.Buffer
	err = ServeLoopback(t.Context(), "prog", []Side{
		{Name: "listen", Address: "127.0.0.1:0", Handler: answer("x")},
		{Name: "udp", Address: taken.LocalAddr().String(), Packets: func(context.Context, net.PacketConn) error { return nil }},
	}, &out, io.Discard)
	if err == nil || IsUsage(err) || !strings.Contains(err.Error(), "--udp") || out.Len() > 0 {
		t.Errorf("%v, %q on stdout", err, out.String())
	}
}
