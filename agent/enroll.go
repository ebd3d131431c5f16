package agent

import (
	"cmp"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"gatehouse/agent/internal/cloudlink"
	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// keys are the gateway's own private keys. They are made here and never leave the box.
type keys struct {
	TLS     []byte `json:"tls"`     // PKCS #8
	Signing []byte `json:"signing"` // Ed25519 seed
	Sealing []byte `json:"sealing"` // X25519

	Certificate string    `json:"certificate,omitempty"` // PEM, newer than the bundle's; "": the bundle's holds
	Next        *keys     `json:"next,omitempty"`        // are to take these ones' place
	Old         []byte    `json:"old,omitempty"`         // the sealing key before, for what was under way
	Since       time.Time `json:"since,omitzero"`        // when these took the place of others
	Past        [][]byte  `json:"past,omitempty"`        // public keys that signed before, the newest last
}

const (
	blobKeys      = "keys"
	blobBundle    = "bundle"
	blobCloudKeys = "cloud_keys" // newer than the bundle's
)

// identity is who the gateway is. What may change while it runs is in its ring.
type identity struct {
	bundle protocol.EnrollBundle
	ca     *x509.CertPool
	ring   atomic.Pointer[ring]
}

// ring is what the gateway holds and trusts at one time; it is never changed, only replaced.
type ring struct {
	cert    tls.Certificate
	signing ed25519.PrivateKey
	sealing *ecdh.PrivateKey
	also    []*ecdh.PrivateKey // opened with too
	trusted []ed25519.PublicKey
	past    []ed25519.PublicKey // signed checkpoints before
}

// Enrolled is the gateway and the property that a box at rest is enrolled as; "" and "" when it is not.
func Enrolled(cfg config.Config, log *slog.Logger) (gw access.GatewayID, at access.PropertyID, err error) {
	err = withSite(cfg, log, func(s *store.Site) error {
		if id, err := loadIdentity(s); err == nil && id != nil { // what cannot be read needs a new bundle
			gw, at = id.bundle.Gateway, id.bundle.Property
		}
		return nil
	})
	return gw, at, err
}

// EnrollRequest makes the gateway's keys, unless there are some, and returns the request that
// `gatehouse-cloud gateway add` takes. Asking again gives the same keys, so that a lost file is no
// trouble; keys that cannot be read are lost, and new ones take their place. The agent must not be
// running.
func EnrollRequest(cfg config.Config, log *slog.Logger) (request []byte, err error) {
	err = withSite(cfg, log, func(s *store.Site) error {
		k, err := loadKeys(s)
		if bad, rest := split(err); len(bad) > 0 && rest == nil {
			log.Error("the gateway's keys cannot be read: new ones are made, and the gateway needs a new bundle", "err", err)
		} else if err != nil {
			return err
		}
		if k == nil {
			if k, err = makeKeys(); err != nil {
				return err
			}
			if err := saveJSON(s, blobKeys, k); err != nil {
				return err
			}
		}
		request, err = k.request()
		return err
	})
	return request, err
}

// EnrollAccept keeps the cloud's bundle. It refuses one that was made for other keys, or for
// another gateway than this one already is. The agent must not be running.
func EnrollAccept(cfg config.Config, raw []byte, log *slog.Logger) (protocol.EnrollBundle, error) {
	b, err := protocol.ParseEnrollBundle(raw)
	if err != nil {
		return b, err
	}
	return b, withBox(cfg, log, func(x *box) error {
		s := x.site
		k, err := loadKeys(s)
		if err != nil {
			return err
		}
		if k == nil {
			return fault.New(fault.Conflict, "accept", "bundle", "this gateway has made no request").
				WithRemedy("Begin with: gatehouse-agent enroll request --out FILE")
		}
		k.Certificate = "" // the bundle's is newer
		id, err := k.identity(b, nil)
		if err != nil {
			return err
		}
		// What the link would refuse later would keep the agent from starting: find it now.
		if _, err := cloudlink.New(id.link(), cloudlink.Deps{}, log); err != nil {
			return fault.Wrap(fault.Invalid, "accept", "bundle", err)
		}
		old, err := loadIdentity(s)
		if err == nil && old != nil && old.bundle.Gateway != b.Gateway {
			return fault.New(fault.Conflict, "accept", "bundle", "it is for %s and this gateway is %s already", b.Gateway, old.bundle.Gateway).
				WithRemedy("To make this box another gateway, stop the agent and give it an empty state directory.")
		}
		if b.Replaces != nil && old == nil { // else it took the place before
			if err := errors.Join(x.succeed(*b.Replaces), x.inherit(cfg, *b.Replaces)); err != nil {
				return err
			}
		}
		if err := errors.Join(saveJSON(s, blobBundle, b), saveJSON(s, blobKeys, k), s.SaveBlob(blobCloudKeys, nil)); err != nil {
			return err
		}
		return s.Snapshot() // keys and bundle exist nowhere else
	})
}

func withSite(cfg config.Config, log *slog.Logger, f func(*store.Site) error) error {
	return withBox(cfg, log, func(b *box) error { return f(b.site) })
}

func withBox(cfg config.Config, log *slog.Logger, f func(*box) error) error {
	if err := lasting(cfg, log); err != nil {
		return err
	}
	b, err := openBox(cfg.StateDir, hostSource(), nil, log)
	if errors.Is(err, store.ErrHeld) {
		return fault.New(fault.Conflict, "change keys in", cfg.StateDir, "the agent is running, and this needs it at rest").
			WithRemedy("Stop it (gatehouse-agent stop), run this command again, then start it (gatehouse-agent start); doors stay as they are meanwhile.")
	}
	if err != nil {
		return err
	}
	err = f(b)
	if cerr := b.Close(); err == nil {
		err = cerr
	}
	return err
}

func makeKeys() (*keys, error) {
	t, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(t)
	if err != nil {
		return nil, err
	}
	_, sign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	seal, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &keys{TLS: der, Signing: sign.Seed(), Sealing: seal.Bytes()}, nil
}

func loadKeys(s *store.Site) (*keys, error) {
	raw, err := s.Blob(blobKeys)
	if err != nil || raw == nil {
		return nil, err
	}
	var k keys
	if err = json.Unmarshal(raw, &k); err == nil && !k.whole() {
		err = errors.New("one of them has a wrong length")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "read", "the gateway's keys", err)
	}
	return &k, nil
}

// whole says that the library will take the signing keys: it panics at others.
func (k *keys) whole() bool {
	return len(k.Signing) == ed25519.SeedSize && (k.Next == nil || k.Next.whole())
}

func (k *keys) request() ([]byte, error) {
	csr, err := k.csr()
	if err != nil {
		return nil, err
	}
	seal, err := ecdh.X25519().NewPrivateKey(k.Sealing)
	if err != nil {
		return nil, err
	}
	r := protocol.NewEnrollRequest(csr, ed25519.NewKeyFromSeed(k.Signing), seal.PublicKey())
	return json.MarshalIndent(r, "", "  ")
}

// csr is the request for a certificate of the TLS key, in PEM.
func (k *keys) csr() (string, error) {
	t, err := x509.ParsePKCS8PrivateKey(k.TLS)
	if err != nil {
		return "", err
	}
	// Without a random source ECDSA signs as RFC 6979 says: the same keys give the same file.
	csr, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "new gateway"}}, t)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), nil
}

// identity joins the keys and a bundle, and checks that they belong together. cloud are the keys of
// the cloud that took the place of the bundle's; nil: none did.
func (k *keys) identity(b protocol.EnrollBundle, cloud [][]byte) (*identity, error) {
	id := &identity{bundle: b, ca: x509.NewCertPool()}
	if !id.ca.AppendCertsFromPEM([]byte(b.CA)) {
		return nil, fault.New(fault.Invalid, "accept", "bundle", "it holds no CA certificate")
	}
	if cloud == nil {
		cloud = b.CloudKeys
	}
	r, err := k.ring(cmp.Or(k.Certificate, b.Certificate), cloud)
	if err != nil {
		return nil, err
	}
	id.ring.Store(r)
	return id, nil
}

// loadIdentity reads who the gateway is; nil before enrolment.
func loadIdentity(s *store.Site) (*identity, error) {
	raw, err := s.Blob(blobBundle)
	if err != nil || raw == nil {
		return nil, err
	}
	b, err := protocol.ParseEnrollBundle(raw)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(s)
	if err != nil || k == nil {
		return nil, err
	}
	var cloud [][]byte
	if raw, err = s.Blob(blobCloudKeys); err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &cloud)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "read", "the cloud's keys", err)
	}
	return k.identity(b, cloud)
}
