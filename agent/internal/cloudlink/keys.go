package cloudlink

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"time"

	"gatehouse/protocol"
)

// Keys are what a link signs with, opens with and trusts. They change as a whole, while it runs.
type Keys struct {
	Signing ed25519.PrivateKey
	Sealing *ecdh.PrivateKey
	Also    []*ecdh.PrivateKey // also opened with, while one key takes another's place
	Trusted []ed25519.PublicKey
}

func (k Keys) check() error {
	switch {
	case len(k.Signing) != ed25519.PrivateKeySize:
		return invalid("no signing key")
	case k.Sealing == nil:
		return invalid("no sealing key")
	case len(k.Trusted) == 0:
		return invalid("no key of the cloud is trusted")
	}
	return nil
}

// SetKeys changes the keys for every message from now on. Keys with which nothing could be sent or opened any more are
// refused and those before stay. A certificate (Config.Certificate) is used from the next connection. It may be called
// from any goroutine, also from within Wanted.Apply.
func (l *Link) SetKeys(k Keys) error {
	if err := k.check(); err != nil {
		return err
	}
	l.keys.Store(&k)
	return nil
}

func (l *Link) opener() protocol.Opener {
	k := l.keys.Load()
	return protocol.Opener{Gateway: l.cfg.Gateway, Trusted: k.Trusted, Sealing: k.Sealing, Also: k.Also}
}

// SetIntervals changes how often a hello leaves and the longest wait between two attempts to connect; zero takes the
// default. It may be called from any goroutine, at any time.
func (l *Link) SetIntervals(hello, reconnect time.Duration) {
	limits := l.cfg.Limits
	limits.Hello, limits.RetryMax = hello, reconnect
	limits = limits.withDefaults()
	limits.Retry = min(limits.Retry, limits.RetryMax)
	l.limits.Store(&limits)
	now := l.deps.Now()
	l.want(func(t *todo) { t.paced = now })
}

// Greet makes a hello leave as soon as the limit on urgent ones allows it: there is something to tell.
func (l *Link) Greet() { l.want(func(t *todo) { t.greet = true }) }
