package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// open lets everybody do everything on the floor's own broker.
type open struct{ broker.HookBase }

func (open) ID() string { return "open" }

func (open) Provides(b byte) bool { return b == broker.OnConnectAuthenticate || b == broker.OnACLCheck }

func (open) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

func (open) OnACLCheck(*broker.Client, string, bool) bool { return true }

// syncs is how often a change must be on disk before the panel may be asked: once when the cloud commits it, and twice each
// (data, then the page that points at it) when the gateway stores the state and when it notes what it is about to write.
const syncs = 5

// floor is the least a change can take here: its syncs to disk, one message through a broker, one request to the panel.
func (h *house) floor() (ms float64, how string, err error) {
	disk, err := h.syncTime()
	if err != nil {
		return 0, "", err
	}
	mqtt, err := h.messageTime()
	if err != nil {
		return 0, "", err
	}
	web, err := h.requestTime()
	if err != nil {
		return 0, "", err
	}
	return syncs*disk + mqtt + web, fmt.Sprintf("floor: %d fsync of %s ms, MQTT %s ms, HTTP %s ms", syncs, number(disk), number(mqtt), number(web)), nil
}

const floorTimes = 50

// timed is the median of how many milliseconds something takes.
func timed(do func() error) (float64, error) {
	var took []float64
	for range floorTimes {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, millis(time.Since(began)))
	}
	return median(took), nil
}

// syncTime is one page written over and brought to the disk, in the folder of the databases.
func (h *house) syncTime() (float64, error) {
	f, err := os.Create(h.path("floor"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	if _, err := f.Write(page); err != nil {
		return 0, err
	}
	return timed(func() error {
		page[0]++
		if _, err := f.WriteAt(page, 0); err != nil {
			return err
		}
		return f.Sync()
	})
}

func (h *house) requestTime() (float64, error) {
	return timed(func() error {
		_, err := h.fetch(h.panels[0].url+"/api/system/info", nil)
		return err
	})
}

// messageTime is one message with QoS 1 to a broker and from there to a subscriber, without TLS.
func (h *house) messageTime() (float64, error) {
	s := broker.New(&broker.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := s.AddHook(new(open), nil); err != nil {
		return 0, err
	}
	ln := listeners.NewTCP(listeners.Config{ID: "floor", Address: "127.0.0.1:0"})
	if err := s.AddListener(ln); err != nil {
		return 0, err
	}
	if err := s.Serve(); err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + ln.Address()).SetClientID("floor"))
	if err := finish(c.Connect()); err != nil {
		return 0, err
	}
	defer c.Disconnect(0)
	heard := make(chan struct{}, 1)
	if err := finish(c.Subscribe("floor", 1, func(paho.Client, paho.Message) { heard <- struct{}{} })); err != nil {
		return 0, err
	}
	payload := make([]byte, 1024)
	return timed(func() error {
		if err := finish(c.Publish("floor", 1, false, payload)); err != nil {
			return err
		}
		<-heard
		return nil
	})
}

func finish(t paho.Token) error {
	t.WaitTimeout(5 * time.Second)
	return t.Error()
}
