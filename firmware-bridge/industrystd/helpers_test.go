package industrystd_test

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/firmware-bridge/industrystd"
	"gatehouse/testdata"
)

// vectors reads a file of testdata/encoder/industrystd.
func vectors(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := fs.ReadFile(testdata.Dir("encoder/industrystd"), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// unhex reads hex with or without blanks.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return raw
}

// framed makes a frame of fields joined by |, as §1.2 describes it and apart from the code under test.
func framed(fields string) []byte {
	body := []byte("|" + fields + "|\x03")
	lrc := byte(0)
	for i := range body {
		if body[i] == '|' {
			body[i] = 0xB3
		}
		lrc ^= body[i]
	}
	return append(append([]byte{2}, body...), lrc)
}

// peer is the far end of a line, played by a test.
type peer struct {
	conn  io.ReadWriteCloser
	wrong []string // what came and was not expected
	extra []byte   // what came after the script's end
}

// want reads exactly these bytes.
func (p *peer) want(b ...byte) {
	got := make([]byte, len(b))
	n, err := io.ReadFull(p.conn, got)
	if err != nil || string(got) != string(b) {
		p.wrong = append(p.wrong, hex.EncodeToString(got[:n])+" instead of "+hex.EncodeToString(b))
	}
}

func (p *peer) say(b ...byte) {
	if _, err := p.conn.Write(b); err != nil {
		p.wrong = append(p.wrong, err.Error())
	}
}

// accept is the handshake up to ACK.
func (p *peer) accept(frame []byte) {
	p.want(0x05)
	p.say(0x06)
	p.want(frame...)
	p.say(0x06)
}

// hangUp ends the line.
func (p *peer) hangUp() { p.conn.Close() }

// play runs one job in virtual time against a script; bytes that the script did not ask for fail the test.
func play(t *testing.T, s industrystd.Session, j industrystd.Job, script func(*peer)) industrystd.Result {
	t.Helper()
	var r industrystd.Result
	synctest.Test(t, func(t *testing.T) {
		r = against(t, script, func(link industrystd.Link) industrystd.Result { return s.Do(t.Context(), link, j) })
	})
	return r
}

// against plays the script at the far end of a line while do has the near end.
func against(t *testing.T, script func(*peer), do func(industrystd.Link) industrystd.Result) industrystd.Result {
	t.Helper()
	near, far := net.Pipe()
	p, over := &peer{conn: far}, make(chan struct{})
	go func() {
		defer close(over)
		script(p)
		p.extra, _ = io.ReadAll(far) // ends when either side closes
	}()
	r := do(industrystd.OverConn(near))
	near.Close()
	<-over
	far.Close()
	if len(p.wrong) > 0 || len(p.extra) > 0 {
		t.Errorf("on the wire: %v; after the script: % X", p.wrong, p.extra)
	}
	return r
}

func salto() industrystd.Session { return industrystd.Session{Dialect: industrystd.Salto} }

func onity() industrystd.Session { return industrystd.Session{Dialect: industrystd.Onity} }

func wall(t testing.TB, text string) industrystd.Wall {
	t.Helper()
	var w industrystd.Wall
	if err := w.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return w
}

// newKey is a job and its frame: the first vector of §1.7.
func newKey(t testing.TB) (industrystd.Job, []byte) {
	t.Helper()
	var all []frameVector
	vectors(t, "frames.json", &all)
	return *all[0].Job, unhex(t, all[0].Frame)
}
