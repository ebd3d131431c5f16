package mosquitto_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"gatehouse/protocol/prototest"
	"gatehouse/protocol/prototest/realserver"
)

const (
	cloudName = "gatehouse-cloud" // the name in the shipped access list
	patience  = 5 * time.Second   // how long a test waits for what must happen
	installed = "/etc/mosquitto/gatehouse/"
)

// broker is a Mosquitto that runs the shipped files; only the paths of the files and the port are changed.
type broker struct {
	t      *testing.T
	binary string
	dir    string
	ca     *prototest.CA
	addr   string // of the last start
	signal func(syscall.Signal)
	end    func(syscall.Signal) // signals, and waits for the end
}

// newBroker starts one.
func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, binary: realserver.Binary(t, "mosquitto"), dir: t.TempDir(), ca: prototest.NewCA(t)}
	b.ca.Files(t, b.dir, "broker")
	b.write("gatehouse.acl", shipped(t, "gatehouse.acl"))
	for _, sub := range []string{"conf.d", "state"} {
		if err := os.Mkdir(filepath.Join(b.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// As the Debian package's main file, but for the user: the test's own may not become another.
	b.write("mosquitto.conf", fmt.Sprintf("user root\npid_file %[1]s/mosquitto.pid\npersistence true\npersistence_location %[1]s/state/\n"+
		"log_dest stderr\ninclude_dir %[1]s/conf.d\n", b.dir))
	b.start()
	t.Cleanup(func() { b.end(syscall.SIGKILL) })
	return b
}

func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *broker) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// start runs the broker on a port that was free a moment ago, and once more when somebody else was quicker.
func (b *broker) start() {
	b.t.Helper()
	var said []string
	for range 3 {
		b.configure()
		lines, running := b.run()
		if running {
			return
		}
		said = lines
	}
	b.t.Fatalf("mosquitto does not start:\n%s", strings.Join(said, "\n"))
}

func (b *broker) configure() {
	b.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	_ = ln.Close() // it has not been used
	_, port, _ := net.SplitHostPort(b.addr)
	conf := shipped(b.t, "gatehouse.conf")
	for _, change := range [][2]string{{installed, b.dir + "/"}, {"\nlistener 8883\n", "\nlistener " + port + " 127.0.0.1\n"}} {
		if !strings.Contains(conf, change[0]) {
			b.t.Fatalf("the shipped configuration has no %q", change[0])
		}
		conf = strings.ReplaceAll(conf, change[0], change[1])
	}
	b.write("conf.d/gatehouse.conf", conf)
}

// run starts the process and waits until it says that it runs, or ends.
func (b *broker) run() (said []string, running bool) {
	b.t.Helper()
	cmd := exec.Command(b.binary, "-c", filepath.Join(b.dir, "mosquitto.conf"))
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string // until ended
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		lines = read(out, ready)
		_ = cmd.Wait() // how it ended is its own story
	}()
	b.signal = func(sig syscall.Signal) { _ = cmd.Process.Signal(sig) } // it may have ended by itself
	b.end = func(sig syscall.Signal) {
		b.signal(sig)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	select {
	case <-ready:
		return nil, true
	case <-ended:
		return lines, false
	case <-time.After(patience):
		b.end(syscall.SIGKILL)
		return lines, false
	}
}

// read closes ready at the line that says that the broker runs, and goes on to the end.
func read(out io.Reader, ready chan<- struct{}) (lines []string) {
	for s := bufio.NewScanner(out); s.Scan(); {
		lines = append(lines, s.Text())
		if ready != nil && strings.HasSuffix(s.Text(), " running") {
			close(ready)
			ready = nil
		}
	}
	return lines
}

// restart stops the broker as the service manager does, and starts it again.
func (b *broker) restart() {
	b.t.Helper()
	b.end(syscall.SIGTERM)
	b.start()
}

// client is a paho client that knows what it received and when it was cut off.
type client struct {
	paho.Client
	t    *testing.T
	log  *prototest.Log[paho.Message]
	got  *prototest.Reader[paho.Message] // of log
	lost chan struct{}
	conn net.Conn
}

// options are those of a client whose certificate says name.
func (b *broker) options(name string) *paho.ClientOptions {
	return paho.NewClientOptions().AddBroker("tls://" + b.addr).SetClientID(name).SetProtocolVersion(4).
		SetTLSConfig(b.ca.Client(b.t, name)).SetAutoReconnect(false).SetConnectTimeout(patience).SetWriteTimeout(patience)
}

// dial tries to connect.
func (b *broker) dial(o *paho.ClientOptions) (*client, error) {
	log := prototest.NewLog[paho.Message]()
	c := &client{t: b.t, log: log, got: log.Read(), lost: make(chan struct{})}
	o.SetConnectionLostHandler(func(paho.Client, error) { close(c.lost) })
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { log.Add(m) })
	secret := o.TLSConfig
	o.SetCustomOpenConnectionFn(func(to *url.URL, _ paho.ClientOptions) (net.Conn, error) { // no proxies of the environment
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", to.Host, secret)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		return conn, nil
	})
	c.Client = paho.NewClient(o)
	if err := c.await(c.Connect()); err != nil {
		return nil, err
	}
	b.t.Cleanup(func() { c.Disconnect(0) })
	return c, nil
}

func (b *broker) join(o *paho.ClientOptions) *client {
	b.t.Helper()
	c, err := b.dial(o)
	if err != nil {
		b.t.Fatalf("%s: %v", o.ClientID, err)
	}
	return c
}

// gateway joins as a gateway does: with its id, and with a session that outlives the connection.
func (b *broker) gateway(id string) *client {
	b.t.Helper()
	return b.join(b.options(id).SetCleanSession(false))
}

// cloud joins as the cloud and hears all gateways.
func (b *broker) cloud() *client {
	b.t.Helper()
	c := b.join(b.options(cloudName))
	for _, filter := range []string{"gatehouse/v1/+/up/+", "gatehouse/v1/+/status"} {
		c.subscribe(filter)
	}
	return c
}

func (c *client) await(tok paho.Token) error {
	c.t.Helper()
	if !tok.WaitTimeout(patience) {
		c.t.Fatal("the broker does not answer")
	}
	return tok.Error()
}

// subscribe returns the code with which the broker answers.
func (c *client) subscribe(filter string) byte {
	c.t.Helper()
	tok, ok := c.Subscribe(filter, 1, nil).(*paho.SubscribeToken)
	if !ok {
		c.t.Fatal("not a subscription's token")
	}
	if err := c.await(tok); err != nil {
		c.t.Fatal(filter, err)
	}
	for _, code := range tok.Result() {
		return code
	}
	c.t.Fatal("no answer for ", filter)
	return 0
}

// publish sends at QoS 1 and waits until the broker has answered.
func (c *client) publish(topic, payload string, retained bool) {
	c.t.Helper()
	if err := c.await(c.Publish(topic, 1, retained, payload)); err != nil {
		c.t.Errorf("%s: %v", topic, err)
	}
}

// hears fails unless the next message is this one.
func (c *client) hears(topic, payload string) paho.Message {
	c.t.Helper()
	m := c.got.Next(c.t, topic)
	if m.Topic() != topic || string(m.Payload()) != payload {
		c.t.Errorf("heard %s %.40q, want %s %q", m.Topic(), m.Payload(), topic, payload)
	}
	return m
}

// cut waits until the broker has ended the connection.
func (c *client) cut() {
	c.t.Helper()
	select {
	case <-c.lost:
	case <-time.After(patience):
		c.t.Fatal("still connected")
	}
}
