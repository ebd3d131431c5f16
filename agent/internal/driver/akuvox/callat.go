package akuvox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

const opCalls = "set the Action URLs of"

// baseChars bounds the address that a unit is to call: how long its fields are is unknown.
const baseChars = 160

// CallAt implements driver.EventCaller by Action URLs (§4). Which events a unit has is what its settings show.
// An address with a variable that it does not know is not kept, and nothing is said: what does not stand when
// it is read back is built up from nothing, one variable at a time. An address of somebody else is never
// touched. base holds a secret: it stands in no error and in nothing that is told.
//
// It costs one request where all stands, three the first time, and two for each variable that is tried.
func (p *Panel) CallAt(ctx context.Context, base string) (driver.CallsKept, error) {
	if base != "" && !baseFits(base) {
		return driver.CallsKept{}, fault.New(fault.Invalid, opCalls, p.link.subject, "the address to call is no plain http:// or https:// address of %d characters at most", baseChars)
	}
	c := &calls{p: p, base: base}
	if err := c.recall(); err != nil {
		return driver.CallsKept{}, err
	}
	if err := c.read(ctx); err != nil {
		return driver.CallsKept{}, err
	}
	if err := c.make(ctx); err != nil {
		return driver.CallsKept{}, err
	}
	return c.kept, c.forget()
}

func baseFits(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && len(base) <= baseChars &&
		!strings.ContainsAny(base, "$?# \"\\") && !strings.HasSuffix(base, "/") && clean(base)
}

// calls is one setting of a unit's Action URLs.
type calls struct {
	p    *Panel
	base string
	is   installed         // as it is remembered, this base too
	now  map[string]string // the unit's settings, by event
	kept driver.CallsKept
}

// call is the address of one event on its way to the unit.
type call struct {
	action
	vars []string // that the unit keeps, as far as is known
	want string   // the address that is tried
}

func (c *calls) read(ctx context.Context) (err error) {
	c.now, err = c.p.settings(ctx, settingsPath, actionKeys)
	return err
}

func (c *calls) ours(address string) bool {
	return slices.ContainsFunc(c.is.Bases, func(base string) bool { return strings.HasPrefix(address, base+"/") })
}

// strangers says whether somebody else has an address there, for any event at all.
func (c *calls) strangers() bool {
	for _, value := range c.now {
		if strings.Contains(value, "://") && !c.ours(value) {
			return true
		}
	}
	return false
}

// make brings the unit to call at base, or takes back what is ours.
func (c *calls) make(ctx context.Context) error {
	var open []*call
	has := false
	for _, a := range actions() {
		value, shown := c.now[a.event]
		has = has || shown
		vars, stands := a.standing(c.base, value)
		switch {
		case !shown:
		case value != "" && !c.ours(value):
			if c.base != "" {
				c.drop("%s: the panel calls another address for it already, which stays", a.event)
			}
		case c.base == "" && value == "":
		case c.base != "" && stands && (c.is.Settled || len(vars) == len(strings.Fields(a.vars))):
			c.keep(&call{action: a, vars: vars})
		default:
			open = append(open, &call{action: a})
		}
	}
	switch on, shown := c.now[actionEnable]; {
	case c.base == "":
		return c.takeBack(ctx, open)
	case !has:
		return fault.New(fault.Unsupported, opCalls, c.p.link.subject, "its settings show no Action URLs").
			WithRemedy("Update the panel's firmware; without them its door log is read every half minute all the same.")
	case c.strangers() && shown && on != "1":
		return fault.New(fault.Conflict, opCalls, c.p.link.subject, "its Action URLs are switched off, and some of them are not this gateway's").
			WithRemedy("On the panel's web page clear the Action URLs of others, or switch Action URLs on.")
	case len(open) == 0 && (on == "1" || !shown):
		return nil
	}
	return c.install(ctx, open)
}

// takeBack clears what is ours. Whether the unit calls at all is left as it is.
func (c *calls) takeBack(ctx context.Context, open []*call) error {
	if len(open) == 0 {
		return nil
	}
	if left, err := c.try(ctx, open); err != nil || len(left) == 0 {
		return err
	}
	return fault.New(fault.Conflict, opCalls, c.p.link.subject, "it goes on calling this gateway").
		WithRemedy("On the panel's web page clear its Action URLs.")
}

// install tries every address with all of its variables, then builds up those that are not kept. Until it is
// done, an address that asks for less is taken for one that was left half-way.
func (c *calls) install(ctx context.Context, open []*call) error {
	if c.is.Settled {
		if err := c.remember(installed{Bases: c.is.Bases}); err != nil {
			return err
		}
	}
	for _, o := range open {
		o.vars = strings.Fields(o.action.vars)
		o.want = o.address(c.base, o.vars)
	}
	refused, err := c.try(ctx, open)
	if err != nil {
		return err
	}
	if on, shown := c.now[actionEnable]; shown && on != "1" {
		return fault.New(fault.Conflict, opCalls, c.p.link.subject, "the panel does not keep that Action URLs are on").
			WithRemedy("Switch them on at the panel's web page; update its firmware.")
	}
	if err := c.build(ctx, refused); err != nil {
		return err
	}
	return c.settle(ctx, open)
}

// build finds out which variables the unit keeps, one at a time, for all of these events at once.
func (c *calls) build(ctx context.Context, refused []*call) error {
	for _, o := range refused {
		o.vars = nil
	}
	for n, more := 0, true; more; n++ {
		var tries []*call
		for _, o := range refused {
			if all := strings.Fields(o.action.vars); n < len(all) && len(all) > 1 {
				o.want = o.address(c.base, append(slices.Clone(o.vars), all[n]))
				tries = append(tries, o)
			}
		}
		if more = len(tries) > 0; !more {
			break
		}
		left, err := c.try(ctx, tries)
		if err != nil {
			return err
		}
		for _, o := range tries {
			if !slices.Contains(left, o) {
				o.vars = append(o.vars, strings.Fields(o.action.vars)[n])
			}
		}
	}
	return nil
}

// settle makes what was found out stand: the last try of an address may have been one too many.
func (c *calls) settle(ctx context.Context, open []*call) (err error) {
	var last []*call
	for _, o := range open {
		if o.want = o.address(c.base, o.vars); c.now[o.event] != o.want {
			last = append(last, o)
		}
	}
	if len(last) > 0 {
		if last, err = c.try(ctx, last); err != nil {
			return err
		}
	}
	for _, o := range open {
		if slices.Contains(last, o) {
			c.drop("%s: the panel does not keep an address for it", o.event)
			continue
		}
		c.keep(o)
	}
	return nil
}

// try writes addresses by one request, reads them back, and returns the calls that do not stand.
func (c *calls) try(ctx context.Context, list []*call) (refused []*call, err error) {
	want := map[string]string{}
	if c.base != "" && c.now[actionEnable] != "1" {
		want[actionEnable] = "1"
	}
	for _, o := range list {
		want[o.event] = o.want
	}
	if err := c.p.setSettings(ctx, actionKeys, want); err != nil {
		return nil, err
	}
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	for _, o := range list {
		if c.now[o.event] != o.want {
			refused = append(refused, o)
		}
	}
	return refused, nil
}

func (c *calls) drop(format, event string) {
	c.kept.Dropped = append(c.kept.Dropped, fmt.Sprintf(format, event))
}

// keep counts an address that stands, and names what it does not ask for.
func (c *calls) keep(o *call) {
	c.kept.Events = append(c.kept.Events, o.event)
	for _, v := range strings.Fields(o.action.vars) {
		if !slices.Contains(o.vars, v) {
			c.drop("$"+v+" of %s", o.event)
		}
	}
}

// installed is what outlives the driver: under which addresses Action URLs were installed, so that those of an
// address that is given up are known to be ours, and whether the last installation came to its end.
type installed struct {
	Bases   []string `json:"bases,omitempty"`
	Settled bool     `json:"settled,omitempty"`
}

// recall brings back what is installed, and remembers a new base before anything is written.
func (c *calls) recall() error {
	if known := c.p.facts().calls; known != nil {
		c.is = *known
	} else if c.p.memory != nil {
		b, err := c.p.memory.Load("")
		if err != nil {
			return fault.Wrap(fault.Internal, opCalls, c.p.link.subject, err)
		}
		_ = json.Unmarshal(b, &c.is) // else nothing is known to be ours
	}
	if c.base == "" || slices.Contains(c.is.Bases, c.base) {
		return nil
	}
	return c.remember(installed{Bases: append(slices.Clone(c.is.Bases), c.base)})
}

// forget lets go of bases under which the unit calls no more, and notes that the rest is settled.
func (c *calls) forget() error {
	left := installed{Settled: c.base != ""}
	for _, base := range c.is.Bases {
		used := base == c.base
		for _, address := range c.now {
			used = used || strings.HasPrefix(address, base+"/")
		}
		if used {
			left.Bases = append(left.Bases, base)
		}
	}
	if slices.Equal(left.Bases, c.is.Bases) && left.Settled == c.is.Settled {
		return nil
	}
	return c.remember(left)
}

func (c *calls) remember(is installed) error {
	c.is = is
	c.p.learn(func(k *known) { k.calls = &is })
	if c.p.memory == nil {
		return nil
	}
	b, err := json.Marshal(is)
	if err == nil {
		err = c.p.memory.Save(map[string][]byte{"": b})
	}
	if err != nil {
		return fault.Wrap(fault.Internal, opCalls, c.p.link.subject, err)
	}
	return nil
}
