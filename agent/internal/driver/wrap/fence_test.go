package wrap

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// TestFence: what an instance that was given up still holds is dead, and it gets nothing new.
func TestFence(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := NewFence(nil)
	kept, err := f.Dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ended, err := f.Dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := ended.Close(); err != nil || len(f.conns) != 1 {
		t.Errorf("closing: %v; the fence holds %d connections, want the open one", err, len(f.conns))
	}
	if _, err := kept.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	f.Shut()
	f.Shut()
	if _, err := kept.Write([]byte("b")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing behind the fence: %v", err)
	}
	if got, _ := io.ReadAll(server); len(got) > 1 {
		t.Errorf("the device got %q, want no more than what was sent before", got)
	}
	if _, err := f.Dial(t.Context(), "tcp", ln.Addr().String()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dialling behind the fence: %v", err)
	}
}

// TestFenceShutWhileDialling: a connection that comes up as the fence shuts is not handed out.
func TestFenceShutWhileDialling(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	var f *Fence
	f = NewFence(func(context.Context, string, string) (net.Conn, error) {
		f.Shut()
		return near, nil
	})
	if _, err := f.Dial(t.Context(), "tcp", "192.0.2.1:80"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := near.Write([]byte("x")); err == nil {
		t.Error("the connection was left open")
	}
}
