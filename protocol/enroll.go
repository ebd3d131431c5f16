package protocol

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Enrolment by file: the gateway makes its own keys and a request that holds only their public
// parts; the cloud answers with a bundle that holds no private key. Whoever carries the files can
// read them and learn nothing that opens a door.

const (
	requestForm = "gatehouse enroll request v1"
	bundleForm  = "gatehouse enroll bundle v1"
	maxEnroll   = 64 << 10
)

// MaxBundle bounds a bundle in bytes: it may list whom the box before it had written where.
const MaxBundle = 4 << 20

// EnrollRequest is what a new gateway asks with.
type EnrollRequest struct {
	Form    string `json:"form"`
	CSR     string `json:"csr"`     // PEM; names the TLS key
	Signing []byte `json:"signing"` // Ed25519 public key
	Sealing []byte `json:"sealing"` // X25519 public key
	Proof   []byte `json:"proof"`   // by Signing, over the other fields
}

// EnrollBundle is what a gateway needs to know of its cloud.
type EnrollBundle struct {
	Form        string            `json:"form"`
	Gateway     access.GatewayID  `json:"gateway"`
	Property    access.PropertyID `json:"property"`
	Broker      string            `json:"broker"`      // tls://host:port
	ServerName  string            `json:"server_name"` // in the broker's certificate
	Certificate string            `json:"certificate"` // PEM; common name is the gateway id
	CA          string            `json:"ca"`          // PEM
	CloudKeys   [][]byte          `json:"cloud_keys"`  // Ed25519 public keys that may sign state
	Replaces    *Predecessor      `json:"replaces,omitempty"`
}

// Predecessor is what a box must know of the one whose place it takes (row G15): what the cloud has
// of its events, how far its state went, its devices, and whom it had written where.
type Predecessor struct {
	Event   uint64                                `json:"event"` // number of the last event that the cloud has
	Link    access.Link                           `json:"link"`  // of that event
	Floor   access.Position                       `json:"floor"` // never an older state
	Devices []access.Device                       `json:"devices,omitempty"`
	Ledger  map[access.DeviceID][]access.PersonID `json:"ledger,omitempty"`
}

func (r EnrollRequest) proven() []byte {
	b := append([]byte(requestForm+"\x00"+r.CSR+"\x00"), r.Signing...)
	return append(b, r.Sealing...)
}

// NewEnrollRequest makes a request and proves that its maker holds the signing key.
func NewEnrollRequest(csr string, signing ed25519.PrivateKey, sealing *ecdh.PublicKey) EnrollRequest {
	public, _ := signing.Public().(ed25519.PublicKey)
	r := EnrollRequest{Form: requestForm, CSR: csr, Signing: public, Sealing: sealing.Bytes()}
	r.Proof = ed25519.Sign(signing, r.proven())
	return r
}

// ParseEnrollRequest reads a request and checks every proof in it. Errors are Invalid, in words.
func ParseEnrollRequest(b []byte) (EnrollRequest, *x509.CertificateRequest, error) {
	bad := func(format string, args ...any) (EnrollRequest, *x509.CertificateRequest, error) {
		return EnrollRequest{}, nil, fault.New(fault.Invalid, "read", "enrolment request", format, args...).
			WithRemedy("Make a new one on the gateway with: gatehouse-agent enroll request --out FILE")
	}
	var r EnrollRequest
	if len(b) > maxEnroll || json.Unmarshal(b, &r) != nil || r.Form != requestForm {
		return bad("this is no file made by gatehouse-agent enroll request")
	}
	block, _ := pem.Decode([]byte(r.CSR))
	if block == nil {
		return bad("the certificate request inside is no PEM")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return bad("the certificate request inside: %v", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return bad("the certificate request inside is not signed by its key")
	}
	if len(r.Signing) != ed25519.PublicKeySize || !ed25519.Verify(r.Signing, r.proven(), r.Proof) {
		return bad("it is damaged, or was changed on the way")
	}
	if _, err := ecdh.X25519().NewPublicKey(r.Sealing); err != nil {
		return bad("the sealing key: %v", err)
	}
	return r, csr, nil
}

// NewEnrollBundle fills in the form.
func NewEnrollBundle(b EnrollBundle) EnrollBundle {
	b.Form = bundleForm
	return b
}

// ParseEnrollBundle reads a bundle and checks that its parts fit together. Errors are Invalid.
func ParseEnrollBundle(raw []byte) (EnrollBundle, error) {
	bad := func(format string, args ...any) (EnrollBundle, error) {
		return EnrollBundle{}, fault.New(fault.Invalid, "read", "enrolment bundle", format, args...).
			WithRemedy("Make a new one at the cloud with: gatehouse-cloud gateway add --property P --request FILE --out BUNDLE")
	}
	var b EnrollBundle
	if len(raw) > MaxBundle || json.Unmarshal(raw, &b) != nil || b.Form != bundleForm {
		return bad("this is no file made by gatehouse-cloud gateway add")
	}
	block, _ := pem.Decode([]byte(b.Certificate))
	if block == nil {
		return bad("the certificate inside is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return bad("the certificate inside: %v", err)
	case cert.Subject.CommonName != string(b.Gateway) || !access.ValidID(string(b.Gateway)):
		return bad("the certificate is for %q and the bundle for %q", cert.Subject.CommonName, b.Gateway)
	case len(b.CloudKeys) == 0 || b.Broker == "" || b.ServerName == "":
		return bad("it names no signing key of the cloud, no broker or no server name")
	case !x509.NewCertPool().AppendCertsFromPEM([]byte(b.CA)):
		return bad("the authority's certificate inside is no PEM")
	}
	for _, k := range b.CloudKeys {
		if len(k) != ed25519.PublicKeySize {
			return bad("a signing key has %d bytes", len(k))
		}
	}
	return b, nil
}
