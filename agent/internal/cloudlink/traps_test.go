package cloudlink

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol"
	"gatehouse/protocol/prototest"
)

// traps is how many the table of TRAPS.md has.
const traps = 28

// sources parses the package's files, or its test files.
func sources(t *testing.T, tests bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// testsHere are the names of the package's tests.
func testsHere(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, f := range sources(t, true) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

func TestEveryTrapHasAReasonAndItsTestsExist(t *testing.T) {
	text, err := os.ReadFile("TRAPS.md")
	if err != nil {
		t.Fatal(err)
	}
	here := testsHere(t)
	name := regexp.MustCompile(`^Test[A-Z]\w*$`)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		no, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			continue // prose, or the table's head
		}
		rows++
		if no != rows || len(cells) != 4 {
			t.Fatalf("row %d has number %d and %d cells", rows, no, len(cells))
		}
		if trap, reason := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]); len(trap) < 20 || len(reason) < 20 {
			t.Errorf("trap %d: %q, because %q: no reason", no, trap, reason)
		}
		for test := range strings.SplitSeq(cells[3], ",") {
			if test = strings.TrimSpace(test); !name.MatchString(test) || !here[test] {
				t.Errorf("trap %d names %q, which is no test here", no, test)
			}
		}
	}
	if rows != traps {
		t.Errorf("%d rows, want %d", rows, traps)
	}
}

// TestOptionsOfEveryClient looks at what a client is made with, by the product's own limits.
func TestOptionsOfEveryClient(t *testing.T) {
	_, b := virtual(t)
	broker, err := b.cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	limits := b.link.cfg.Limits
	d := dialer{cfg: b.link.cfg, broker: broker}
	o := d.options(t.Context(), &pahoSession{gone: make(chan struct{})}, greeting{will: []byte("{}"), receive: func(string, []byte) {}})
	type options struct {
		ID                                               string
		Version                                          uint
		Reconnect, Retry, Resume, Clean, Ordered, ByHand bool
		Write, Ping                                      string
		KeepAlive                                        int64
		Store                                            string
		WillTopic                                        string
		WillQoS                                          byte
		WillRetained                                     bool
		OnConnect, OnReconnecting                        bool
		Default, OwnDialer                               bool
	}
	got := options{
		o.ClientID, o.ProtocolVersion, o.AutoReconnect, o.ConnectRetry, o.ResumeSubs, o.CleanSession, o.Order, o.AutoAckDisabled,
		o.WriteTimeout.String(), o.PingTimeout.String(), o.KeepAlive, reflect.TypeOf(o.Store).String(), o.WillTopic, o.WillQos, o.WillRetained,
		o.OnConnect != nil, o.OnReconnecting != nil, o.DefaultPublishHandler != nil, o.CustomOpenConnectionFn != nil,
	}
	want := options{
		ID: "gw1", Version: 4, Ordered: true, Write: limits.Write.String(), Ping: limits.Ping.String(), KeepAlive: int64(limits.KeepAlive.Seconds()),
		Store: reflect.TypeFor[*mqtt.OrderedMemoryStore]().String(), WillTopic: protocol.StatusTopic("gw1"), WillQoS: 1, WillRetained: true,
		Default: true, OwnDialer: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if limits.Write <= 0 || limits.Ping <= 0 || limits.KeepAlive <= 0 || limits.PubAck <= 0 || limits.Connect <= 0 {
		t.Errorf("a limit is missing: %+v", limits)
	}
}

// TestClientIsUsedInTheseWaysOnly reads the package: what is not used cannot go wrong. A new use belongs here, with a look at TRAPS.md.
func TestClientIsUsedInTheseWaysOnly(t *testing.T) {
	library, methods := map[string]int{}, map[string]int{}
	for _, f := range sources(t, false) {
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch x := sel.X.(type) {
			case *ast.Ident:
				if x.Name == "mqtt" {
					library[sel.Sel.Name]++
				} else if x.Name == "token" {
					methods["token."+sel.Sel.Name]++
				}
			case *ast.SelectorExpr:
				if x.Sel.Name == "client" {
					methods[sel.Sel.Name]++
				}
			}
			return true
		})
	}
	wantLibrary := []string{"Client", "ClientOptions", "Message", "MessageHandler", "NewClient", "NewClientOptions", "NewOrderedMemoryStore", "SubscribeToken", "Token"}
	if diff := cmp.Diff(wantLibrary, slices.Sorted(maps.Keys(library))); diff != "" {
		t.Error(diff)
	}
	wantMethods := []string{"AddRoute", "Connect", "Disconnect", "Publish", "Subscribe", "token.Done", "token.Error", "token.Result"}
	if diff := cmp.Diff(wantMethods, slices.Sorted(maps.Keys(methods))); diff != "" {
		t.Error(diff)
	}
	for _, once := range []int{library["NewClient"], methods["Connect"], methods["Publish"], methods["Subscribe"]} {
		if once != 1 {
			t.Errorf("made, connected, published and subscribed in one place each, found %v %v", library, methods)
		}
	}
	for name, logger := range map[string]mqtt.Logger{"debug": mqtt.DEBUG, "warning": mqtt.WARN, "error": mqtt.ERROR, "critical": mqtt.CRITICAL} {
		if logger != (mqtt.NOOPLogger{}) {
			t.Errorf("the library's %s logger is set", name)
		}
	}
}

// TestARefusedConnectIsAskedOnce covers a broker that refuses: the library would ask again in an older protocol.
func TestARefusedConnectIsAskedOnce(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := prototest.NewLog[byte]()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			head := make([]byte, 9) // type, length, "MQTT" with its length, level
			if _, err := io.ReadFull(conn, head); err == nil {
				asked.Add(head[8])
			}
			_, _ = conn.Write([]byte{0x20, 2, 0, 5}) // not authorised
			_ = conn.Close()
		}
	}()
	b := newBox(t, prototest.NewGateway(t, "gw1"), "tcp://"+ln.Addr().String(), prototest.NewSigningKey(t))
	_, err = b.link.dial(t.Context(), greeting{receive: func(string, []byte) {}})
	_ = ln.Close()
	<-ended
	if levels := asked.All(); err == nil || len(levels) != 1 || levels[0] != 4 {
		t.Errorf("asked with levels %v: %v", levels, err)
	}
}
