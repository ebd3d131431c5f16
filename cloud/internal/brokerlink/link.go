// Package brokerlink is the cloud's own connection to the MQTT broker, be it the embedded one or one that stands
// beside the cloud. It connects, listens to every gateway, makes sure that it really hears, and does so again
// whenever the connection ends, until its context does.
//
// It stands apart from publish and intake because they know the contract and no MQTT client, and apart from the
// broker because with an outside one there is none. Only the assembly imports it.
//
// # How it knows that it hears
//
// A subscription that is not allowed need not be refused: the access list of Mosquitto 2.0 is asked about each message
// and not about filters, so it grants every subscription and delivers nothing. So the link sends test messages into the
// branch of its own name, which no gateway can have, and calls itself connected only when they come back through both
// subscriptions. It repeats that, because a broker's rules can change under an open connection.
//
// # One client a connection
//
// A paho client is used for one connection and never reconnects: what was under way when a connection broke is decided
// anew by the publisher, and every wait is ours, so that it ends with its context.
package brokerlink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is what a Link is made of.
type Config struct {
	Address     string          // of the broker, tls://host:port
	ServerName  string          // the name in the broker's certificate; "": the host of Address
	CA          *x509.CertPool  // whom the broker's certificate must be from
	Certificate tls.Certificate // the cloud's own, as a client
	Name        string          // its common name and the client id
	// Receive is given every message of a gateway. It must not block, and may keep the payload.
	Receive func(topic string, payload []byte)
	// Kept is given, instead of Receive, what was said before the link listened and the broker kept: statuses, on every
	// connection anew. By the rules of Receive; nil: Receive.
	Kept func(topic string, payload []byte)
	// Fresh is called once on every new connection, after the first try to subscribe: what was under way on the
	// one before may be lost. It must not block.
	Fresh  func()
	Now    func() time.Time
	Log    *slog.Logger
	Limits Limits
}

// Limits are the link's patience. A zero field means the value written here.
type Limits struct {
	Connect   time.Duration // for one attempt to connect: 20 s
	Answer    time.Duration // for the broker to answer a subscription or take a message: 15 s
	Echo      time.Duration // for a test message to come back: 5 s
	EchoEvery time.Duration // between tests while all is well: 1 min
	Again     time.Duration // before the next try to be heard, doubled up to AgainMax: 2 s
	AgainMax  time.Duration // 30 s
	Look      time.Duration // between looks at a broker's certificate that ends soon: 1 h
	Retry     time.Duration // before the next connection, doubled up to RetryMax, a part of it random: 1 s
	RetryMax  time.Duration // 10 s
}

func (l Limits) withDefaults() Limits {
	for field, value := range map[*time.Duration]time.Duration{
		&l.Connect: 20 * time.Second, &l.Answer: 15 * time.Second, &l.Echo: 5 * time.Second, &l.EchoEvery: time.Minute,
		&l.Again: 2 * time.Second, &l.AgainMax: 30 * time.Second, &l.Look: time.Hour, &l.Retry: time.Second, &l.RetryMax: 10 * time.Second,
	} {
		if *field == 0 {
			*field = value
		}
	}
	return l
}

// State is how the link is.
type State struct {
	Connected bool      // the link hears, through the broker, what is said to the cloud
	Since     time.Time // of Connected; zero: Run has not begun
	Err       error     // why not connected, a fault with a remedy; nil: connected, or the first attempt is under way
	// CertificateEnds is the end of the broker's certificate as last seen; zero: none was seen.
	CertificateEnds time.Time
}

// Link is the connection. Make it with New and give Run one goroutine; Send and State may be called from any.
type Link struct {
	cfg    Config
	broker *url.URL

	mu      sync.Mutex
	state   State
	session *session // nil without a connection
	test    *test    // nil without one under way
	told    string   // the last failure that was logged
	warned  time.Time
	looked  time.Time // when the broker's certificate was seen last
}

// New makes a link. An address that is not tls://host:port, or a name that cannot be a client's, is Invalid.
func New(cfg Config) (*Link, error) {
	broker, err := url.Parse(cfg.Address)
	if err != nil || broker.Scheme != "tls" || broker.Hostname() == "" || broker.Port() == "" {
		return nil, fault.New(fault.Invalid, "join", "broker", "the address is %q, want tls://host:port", cfg.Address)
	}
	if !access.ValidID(cfg.Name) {
		return nil, fault.New(fault.Invalid, "join", "broker", "%q cannot be a client's name", cfg.Name)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = broker.Hostname()
	}
	cfg.Limits = cfg.Limits.withDefaults()
	return &Link{cfg: cfg, broker: broker}, nil
}

// Address is the broker's address as configured.
func (l *Link) Address() string { return l.cfg.Address }

// State is how the link is now.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// briefConnection is one that was lost so soon that somebody else may have taken it: a broker lets a name in once.
const briefConnection = 10 * time.Second

// Run keeps the link up until ctx ends, which it takes at once, and returns nil then. It fails for no other reason.
func (l *Link) Run(ctx context.Context) error {
	l.set(func(s *State) { s.Since = l.cfg.Now() })
	pause, brief := l.cfg.Limits.Retry, 0
	for ctx.Err() == nil {
		if l.attempt(ctx, &brief) {
			pause = l.cfg.Limits.Retry
		}
		sleep(ctx, pause/2+rand.N(pause/2+1))
		pause = min(2*pause, l.cfg.Limits.RetryMax)
	}
	l.set(func(s *State) { s.Connected, s.Since = false, l.cfg.Now() })
	return nil
}

// attempt is one connection. It notes why it ended, and says whether anything was ever heard on it. brief counts those in
// a row that were good and lost at once.
func (l *Link) attempt(ctx context.Context, brief *int) (heard bool) {
	began := time.Now()
	heard, err := l.once(ctx)
	if *brief++; !heard || time.Since(began) > briefConnection {
		*brief = 0
	}
	if ctx.Err() == nil {
		l.fail(l.explain(err, *brief))
	}
	return heard
}

// once is one connection from its first byte to its end, and why it ended.
func (l *Link) once(ctx context.Context) (heard bool, err error) {
	s, err := l.dial(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	l.mu.Lock()
	l.session = s
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.session = nil
		l.mu.Unlock()
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	heard, err = l.listen(ctx, s)
	if fault.KindOf(err) != fault.Denied {
		err = context.Cause(s.ctx)
	}
	return heard, err
}

// Send publishes and returns when the broker has it. While there is no connection it fails at once, Unreachable: what to
// send is decided anew later. After a Timeout the broker may have it.
func (l *Link) Send(ctx context.Context, topic string, payload []byte) error {
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s == nil {
		return fault.New(fault.Unreachable, "publish", topic, "no connection to the broker")
	}
	return fault.Wrap(fault.Unreachable, "publish", topic, s.publish(ctx, topic, payload))
}

func (l *Link) set(change func(*State)) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	return l.state
}

// hears notes that the link hears, and says so when that is news.
func (l *Link) hears() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = ""
	if l.state.Connected {
		return
	}
	l.state.Connected, l.state.Since, l.state.Err = true, l.cfg.Now(), nil
	l.cfg.Log.Info("connected to the broker", "broker", l.cfg.Address, "certificate_ends", l.state.CertificateEnds)
}

// fail notes why the link does not hear. It is logged once, and again when the reason is another.
func (l *Link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.Connected {
		l.state.Connected, l.state.Since = false, l.cfg.Now()
	}
	l.state.Err = err
	if l.told == err.Error() {
		return
	}
	l.told = err.Error()
	say := l.cfg.Log.Error
	if fault.Retry(fault.KindOf(err)) {
		say = l.cfg.Log.Warn
	}
	say("not connected to the broker; gateways go on with what they have, and it is tried again",
		"broker", l.cfg.Address, "err", err, "remedy", fault.RemedyOf(err))
}

// sleep waits, and reports whether the whole time passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
