package protocol_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access/fault"
	"gatehouse/testdata"
)

// vectorKey begins the names of the keys of make_vectors.py, which makes keys from names as we do.
const vectorKey = "gatehouse test vectors v1: "

// addVectors seeds a fuzz test with every vector's message of one direction.
func addVectors(f *testing.F, direction string) {
	f.Helper()
	folder := testdata.Dir("protocol/v1")
	names, err := fs.Glob(folder, direction+"/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			f.Fatal(err)
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			f.Fatal(err)
		}
		if v.Pad == 0 {
			f.Add([]byte(v.Message), true)
			if frame := takenApart([]byte(v.Message)); frame != nil {
				f.Add(frame, false)
			}
		}
	}
}

func takenApart(msg []byte) []byte {
	var e envelopeJSON
	if json.Unmarshal(msg, &e) != nil {
		return nil
	}
	return e.Payload
}

// properly signs a frame, so that fuzzing also reaches what stands behind the signature: a peer
// whose key was stolen or whose program is broken.
func properly(t *testing.T, kind string, frame []byte, key ed25519.PrivateKey) []byte {
	return putTogether(t, envelopeJSON{kind, frame, []signatureJSON{{protocol.SignerID(key), ed25519.Sign(key, paeOf(kind, frame))}}})
}

func checkOpened(t *testing.T, h protocol.Header, plain []byte, err error) {
	t.Helper()
	var refusal *protocol.Refusal
	switch {
	case err == nil:
		if len(plain) > protocol.MaxPlain {
			t.Fatalf("a body of %d bytes", len(plain))
		}
		if h.Gateway != gateway || h.Version != protocol.Version {
			t.Fatalf("taken: %+v", h)
		}
		if _, err := decodeBody(h.Type, plain); err != nil && !errors.As(err, &refusal) {
			t.Fatalf("decoding gave no refusal: %v", err)
		}
	case !errors.As(err, &refusal):
		t.Fatalf("no refusal: %v", err)
	case plain != nil:
		t.Fatal("a refused message gave a body")
	}
}

func FuzzOpenDown(f *testing.F) {
	addVectors(f, "down")
	cloud := signer(vectorKey + "cloud")
	o := protocol.Opener{Gateway: gateway, Trusted: []ed25519.PublicKey{public(cloud)}, Sealing: sealing(f, vectorKey+"gateway sealing")}
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		if !whole {
			b = properly(t, "application/vnd.gatehouse.v1.down", b, cloud)
		}
		h, plain, err := o.Open(b)
		checkOpened(t, h, plain, err)
	})
}

func FuzzOpenUp(f *testing.F) {
	addVectors(f, "up")
	box := signer(vectorKey + "gateway signing")
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		if !whole {
			b = properly(t, "application/vnd.gatehouse.v1.up", b, box)
		}
		h, plain, err := protocol.OpenUp(gateway, []ed25519.PublicKey{public(box)}, b)
		checkOpened(t, h, plain, err)
	})
}

func FuzzParseEnroll(f *testing.F) {
	f.Add([]byte(`{"form":"gatehouse enroll request v1","csr":"","signing":"` + base64.StdEncoding.EncodeToString(public(signer("box"))) + `"}`))
	f.Add(marshal(f, protocol.NewEnrollRequest(csrPEM(f, tlsKey(f)), signer("box"), sealing(f, "box").PublicKey())))
	f.Add(marshal(f, goodBundle(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, csr, err := protocol.ParseEnrollRequest(b)
		if err == nil && (csr == nil || len(r.Signing) != ed25519.PublicKeySize) {
			t.Fatalf("taken: %+v", r)
		}
		if err != nil && (fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "") {
			t.Fatalf("request: %v", err)
		}
		bundle, err := protocol.ParseEnrollBundle(b)
		if err == nil && (bundle.Gateway == "" || len(bundle.CloudKeys) == 0) {
			t.Fatalf("taken: %+v", bundle)
		}
		if err != nil && (fault.KindOf(err) != fault.Invalid || fault.RemedyOf(err) == "") {
			t.Fatalf("bundle: %v", err)
		}
	})
}
