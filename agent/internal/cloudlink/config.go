package cloudlink

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config says who the gateway is, whom it trusts and where the broker is.
type Config struct {
	Gateway     access.GatewayID // also the MQTT client id and the common name of the certificate
	Broker      string           // tls://host:port; tcp://host:port only on loopback
	ServerName  string           // name the broker's certificate must have; empty: the host in Broker
	CA          *x509.CertPool   // who may sign the broker's certificate; nil: the system's
	Certificate func() (tls.Certificate, error)
	Signing     ed25519.PrivateKey // the gateway's, for what goes up
	Sealing     *ecdh.PrivateKey   // the gateway's, X25519, for what comes down
	Also        []*ecdh.PrivateKey // further sealing keys, while one takes another's place
	Trusted     []ed25519.PublicKey
	Software    string // version of this program
	Boot        string // boot id of the box
	// Before is at least how many connections earlier processes of the same boot made: connections are numbered after
	// it, or a gateway that was killed would announce itself under numbers that its cloud takes for old.
	Before uint64
	Limits Limits
}

// Limits are the link's intervals. A zero takes the default.
type Limits struct {
	Hello     time.Duration // between hellos while all is well: 5 min. Three without an answer cost the connection
	Urgent    time.Duration // least time between two hellos when something is missing, doubled while it does not help: 2 s
	Transit   time.Duration // how long a message may have been under way, judged by a trusted clock: 10 min
	Receipt   time.Duration // when events, or a hello, are sent again for want of an answer, doubled while it does not help: 30 s
	Connect   time.Duration // for one attempt to connect: 20 s
	Write     time.Duration // for one write to the network: 15 s
	PubAck    time.Duration // for the broker to take a message: 30 s
	KeepAlive time.Duration // MQTT keep-alive, whole seconds: 30 s
	Ping      time.Duration // for the answer to a ping: 10 s
	Retry     time.Duration // a random wait up to this before the second attempt, doubled up to RetryMax: 30 s
	RetryMax  time.Duration // 2 min
	Short     time.Duration // a connection lost sooner than this was taken away: 10 s
	Farewell  time.Duration // for saying goodbye: 1 s
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Hello, 5 * time.Minute}, {&l.Urgent, 2 * time.Second}, {&l.Transit, 10 * time.Minute}, {&l.Receipt, 30 * time.Second},
		{&l.Connect, 20 * time.Second}, {&l.Write, 15 * time.Second}, {&l.PubAck, 30 * time.Second},
		{&l.KeepAlive, 30 * time.Second}, {&l.Ping, 10 * time.Second}, {&l.Retry, 30 * time.Second},
		{&l.RetryMax, 2 * time.Minute}, {&l.Short, 10 * time.Second}, {&l.Farewell, time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, "set up", "cloud link", format, args...)
}

// check refuses a configuration that cannot work and returns the broker's address.
func (c Config) check() (*url.URL, error) {
	broker, err := url.Parse(c.Broker)
	switch {
	case !access.ValidID(string(c.Gateway)):
		return nil, invalid("gateway id %q", c.Gateway)
	case err != nil || broker.Host == "" || broker.Port() == "":
		return nil, invalid("broker %q: want tls://host:port", c.Broker)
	case broker.Scheme != "tls" && broker.Scheme != "tcp":
		return nil, invalid("broker %q: want tls://host:port", c.Broker)
	case broker.Scheme == "tcp" && !loopback(broker.Hostname()):
		return nil, invalid("broker %q: tcp:// is for loopback only, use tls://host:port", c.Broker)
	case broker.Scheme == "tls" && c.Certificate == nil:
		return nil, invalid("no client certificate for %s", c.Broker)
	}
	return broker, c.keys().check()
}

func (c Config) keys() Keys {
	return Keys{Signing: c.Signing, Sealing: c.Sealing, Also: c.Also, Trusted: c.Trusted}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
