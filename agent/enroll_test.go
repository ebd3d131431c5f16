package agent

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestG7_RequestMakesKeysOnceAndTellsPublicPartsOnly.
func TestG7_RequestMakesKeysOnceAndTellsPublicPartsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, err := EnrollRequest(h.cfg, quiet())
	must(t, err)
	again, err := EnrollRequest(h.cfg, quiet())
	must(t, err)
	if !bytes.Equal(first, again) {
		t.Error("the second request is another file than the first")
	}
	a, csr, err := protocol.ParseEnrollRequest(first)
	must(t, err)
	k := h.keys()
	sealing, err := ecdh.X25519().NewPrivateKey(k.Sealing)
	must(t, err)
	tls, err := x509.ParsePKCS8PrivateKey(k.TLS)
	must(t, err)
	if !bytes.Equal(a.Signing, prototest.Public(ed25519.NewKeyFromSeed(k.Signing))) || !bytes.Equal(a.Sealing, sealing.PublicKey().Bytes()) ||
		!tls.(*ecdsa.PrivateKey).PublicKey.Equal(csr.PublicKey) {
		t.Error("the request does not name the gateway's own keys")
	}
	for name, secret := range h.secretKeys(k) {
		for _, dress := range dresses(secret) {
			if bytes.Contains(first, dress) {
				t.Errorf("the request holds the %s key", name)
			}
			for file, text := range files(t, h.cfg.StateDir) {
				if bytes.Contains(text, dress) {
					t.Errorf("%s holds the %s key in clear", file, name)
				}
			}
		}
	}
}

// secretKeys are the private bytes alone, without what wraps them.
func (h *house) secretKeys(k *keys) map[string][]byte {
	h.t.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(k.TLS)
	must(h.t, err)
	scalar, err := parsed.(*ecdsa.PrivateKey).Bytes()
	must(h.t, err)
	return map[string][]byte{"TLS": scalar, "signing": k.Signing, "sealing": k.Sealing}
}

// dresses are the ways in which bytes are usually written. Base64 depends on what stands before them.
func dresses(secret []byte) [][]byte {
	out := [][]byte{secret, []byte(hex.EncodeToString(secret))}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		out = append(out, []byte(text[4:len(text)-4]))
	}
	return out
}

// TestG7_AcceptRefuses goes through every bundle that is not for this gateway, and shows that none is kept.
func TestG7_AcceptRefuses(t *testing.T) {
	t.Parallel()
	h, other := newHouse(t), newHouse(t)
	req, strange := h.request("gw-1"), other.request("gw-9")
	cloud := prototest.NewSigningKey(t)
	change := func(f func(*protocol.EnrollBundle)) []byte { return h.bundle(req, cloud, f) }
	tests := []struct {
		name   string
		bundle []byte
		kind   fault.Kind
		says   string
	}{
		{"another gateway's", other.bundle(strange, cloud, nil), fault.Conflict, "not for this gateway's key"},
		{"made for other keys", h.bundle(strange, cloud, nil), fault.Conflict, "not for this gateway's key"},
		{"garbage", []byte("\x00\x01nonsense"), fault.Invalid, "no file made by"},
		{"nothing", nil, fault.Invalid, "no file made by"},
		{"our own request", mustJSON(t, req), fault.Invalid, "no file made by"},
		{"a newer form", change(func(b *protocol.EnrollBundle) { b.Form = "gatehouse enroll bundle v2" }), fault.Invalid, "no file made by"},
		{"oversized", change(func(b *protocol.EnrollBundle) { b.CA += strings.Repeat("\n", protocol.MaxBundle) }), fault.Invalid, "no file made by"},
		{"another name", change(func(b *protocol.EnrollBundle) { b.Gateway = "gw-2" }), fault.Invalid, `for "gw-1"`},
		{"without a signing key", change(func(b *protocol.EnrollBundle) { b.CloudKeys = nil }), fault.Invalid, "no signing key"},
		{"with half a signing key", change(func(b *protocol.EnrollBundle) { b.CloudKeys[0] = b.CloudKeys[0][:16] }), fault.Invalid, "16 bytes"},
		{"without an authority", change(func(b *protocol.EnrollBundle) { b.CA = "" }), fault.Invalid, "authority"},
		{"a broker without TLS", change(func(b *protocol.EnrollBundle) { b.Broker = "tcp://broker.example.com:1883" }), fault.Invalid, "tls://"},
		{"a broker without a port", change(func(b *protocol.EnrollBundle) { b.Broker = "tls://broker.example.com" }), fault.Invalid, "tls://host:port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := EnrollAccept(h.cfg, tt.bundle, quiet())
			if fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v: %v, want %v with %q", fault.KindOf(err), err, tt.kind, tt.says)
			}
		})
	}
	if a, err := New(t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()}); err != nil || a.box.id != nil {
		t.Errorf("after nothing but refusals the gateway is %+v, %v", a.box.id, err)
	} else {
		must(t, a.Close())
	}
}

// TestG7_AcceptKeepsAGatewayWhatItIs: a good bundle works, a renewed one too, one for another gateway never again.
func TestG7_AcceptKeepsAGatewayWhatItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cloud := prototest.NewSigningKey(t)
	h.gw.ID = "gw-1"
	if _, err := EnrollAccept(h.cfg, newHouse(t).bundleOfAnybody(cloud), quiet()); fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.RemedyOf(err), "enroll request") {
		t.Errorf("a bundle before any request: %v; %s", err, fault.RemedyOf(err))
	}
	req := h.request("gw-1")
	for range 2 { // again, as a renewal
		b, err := EnrollAccept(h.cfg, h.bundle(req, cloud, nil), quiet())
		if err != nil || b.Gateway != "gw-1" || b.Property != "maple" {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	h.gw.ID = "gw-2"
	_, err := EnrollAccept(h.cfg, h.bundle(req, cloud, nil), quiet())
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "gw-1 already") {
		t.Errorf("a bundle that makes it another gateway: %v", err)
	}
	a, err := New(t.Context(), h.cfg, Deps{Log: quiet(), Source: trusted()})
	must(t, err)
	defer func() { must(t, a.Close()) }()
	if id := a.box.id; id == nil || id.bundle.Gateway != "gw-1" || len(id.ring.Load().trusted) != 1 || a.link == nil {
		t.Errorf("the gateway is %+v", a.box.id)
	}
}

// bundleOfAnybody is a bundle for a gateway of no importance.
func (h *house) bundleOfAnybody(cloud ed25519.PrivateKey) []byte {
	return h.bundle(h.request("gw-8"), cloud, nil)
}

// TestEnrollWhereNothingCanBeWritten: a file stands where the directory should be, which stops root too.
func TestEnrollWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wall := filepath.Join(t.TempDir(), "wall")
	must(t, os.WriteFile(wall, nil, 0o600))
	h.cfg.StateDir = filepath.Join(wall, "state")
	_, err := EnrollRequest(h.cfg, quiet())
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), h.cfg.StateDir) || !strings.Contains(fault.RemedyOf(err), "state_dir") {
		t.Errorf("%v; %s", err, fault.RemedyOf(err))
	}
}

// TestEnrollBesideARunningAgent: the files have one owner, and the error says who that probably is.
func TestEnrollBesideARunningAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	_, err := EnrollRequest(h.cfg, quiet())
	for what, err := range map[string]error{"request": err, "renew": EnrollRenew(h.cfg, quiet())} {
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "is running") || !strings.Contains(fault.RemedyOf(err), "gatehouse-agent stop") {
			t.Errorf("%s: %v; %s", what, err, fault.RemedyOf(err))
		}
	}
	if got := h.ask(AskDigest); !strings.Contains(got, `"ok":true`) {
		t.Errorf("the agent that runs was disturbed: %s", got)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return b
}
