package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Devices that can call an address when something happens call the gateway's, so that a door log need
// not be asked all the time. Each has a secret of its own in the address; what such a call says is a
// hint, a ring or an alarm, never more: whoever learns the address can cause a reading of the log, at
// the rate below.

const (
	mostQuery  = 2048 // bytes of a call's query
	callBurst  = 20   // calls of one device at once
	callEvery  = 200 * time.Millisecond
	callLimit  = 2 * time.Minute // for making a device call
	callsAgain = 5 * time.Minute // after a device would not take it
	eventsPath = "/e/"
)

// calls are the calls of one panel.
type calls struct {
	agent *Agent
	panel *panel
	poke  chan struct{} // the device was probed, or the address stands

	mu       sync.Mutex
	kept     keptCalls
	room     allowance
	received int
	refused  int
	dropped  []string // what the device did not keep
	failed   string   // why it was not told, in words
	calling  bool     // it was told since the start
}

// keptCalls is what is kept of one device, sealed like all else.
type keptCalls struct {
	Token     string `json:"token"`
	Installed bool   `json:"installed"` // the device was told the address, perhaps
}

func (c *calls) blob() string { return "calls " + string(c.panel.cfg.ID) }

// openCalls reads or makes the secret of a device's address. One that cannot be kept is made anew at the
// next start.
func (a *Agent) openCalls(p *panel) *calls {
	c := &calls{agent: a, panel: p, poke: make(chan struct{}, 1), room: allowance{spare: callBurst}}
	raw, err := a.box.site.Blob(c.blob())
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &c.kept)
	}
	if err != nil { // another is made, and the device told of it
		a.log.Error("the address that a device calls cannot be read; it is made anew", "device", string(p.cfg.ID), "err", err)
		c.kept = keptCalls{Installed: true}
	}
	if c.kept.Token != "" || a.cfg.Events == "" && !c.kept.Installed {
		return c
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	c.kept.Token = hex.EncodeToString(b)
	if err := saveJSON(a.box.site, c.blob(), c.kept); err != nil {
		a.log.Error("the address that a device calls cannot be kept", "device", string(p.cfg.ID), "err", err)
	}
	return c
}

// wanted says whether the device is, or was, to call.
func (c *calls) wanted() bool { return c.agent.cfg.Events != "" || c.kept.Installed }

// look has the device told of the address, or of its end. It never blocks.
func (c *calls) look() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// run tells the device what to call whenever it was probed, until ctx ends.
func (c *calls) run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if err := c.install(ctx); err != nil && ctx.Err() == nil {
			c.say(nil, err)
			again = time.After(callsAgain)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.poke:
		case <-again:
		}
	}
}

// install makes the device call us, or takes that back, and reads back what it kept.
func (c *calls) install(ctx context.Context) error {
	at := c.agent.callsAt.Load()
	c.mu.Lock()
	kept := c.kept
	c.mu.Unlock()
	st := c.panel.loop.Status()
	on := c.agent.cfg.Events != ""
	if !on && !kept.Installed || on && at == nil || st.Identity.Model == "" || c.reports() {
		return nil // nothing to do, or not now
	}
	base := ""
	if on {
		base = "http://" + *at + eventsPath + kept.Token
		if err := c.keep(true); err != nil { // known before the device knows it, so that it can be taken back
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var got driver.CallsKept
	calls := false // a device that cannot is told nothing, and nothing is said of it
	err := c.panel.loop.Do(ctx, func(ctx context.Context, p driver.Panel) (err error) {
		if caller, ok := p.(driver.EventCaller); ok {
			calls = true
			got, err = caller.CallAt(ctx, base)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.say(got.Dropped, nil)
	switch {
	case !calls:
		return c.keep(false)
	case on:
		c.tells(len(got.Events))
		return nil
	}
	c.agent.log.Info("the device calls no more", "device", string(c.panel.cfg.ID))
	return c.keep(false)
}

// reports says whether nothing is written to the device at all.
func (c *calls) reports() bool {
	return c.panel.cfg.Report || c.agent.settings.policy(c.panel.cfg.ID) == access.DriftReport
}

func (c *calls) keep(installed bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept.Installed == installed {
		return nil
	}
	next := keptCalls{c.kept.Token, installed}
	err := saveJSON(c.agent.box.site, c.blob(), next)
	if err == nil {
		c.kept = next
	}
	return err
}

// say logs what is news of how the device took it.
func (c *calls) say(dropped []string, err error) {
	words := ""
	if err != nil {
		words = err.Error()
	}
	c.mu.Lock()
	news := !slices.Equal(dropped, c.dropped) || words != c.failed
	c.dropped, c.failed = dropped, words
	c.mu.Unlock()
	switch log := c.agent.log.With("device", string(c.panel.cfg.ID)); {
	case !news:
	case err != nil:
		log.Warn("the device could not be told whom to call; its log is read every half minute", "err", err, "remedy", fault.RemedyOf(err))
	case len(dropped) > 0:
		log.Warn("the device did not keep all that it is to call", "dropped", dropped)
	}
}

// tells logs once that the device calls.
func (c *calls) tells(events int) {
	c.mu.Lock()
	first := !c.calling
	c.calling = true
	c.mu.Unlock()
	if first {
		c.agent.log.Info("the device calls when something happens", "device", string(c.panel.cfg.ID), "events", events)
	}
}

// words are what the page says of it, "" nothing.
func (c *calls) words() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failed != "":
		return "could not be told whom to call: " + c.failed
	case len(c.dropped) > 0:
		return "does not call about " + strings.Join(c.dropped, ", ")
	}
	return ""
}

// count is how many calls were taken and refused since the start.
func (c *calls) count() (received, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received, c.refused
}

// takes says whether one more call may come now, and counts it.
func (c *calls) takes(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.room.take(now, callBurst, callEvery) {
		c.refused++
		return false
	}
	return true
}

func (c *calls) answered(ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.received++
	} else {
		c.refused++
	}
}

// called answers /e/SECRET/EVENT by GET and POST, and everything else with 404 and no word. The body of
// a call is not read.
func (a *Agent) called(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	rest, found := strings.CutPrefix(r.URL.Path, eventsPath)
	token, event, cut := strings.Cut(rest, "/")
	c := a.callOf(token)
	if !found || !cut || c == nil || r.Method != http.MethodGet && r.Method != http.MethodPost {
		a.strayCalls.Add(1)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if !c.takes(time.Now()) {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if len(r.URL.RawQuery) > mostQuery {
		c.answered(false)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h, ok := c.panel.loop.Called(event, r.URL.Query())
	c.answered(ok)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a.hear(c.panel, h)
	w.WriteHeader(http.StatusNoContent)
}

// callOf is the device of a secret, found in the same time whichever it is.
func (a *Agent) callOf(token string) (found *calls) {
	for _, p := range a.driven() {
		c := p.calls
		c.mu.Lock()
		own := c.kept.Token
		c.mu.Unlock()
		if own != "" && subtle.ConstantTimeCompare([]byte(own), []byte(token)) == 1 {
			found = c
		}
	}
	return found
}

// listenCalls opens the address that devices call. From then on they are told of it.
func (a *Agent) listenCalls() (net.Listener, error) {
	ln, err := listenPage(a.cfg.Events, "events_listen")
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(a.cfg.Events)         // the configuration was read
	_, port, err := net.SplitHostPort(ln.Addr().String()) // which may have been 0
	at := net.JoinHostPort(host, cmp.Or(port, "80"))
	a.callsAt.Store(&at)
	for _, p := range a.driven() {
		p.calls.look()
	}
	return ln, err
}
