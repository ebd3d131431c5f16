package cloud

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/cloud/internal/config"
	"gatehouse/cloud/internal/console"
	"gatehouse/cloud/internal/intake"
	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pki"
	"gatehouse/cloud/internal/publish"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is the cloud's file; see LoadConfig.
type Config = config.Config

// LoadConfig reads the cloud's file; "" gives the defaults.
func LoadConfig(path string) (Config, error) { return config.Load(path) }

// Deps is what the cloud is given from outside.
type Deps struct {
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
	Version string
}

// Cloud is an opened cloud: its store and its keys. Several processes may have one on the same
// state directory at once, so that an import need not stop the service.
type Cloud struct {
	ctx   context.Context // of Open: bounds what the broker's hook asks
	cfg   Config
	deps  Deps
	log   *slog.Logger
	now   func() time.Time
	store *store.Store
	ca    *pki.Authority
}

// Open opens the state directory, making what is missing, brings the database up to date and takes
// over the properties of the configuration. Close it at the end.
func Open(ctx context.Context, cfg Config, deps Deps) (*Cloud, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	c := &Cloud{ctx: ctx, cfg: cfg, deps: deps, log: deps.Log, now: deps.Now}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "make", cfg.StateDir, "%w", err).WithRemedy("Set state_dir to a directory this program may write.")
	}
	key, err := store.LoadKey(filepath.Join(cfg.StateDir, "cloud.key"))
	if err != nil {
		return nil, err
	}
	if c.ca, err = pki.Open(filepath.Join(cfg.StateDir, "pki"), deps.Now); err != nil {
		return nil, err
	}
	if c.store, err = store.Open(ctx, cfg.Database, key, deps.Log); err != nil {
		return nil, err
	}
	if err := c.configure(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close closes the store.
func (c *Cloud) Close() error { return c.store.Close() }

// configure takes over what the configuration says of properties, and lets their gateways follow.
func (c *Cloud) configure(ctx context.Context) error {
	for i := range c.cfg.Properties {
		p := &c.cfg.Properties[i]
		doors, groups := p.Places()
		err := c.store.Update(ctx, func(tx *store.Tx) error {
			ref, err := c.refOf(ctx, p)
			if err != nil {
				return err
			}
			if err := tx.UpsertProperty(ctx, model.Property{Property: p.Access(), Origin: c.origin(p), Ref: ref, Settings: p.Settings()}); err != nil {
				return err
			}
			if err := tx.SetDoors(ctx, p.ID, doors); err != nil {
				return err
			}
			return tx.SetGroups(ctx, p.ID, groups)
		})
		if err != nil {
			return err
		}
		if err := c.Decide(ctx, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// refOf is what the source calls the property: as configured, else as the first import showed.
func (c *Cloud) refOf(ctx context.Context, p *config.Property) (string, error) {
	if p.Source != "" {
		return p.Source, nil
	}
	all, err := c.store.Properties(ctx)
	for _, known := range all {
		if known.ID == p.ID {
			return known.Ref, err
		}
	}
	return "", err
}

func (c *Cloud) property(id access.PropertyID) (*config.Property, error) {
	for i := range c.cfg.Properties {
		if c.cfg.Properties[i].ID == id {
			return &c.cfg.Properties[i], nil
		}
	}
	return nil, fault.New(fault.Invalid, "look up", "property", "%q is not in the configuration; %s", id, c.known()).
		WithRemedy("Add a [[property]] table with id, name, zone and doors to the file given with --config.")
}

// known names the properties that there are.
func (c *Cloud) known() string {
	var ids []string
	for i := range c.cfg.Properties {
		ids = append(ids, string(c.cfg.Properties[i].ID))
	}
	if len(ids) == 0 {
		return "there is none"
	}
	return "there are: " + strings.Join(ids, ", ")
}

// decideEvery is how often every property is decided anew, so that people long gone leave the
// gateways although nothing else changed.
const decideEvery = 6 * time.Hour

// Serve runs everything until ctx ends: broker (unless the configuration names one beside the cloud), publisher, intake,
// page. A broker that is not reached, or does not let the cloud in, ends nothing: the page says so and it is tried again.
func (c *Cloud) Serve(ctx context.Context) error {
	sources, err := c.sources()
	if err != nil {
		return err
	}
	at, err := c.startBroker()
	if err != nil {
		return err
	}
	in, pub, link, err := c.join(at.address, at.name)
	if err != nil {
		return errors.Join(err, at.stop())
	}
	ln, err := net.Listen("tcp", c.cfg.Listen)
	if err != nil {
		return errors.Join(fault.New(fault.Invalid, "listen on", c.cfg.Listen, "%w", err).WithRemedy("Choose another address with listen, or stop the program that uses this one."), at.stop())
	}
	c.log.Info("cloud runs", "page", "http://"+ln.Addr().String(), "broker", strings.TrimPrefix(at.address, "tls://"), "embedded", c.cfg.Broker == "", "properties", len(c.cfg.Properties))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return link.Run(ctx) })
	g.Go(func() error { return in.Run(ctx) })
	g.Go(func() error { return pub.Run(ctx) })
	g.Go(func() error { return c.tend(ctx) })
	g.Go(func() error { return c.expel(ctx, at.recheck) })
	g.Go(func() error { return c.servePage(ctx, ln, c.console(link), c.metrics(in, link)) })
	for _, src := range sources {
		g.Go(func() error { return c.schedule(ctx, src) })
	}
	return errors.Join(g.Wait(), at.stop())
}

// join makes intake, publisher and the connection to the broker, and ties them together.
func (c *Cloud) join(address, name string) (*intake.Intake, *publish.Publisher, *brokerlink.Link, error) {
	var link *brokerlink.Link
	pub := c.publisher(0, func(ctx context.Context, topic string, payload []byte) error { return link.Send(ctx, topic, payload) })
	in := intake.New(intake.Config{Store: intakeCloud{intakeStore{c.store}, c}, Answers: pub, Now: c.now, Log: c.log})
	cfg, err := c.linkConfig(address, name, in, pub.Forget)
	if err == nil {
		link, err = brokerlink.New(cfg)
	}
	return in, pub, link, err
}

// publisher makes a publisher that hears of what this process commits at once, and of what others do every poll (0: the
// publisher's own).
func (c *Cloud) publisher(poll time.Duration, send func(context.Context, string, []byte) error) *publish.Publisher {
	pub := publish.New(publish.Config{Store: publishStore{c.store}, Signer: c.signer, Now: c.now, Log: c.log, Poll: poll, Send: send})
	c.store.OnChange(pub.Wake)
	return pub
}

func (c *Cloud) tend(ctx context.Context) error {
	tick := time.NewTicker(decideEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, p := range c.cfg.Properties {
				if err := c.Decide(ctx, p.ID); err != nil {
					c.log.Error("a property could not be decided anew", "property", string(p.ID), "err", err)
				}
			}
		}
	}
}

// ownHost refuses requests for other hosts while the page listens on loopback: it shows names and
// has no login yet, and a web page elsewhere could reach it under a name that resolves to here.
func ownHost(at net.Addr, h http.Handler) http.Handler {
	if tcp, ok := at.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "This page listens for its own machine only; open it as http://"+at.String(), http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// console is what people see. Without a link nothing is said of the broker.
func (c *Cloud) console(link *brokerlink.Link) http.Handler {
	o := console.Options{Now: c.now, Version: c.deps.Version}
	if link != nil {
		o.Broker = func() console.Broker { return c.brokerView(link) }
	}
	return console.New(reader{c}, reader{c}, o, c.log)
}

func (c *Cloud) servePage(ctx context.Context, ln net.Listener, page, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := c.store.Changes(r.Context()); err != nil {
			http.Error(w, "store: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // the client hung up; nobody to tell
	})
	s := &http.Server{Handler: ownHost(ln.Addr(), mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // reading is all anybody does
	defer stop()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
