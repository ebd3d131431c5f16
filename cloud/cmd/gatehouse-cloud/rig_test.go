package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/prototest"
)

// installation is a folder with a configuration and files beside it.
type installation struct {
	t   *testing.T
	dir string
}

const maples = `state_dir = "state"
listen = "127.0.0.1:0"
broker_listen = "127.0.0.1:0"
[[property]]
id = "maples"
name = "The Maples"
zone = "America/New_York"
[[property.door]]
id = "lobby"
`

const header = "property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card\n"

// threePeople is a whole export: one lives there, one comes, one was there.
const threePeople = header +
	"Maples,101,R1,L1,Current,Primary,Ada,Miller,ada@example.com,+1 212 555 0101,2020-05-01,,2020-05-01,2060-04-30,48213,04A1B2C3\n" +
	"Maples,102,R2,L2,Future,Primary,Ben,Miller,ben@example.com,,2059-05-01,,2059-05-01,2060-04-30,48214,\n" +
	"Maples,103,R3,L3,Past,Primary,Cora,Miller,,,2019-05-01,2020-04-30,,,,\n" +
	"#end,rows=3\n"

func newInstallation(t *testing.T) installation {
	t.Helper()
	in := installation{t, t.TempDir()}
	in.write("cloud.toml", maples)
	in.write("people.csv", threePeople)
	in.write("gateway.request", string(request(t)))
	return in
}

func (in installation) path(name string) string { return filepath.Join(in.dir, name) }

func (in installation) write(name, text string) {
	in.t.Helper()
	if err := os.WriteFile(in.path(name), []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

// answer is how a command ended.
type answer struct {
	code           int
	stdout, stderr string
}

// do runs a command; an argument that begins with @ is a file of the installation.
func (in installation) do(line string) answer { return in.feed("", line) }

func (in installation) feed(stdin, line string) answer {
	in.t.Helper()
	args := strings.Fields(line)
	for i, a := range args {
		if name, ok := strings.CutPrefix(a, "@"); ok {
			args[i] = in.path(name)
		}
	}
	var out, errs bytes.Buffer
	code := run(in.t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return answer{code, out.String(), errs.String()}
}

// object reads stdout, which must be exactly one JSON object.
func (a answer) object(t *testing.T, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(a.stdout))
	if err := d.Decode(into); err != nil {
		t.Fatalf("stdout %q is no JSON object: %v (stderr %q)", a.stdout, err, a.stderr)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("stdout %q holds more than one object", a.stdout)
	}
}

// request is what a gateway's installer brings.
func request(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	gw := prototest.NewGateway(t, "")
	raw, err := json.Marshal(protocol.NewEnrollRequest(
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), gw.Signing, gw.Sealing.PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
