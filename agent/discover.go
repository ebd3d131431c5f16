package agent

import (
	"cmp"
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Bounds of a discovery: it is a few dozen small requests a second to addresses that were named, and nothing else.
const (
	mostHosts = 1024
	seekers   = 32                   // at once
	seekPause = 5 * time.Millisecond // between two that begin
	seekDial  = time.Second          // for a connection, or a datagram's answer
	seekTime  = 8 * time.Second      // for one that answers
)

// DiscoverReport is what was found.
type DiscoverReport struct {
	OK    bool          `json:"ok"`
	Range string        `json:"range"`
	Asked int           `json:"asked"` // ports that were asked
	Of    int           `json:"of"`    // so many there are
	Found []*Discovered `json:"found"`
}

// Discovered is one device.
type Discovered struct {
	driver.Found
	Paired access.DeviceID `json:"paired,omitempty"` // it is this one already
}

// seek is one port to ask.
type seek struct {
	kind, host, port string
	find             driver.Find
}

// discover asks every port of every address, and tells how far it is whenever it found something, and now and then.
func (a *Agent) discover(ctx context.Context, o DeviceOrder, tell func(any)) (out DiscoverReport, err error) {
	leave, err := a.yard.enter()
	if err != nil {
		return out, err
	}
	defer leave()
	all, err := o.seeks(a.deps.Kinds)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.yard.life.ctx, cancel)()
	out = DiscoverReport{Range: o.Range, Of: len(all), Found: []*Discovered{}}
	done := make(chan *Discovered)
	go a.seekAll(ctx, all, done)
	for d := range done {
		if out.Asked++; d != nil {
			out.join(d)
		}
		if d != nil || out.Asked%seekers == 0 {
			tell(out)
		}
	}
	if err := ctx.Err(); err != nil {
		return out, fault.Wrap(fault.Timeout, "look for devices in", o.Range, err)
	}
	out.OK = true
	return out, nil
}

// seekAll asks all of them, a few at once, until ctx ends, and closes done.
func (a *Agent) seekAll(ctx context.Context, all []seek, done chan<- *Discovered) {
	var g sync.WaitGroup
	free := make(chan struct{}, seekers)
	for _, s := range all {
		free <- struct{}{}
		select {
		case <-ctx.Done():
		case <-time.After(seekPause):
			g.Go(func() {
				done <- a.seek(ctx, s)
				<-free
			})
			continue
		}
		break
	}
	g.Wait()
	close(done)
}

// seek asks one port, unless a device of ours has it: that one's loop has it to itself.
func (a *Agent) seek(ctx context.Context, s seek) (out *Discovered) {
	defer func() {
		if recover() != nil { // whatever answered there must not end the gateway
			a.log.Error("an answer to a discovery cannot be read", "address", s.host+":"+s.port)
		}
	}()
	for _, p := range a.panels() {
		at := addressOf(p.cfg)
		if at == net.JoinHostPort(s.host, s.port) || p.cfg.Kind == s.kind && s.find.Name != s.kind && hostOf(at) == s.host {
			return &Discovered{driver.Found{Kind: s.kind, Address: at, Sure: true, What: "looked after already", Identity: whatItSaid(a.box.site, p.cfg.ID, a.log).Identity}, p.cfg.ID}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, seekTime)
	defer cancel()
	deps := a.yard.deps
	deps.Dial = (&net.Dialer{Timeout: seekDial, KeepAlive: -1}).DialContext
	f := s.find.Ask(ctx, s.host, s.port, deps)
	if f == nil {
		return nil
	}
	f.Kind = s.kind
	return &Discovered{*f, a.twin(paired{}, f.MAC)}
}

// join adds what was found. The same device found by another way is one: what it said then is added.
func (r *DiscoverReport) join(d *Discovered) {
	for i, o := range r.Found {
		bare := hostOf(o.Address) == o.Address || hostOf(d.Address) == d.Address // it names no port: any of the host's
		if o.Kind != d.Kind || o.Address != d.Address && (!bare || hostOf(o.Address) != hostOf(d.Address)) {
			continue
		}
		n := *o // o was told already
		if len(d.Address) > len(n.Address) {
			n.Address = d.Address
		}
		n.Sure = n.Sure || d.Sure
		if n.Model == "" {
			n.Identity = d.Identity
		}
		n.Paired, n.Remedy = cmp.Or(n.Paired, d.Paired), n.Remedy+d.Remedy
		if n.What != d.What {
			n.What += "; " + d.What
		}
		r.Found[i] = &n
		return
	}
	r.Found = append(r.Found, d)
}

func hostOf(address string) string {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// seeks are all ports of all addresses. Errors are Invalid: a range that is not of a site's own network is not asked.
func (o DeviceOrder) seeks(kinds []driver.Kind) (out []seek, err error) {
	bad := func(format string, args ...any) ([]seek, error) {
		return nil, fault.New(fault.Invalid, "look for devices in", o.Range, format, args...)
	}
	text := o.Range
	if ip := net.ParseIP(text); ip.To4() != nil {
		text += "/32"
	}
	_, network, err := net.ParseCIDR(text)
	if err != nil {
		return bad("--range: want an address range such as 10.0.0.0/24")
	}
	ones, bits := network.Mask.Size()
	switch {
	case !network.IP.IsPrivate() && !network.IP.IsLoopback():
		return bad("--range: want a private range, of the property's own network")
	case bits-ones > 10:
		return bad("--range: want at most %d addresses, such as 10.0.0.0/22", mostHosts)
	}
	ports := map[string]string{}
	for _, s := range o.Ports {
		name, port, _ := strings.Cut(s, "=")
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return bad("--port: %.40q: want a name and a port such as akuvox=8081", s)
		}
		ports[name] += port + " "
	}
	size := 1 << (bits - ones)
	for i := range size {
		ip := append(net.IP{}, network.IP...)
		ip[len(ip)-1] |= byte(i)
		ip[len(ip)-2] |= byte(i >> 8)
		if size > 2 && bits == 32 && (i == 0 || i == size-1) {
			continue // the network's own address, and the one of everybody
		}
		out = append(out, seeksAt(ip.String(), kinds, ports)...)
	}
	for name := range ports {
		if !known(kinds, name) {
			return bad("--port: %.40q is no name of a port; there are akuvox, comelit and comelit-udp", name)
		}
	}
	return out, nil
}

func known(kinds []driver.Kind, port string) bool {
	for _, k := range kinds {
		for _, f := range k.Finds {
			if f.Name == port {
				return true
			}
		}
	}
	return false
}

// seeksAt are those of one host.
func seeksAt(host string, kinds []driver.Kind, ports map[string]string) (out []seek) {
	for _, k := range kinds {
		for _, f := range k.Finds {
			given := ports[f.Name]
			if given == "" {
				given = f.Ports
			}
			for _, port := range strings.Fields(given) {
				out = append(out, seek{k.Name, host, port, f})
			}
		}
	}
	return out
}
