package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// PairRequest is a device to be looked after from now on. What is left out of one that was paired before stays as it is.
type PairRequest struct {
	Kind        string        `json:"kind,omitempty"`
	URL         string        `json:"url,omitempty"` // the address, or Host and its ports, as driver.Config has them
	Host        string        `json:"host,omitempty"`
	WebPort     int           `json:"web_port,omitempty"`
	IconaPort   int           `json:"icona_port,omitempty"`
	User        string        `json:"user,omitempty"`
	InsecureTLS bool          `json:"insecure_tls,omitempty"`
	TLSPin      string        `json:"tls_pin,omitempty"`
	Pace        time.Duration `json:"pace,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	Model       string        `json:"model,omitempty"`

	Password string                   `json:"password,omitempty"`
	Token    string                   `json:"token,omitempty"`
	Name     string                   `json:"name,omitempty"`
	Doors    map[access.DoorID]string `json:"doors,omitempty"` // the relay that opens each
	Unit     string                   `json:"unit,omitempty"`  // where the test person lives, on a device that calls people
	NoTest   bool                     `json:"no_test,omitempty"`
}

// PairReport is what a pairing came to.
type PairReport struct {
	OK     bool          `json:"ok"`
	Device *DeviceReport `json:"device,omitempty"` // nil: it is not paired
	Steps  []Step        `json:"steps"`
}

// longestPairing bounds one pairing: a slow device needs a minute, the clean-up has cleanTime more.
const longestPairing = 10 * time.Minute

// changing keeps every other change of the devices away until done is called.
func (a *Agent) changing(id access.DeviceID, what string) (done func(), err error) {
	leave, err := a.yard.enter()
	if err != nil {
		return nil, err
	}
	if !a.yard.turn.TryLock() {
		leave()
		return nil, fault.New(fault.Conflict, what, "device "+string(id), "another device is being paired or changed").WithRemedy("Wait until that is done.")
	}
	if slices.ContainsFunc(a.cfg.Devices, func(d config.Device) bool { return d.ID == id }) {
		err = inFile(id, what)
	}
	if err == nil && !access.ValidID(string(id)) {
		err = fault.New(fault.Invalid, what, "device", "%.40q is no id: want 1 to 40 letters, digits, '-', '_' or '.'", id).WithRemedy("Choose one with --id, for example --id lobby.")
	}
	if err != nil {
		a.yard.turn.Unlock()
		leave()
		return nil, err
	}
	return func() { a.yard.turn.Unlock(); leave() }, nil
}

// pair finds out that a device can be driven, and keeps it. Until the moment in which it is kept nothing is changed
// but the test person on the device; a device that is driven already rests meanwhile.
func (a *Agent) pair(ctx context.Context, id access.DeviceID, r PairRequest, tell func(any)) (out PairReport, err error) {
	out.Steps = []Step{}
	done, err := a.changing(id, "pair")
	if err != nil {
		return out, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, longestPairing)
	defer cancel()
	defer context.AfterFunc(a.yard.life.ctx, cancel)()
	old, known, err := pairedOf(a.box.site, id)
	if bad, rest := split(err); rest != nil || len(bad) > 0 && r.Kind == "" {
		return out, err
	}
	old.ID = id
	next := r.over(old)
	if err := a.canPair(next); err != nil {
		return out, err
	}
	if p := a.panel(id); p != nil && p.rest != nil {
		if err := p.rest(); err != nil {
			return out, err
		}
		defer func() { // unless it was replaced
			if a.panel(id) == p {
				a.replace(id, a.openPanel(p.cfg))
			}
		}()
	}
	limits, err := a.prove(ctx, &next, r, known, tell)
	if err != nil {
		out.Steps = next.Steps
		return out, err
	}
	return a.keepPaired(next, limits, known)
}

// over is the device with what was said of it now over what was known.
func (r PairRequest) over(p paired) paired {
	p.Kind, p.User = cmp.Or(r.Kind, p.Kind), cmp.Or(r.User, p.User)
	if r.URL != "" || r.Host != "" { // an address is a whole
		p.URL, p.Host, p.TLSPin, p.Insecure, p.IconaPort = webURL(r.URL, r.Host, r.WebPort), r.Host, "", false, 0
	}
	if r.TLSPin != "" || r.InsecureTLS {
		p.TLSPin, p.Insecure = r.TLSPin, r.InsecureTLS
	}
	p.IconaPort, p.Profile, p.Timeout = cmp.Or(r.IconaPort, p.IconaPort), cmp.Or(r.Model, p.Profile), cmp.Or(r.Timeout, p.Timeout)
	p.Pace, p.Name = cmp.Or(access.Span(r.Pace), p.Pace), cmp.Or(r.Name, p.Name)
	if r.Password != "" || r.Token != "" {
		p.Password, p.Token = r.Password, r.Token
		p.Locked = ""
	}
	if p.At.IsZero() { // new: to manage it is a decision of its own (DESIGN §1.5)
		p.Report = true
	}
	if r.Doors != nil {
		p.Doors = r.Doors
	}
	return p
}

// webURL is a device's URL; of one that has a host and a port of its own, made of these.
func webURL(known, host string, port int) string {
	if known != "" || host == "" || port <= 0 {
		return known
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(port))}).String()
}

// canPair judges what can be judged without the device.
func (a *Agent) canPair(p paired) error {
	bad := func(flag, format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, "pair", "device "+string(p.ID), flag+": "+format, args...)
	}
	switch {
	case p.Name != "" && !plainWords(p.Name):
		return bad("--name", "want at most %d characters on one line", mostReason)
	case p.Kind == "" || p.URL == "" && p.Host == "":
		return bad("--kind, --url", "it was not paired before: which kind is it, and where?").
			WithRemedy("gatehouse-agent device discover --range 10.0.0.0/24 finds devices.")
	}
	d, err := openPanel(p.config(), a.deps.Kinds, a.yard.deps)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing was opened
	places, err := a.box.Places()
	for door, relay := range p.Doors {
		if !access.ValidID(string(door)) {
			return bad("--door", "%.40q is no id of a door", door)
		}
		if _, known := places.Doors[door]; err == nil && !known && len(places.Doors) > 0 && !places.Partial {
			return bad("--door", "the property has no door %s; it has %s", door, strings.Join(doorIDs(places), ", ")).
				WithRemedy("Give one of them, or add the door to the property at the cloud first.")
		}
		if c, ok := d.(driver.RelayChecker); ok {
			if err := c.CheckRelay(relay); err != nil {
				return fault.Wrap(fault.Invalid, "give a relay to door", string(door), err)
			}
		}
	}
	if other := a.twin(p, ""); other != "" {
		return alreadyPaired(p.ID, other, "stands at the same address")
	}
	return nil
}

func alreadyPaired(id, other access.DeviceID, why string) error {
	return fault.New(fault.Conflict, "pair", "device "+string(id), "it is known already: device %s %s", other, why).
		WithRemedy("Pair it under that id: gatehouse-agent device pair --id %s; or forget that one first.", other)
}

func doorIDs(p access.Places) (out []string) {
	for id := range p.Doors {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return out
}

// twin is another device here that has this address or, where it is known, this hardware address; "" none.
func (a *Agent) twin(p paired, mac string) access.DeviceID {
	at := addressOf(p.config())
	for _, o := range a.panels() {
		theirs := whatItSaid(a.box.site, o.cfg.ID, a.log).Identity.MAC
		if o.cfg.ID != p.ID && (p.ID != "" && addressOf(o.cfg) == at || mac != "" && strings.EqualFold(mac, theirs)) {
			return o.cfg.ID
		}
	}
	return ""
}

// addressOf is where a device is, as host:port; of one that is keyed in by hand, its file.
func addressOf(d config.Device) string {
	host, port := d.Host, strconv.Itoa(cmp.Or(d.WebPort, 8080)) // comelit's
	u, err := url.Parse(d.URL)
	switch {
	case err == nil && u.Scheme == "file":
		return d.URL
	case err == nil && u.Host != "":
		if host, port = u.Hostname(), u.Port(); port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
	}
	return net.JoinHostPort(host, port)
}

// prove reaches the device and, unless it is asked not to, writes a test person there and removes it again.
func (a *Agent) prove(ctx context.Context, p *paired, r PairRequest, known bool, tell func(any)) (limits model.Limits, err error) {
	p.Steps = []Step{}
	before, _ := a.box.site.Blob(memoryOf(p.ID)) // of one that was forgotten: what it says stands on the device still
	m := &maker{device: p.config(), kinds: a.deps.Kinds, deps: a.yard.deps, site: a.box.site}
	d, err := m.open()
	if err != nil {
		return limits, err
	}
	defer func() {
		if cerr := d.Close(); err == nil {
			err = cerr
		}
		m.fence.Shut()
	}()
	if doc, ok := d.(driver.Doctor); ok {
		dialect, err := doc.Dialect(ctx)
		s := Step{"reach", err == nil, dialect}
		if err != nil {
			s.Detail = err.Error()
		}
		tell(s)
		if p.Steps = append(p.Steps, s); err != nil {
			return limits, err
		}
	}
	t := &SelfTest{Panel: d, Unit: r.Unit, Only: r.NoTest, Told: func(s Step) { tell(s) }, Left: a.marks(), Probed: func(id model.Identity) error {
		if other := a.twin(*p, id.MAC); other != "" {
			return alreadyPaired(p.ID, other, "has the same hardware address "+id.MAC)
		}
		return nil
	}, Mark: func(ref model.Ref) error { return a.mark(p.config(), ref) }}
	t.Run(ctx)
	p.Steps = append(p.Steps, t.Steps...)
	if t.Err != nil {
		if !known && !t.wrote { // nothing of it may be taken for another device's
			t.Err = errors.Join(t.Err, a.box.site.SaveBlob(memoryOf(p.ID), before))
		}
		return limits, t.Err
	}
	now, _ := a.box.clock.Now()
	if p.Identity.MAC != t.ID.MAC {
		p.Proven, p.Read = time.Time{}, time.Time{} // that was another unit
	}
	p.Identity, p.At = *t.ID, now
	if !r.NoTest {
		p.Proven, p.Read = now, now
		if t.Unproven {
			p.Read = time.Time{}
		}
	}
	return t.limits, nil
}

// keepPaired stores a device that was proven, in one piece with the event that tells of it, and drives it.
func (a *Agent) keepPaired(p paired, limits model.Limits, known bool) (PairReport, error) {
	e := a.box.event(access.EventState, "paired on site")
	if known {
		e.Message = "paired on site again"
	} else {
		p.Mode = p.At
	}
	if p.Report {
		e.Message += "; it is reported on only, until somebody decides to manage it"
	}
	e.Device = p.ID
	if err := savePaired(a.box.site, p, e); err != nil {
		return PairReport{Steps: p.Steps}, err
	}
	if err := saveJSON(a.box.site, "device/"+string(p.ID), said{p.Identity, limits}); err != nil {
		a.log.Error("what a device said of itself cannot be kept", "device", string(p.ID), "err", err)
	}
	a.log.Info("paired", "device", string(p.ID), "again", known)
	next := a.openPanel(p.config())
	a.replace(p.ID, next)
	if err := errors.Join(a.lookForForgotten(a.yard.life.ctx), a.takeOwn(true)); err != nil { // settings may be about it
		a.log.Error("not all that follows from a pairing is done; the next start does it", "err", err)
	}
	line, err := a.deviceReport(a.yard.life.ctx, next)
	return PairReport{OK: true, Device: &line, Steps: p.Steps}, err
}

const blobMarks = "test persons"

// marks are the test persons that may stand on devices because a pairing was interrupted, each with its device and
// where that is. What cannot be read is gone: the row stands on its panel as a stranger's.
func (a *Agent) marks() map[model.Ref]string {
	out := map[model.Ref]string{}
	raw, err := a.box.site.Blob(blobMarks)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		a.log.Error("which test persons may be left on panels cannot be read", "err", err)
	}
	return out
}

// mark keeps that a test person is about to be written to a device; with "" that none is left there.
func (a *Agent) mark(d config.Device, ref model.Ref) error {
	list, at := a.marks(), string(d.ID)+" at "+addressOf(d)
	if ref != "" {
		list[ref] = at
	} else {
		for r, where := range list {
			if where == at {
				delete(list, r)
			}
		}
	}
	return saveJSON(a.box.site, blobMarks, list)
}
