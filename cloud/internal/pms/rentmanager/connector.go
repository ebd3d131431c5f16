package rentmanager

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// NewTurn makes the token that connectors of one account share.
func NewTurn() chan struct{} {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return turn
}

// Deps are what a connector is given. Only Now is required.
type Deps struct {
	Now       func() time.Time
	Sleep     func(ctx context.Context, d time.Duration) error // nil: a timer that ends with ctx
	Jitter    func() float64                                   // [0, 1); nil: random
	Transport http.RoundTripper                                // nil: one of our own, with the system's roots
	Log       *slog.Logger                                     // nil: silence
	// Turn (NewTurn) is shared by all connectors of one account, so that the account sees one
	// request at a time. nil: the connector has its own.
	Turn chan struct{}
}

// Connector reads one account. It implements pms.Connector, keeps nothing between pulls, and may
// be used by several goroutines: their pulls take turns.
type Connector struct {
	cfg    Config
	base   *url.URL
	client *http.Client
	deps   Deps
	labels pms.Labels
}

var _ pms.Connector = (*Connector)(nil)

// New checks cfg and makes a connector; it sends nothing. An error is of kind invalid and names
// every value that is wrong.
func New(cfg Config, deps Deps) (*Connector, error) {
	base, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if deps.Now == nil {
		return nil, fault.New(fault.Internal, "configure", "Rent Manager", "no clock was passed in")
	}
	deps.fill()
	client := &http.Client{Transport: deps.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Connector{cfg: cfg, base: base, client: client, deps: deps, labels: pms.NewLabels()}, nil
}

func (d *Deps) fill() {
	if d.Sleep == nil {
		d.Sleep = sleep
	}
	if d.Jitter == nil {
		d.Jitter = rand.Float64
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxConnsPerHost = 1
		d.Transport = t
	}
	if d.Turn == nil {
		d.Turn = NewTurn()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pull implements pms.Connector. It waits its turn, signs in, and reads the chosen properties one
// after the other. With an error the snapshot holds what was read until then and is neither OK
// nor complete.
func (c *Connector) Pull(ctx context.Context, want pms.Request) (pms.Snapshot, bool, []string, error) {
	var p *pull
	err := c.inTurn(ctx, func(one *pull) error {
		p = one
		return p.run(ctx, want)
	})
	if p == nil {
		return pms.Answer(pms.Snapshot{Complete: true}, err) // its turn never came
	}
	p.snap.Calls, p.snap.OK = p.calls, err == nil
	if err != nil {
		p.snap.Incomplete("the pull failed: " + err.Error())
	}
	return pms.Answer(p.snap, err)
}

// inTurn gives work a session of its own while nobody else talks to the account.
func (c *Connector) inTurn(ctx context.Context, work func(*pull) error) error {
	select {
	case <-c.deps.Turn:
	case <-ctx.Done():
		return fault.Wrap(fault.Timeout, "wait for", c.subject(), ctx.Err())
	}
	defer func() { c.deps.Turn <- struct{}{} }()
	return work(&pull{Connector: c, snap: pms.Snapshot{Complete: true}})
}

func (c *Connector) subject() string { return "Rent Manager at " + c.base.Host }

// pull is one pull: its session and what it has read.
type pull struct {
	*Connector
	token     access.Secret
	calls     int
	notBefore time.Time     // the vendor's window of requests is used up until then
	waited    time.Duration // spent on waiting the vendor asked for
	snap      pms.Snapshot
}

func (p *pull) run(ctx context.Context, want pms.Request) error {
	if want.Partial() {
		p.snap.Incomplete("a part was asked for, so what is not in it proves nothing")
	}
	chosen, err := p.choose(ctx, want)
	for _, prop := range chosen {
		if err == nil {
			err = p.readProperty(ctx, prop, want)
		}
	}
	pms.MarkSharedEmails(p.snap.People)
	return err
}

// choose reads the list of active properties and picks the wanted ones, in the list's order.
func (p *pull) choose(ctx context.Context, want pms.Request) ([]pms.Property, error) {
	l, err := p.proven(ctx, propertiesQuery(), !want.Partial())
	wanted := want.Properties
	if len(wanted) == 0 {
		wanted = p.cfg.Properties
	}
	rows := rowsOf[propertyRow](p, l, "property")
	wanted = byRef(wanted, rows)
	missing := slices.Clone(wanted)
	var chosen []pms.Property
	for _, r := range rows {
		ref := r.PropertyID.id()
		switch {
		case !r.IsActive.yes(true):
		case len(wanted) > 0 && !slices.Contains(wanted, ref):
			p.offer(r)
		default:
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == ref })
			chosen = append(chosen, pms.Property{Ref: ref, Name: nameOf(r), Zone: p.cfg.settings(ref).Zone})
		}
	}
	p.snap.Properties = chosen
	if err == nil && len(chosen) == 0 {
		p.snap.Incomplete("no active property was read")
	}
	if err == nil && len(missing) > 0 {
		p.snap.Incomplete("not among the active properties of the account: " + strings.Join(missing, ", "))
	}
	return chosen, err
}

// byRef puts a property's id in the place of its name, where exactly one active property has that name and none that id.
func byRef(wanted []string, rows []propertyRow) []string {
	out := slices.Clone(wanted)
	for i, w := range out {
		var named []string
		for _, r := range rows {
			if r.IsActive.yes(true) && nameOf(r) == w {
				named = append(named, r.PropertyID.id())
			}
		}
		if len(named) == 1 && !slices.ContainsFunc(rows, func(r propertyRow) bool { return r.PropertyID.id() == w }) {
			out[i] = named[0]
		}
	}
	return out
}

// offer lists an active property that nobody chose (row A1).
func (p *pull) offer(r propertyRow) {
	p.snap.Skip(0, pms.SkippedProperty, r.PropertyID.id(), fmt.Sprintf("%.80q is active in the PMS and not chosen here", nameOf(r)))
}

func nameOf(r propertyRow) string {
	if r.Name.s == "" {
		return r.ShortName.s
	}
	return r.Name.s
}

// readProperty reads one property's units and tenants. After an error the units read before it are
// kept, tenants only as a whole list.
func (p *pull) readProperty(ctx context.Context, prop pms.Property, want pms.Request) error {
	units, err := p.proven(ctx, unitsQuery(prop.Ref), !want.Partial())
	b := p.newBuilder(prop, want.Unit)
	b.addUnits(rowsOf[unitRow](p, units, "unit"))
	if err != nil {
		return err
	}
	tenants, err := p.tenants(ctx, prop.Ref, want)
	b.read(rowsOf[tenantRow](p, tenants, "tenant"))
	if err != nil {
		return err
	}
	if err := b.findFields(ctx); err != nil {
		return err
	}
	b.add()
	return nil
}

// tenants reads a property's tenants, all of them for every request. The vendor can filter by
// UpdateDate, but whether a change of a contact, a phone or a user-defined value counts as one of
// its tenant is not known (§1.2, [U]), half of a transfer cannot be told from a newcomer, and in a
// part of a column lost zeros do not show.
func (p *pull) tenants(ctx context.Context, property string, want pms.Request) (listing, error) {
	if !want.Since.IsZero() {
		p.snap.Because("all tenants of property " + property + " were read: the vendor's changes since an instant leave changed contacts and fields out")
	}
	return p.proven(ctx, tenantsQuery(property), !want.Partial())
}

// Location is one of the vendor's locations that the account may see.
type Location struct {
	ID   int
	Name string
}

// Locations lists the account's locations, for setting up. Errors are those of Pull.
func (c *Connector) Locations(ctx context.Context) ([]Location, error) {
	var out []Location
	err := c.inTurn(ctx, func(p *pull) error {
		l, err := p.walk(ctx, locationsQuery(), p.cfg.PageSize)
		for _, r := range decode[locationRow](l.rows) {
			var id int
			if _, scan := fmt.Sscanf(r.LocationID.id(), "%d", &id); scan == nil {
				out = append(out, Location{ID: id, Name: r.Name.s})
			}
		}
		return err
	})
	return out, err
}
