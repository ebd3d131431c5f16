package industrystd_test

import (
	"io"
	"net"
	"testing"

	"gatehouse/firmware-bridge/industrystd"
	"gatehouse/firmware-bridge/serialport"
	"gatehouse/firmware-bridge/serialport/pty"
)

// exchangeOnWire is one job as the peer sees it.
type exchangeOnWire struct {
	job           industrystd.Job
	frame, answer []byte
	code          string // of the error that is answered; "" for done
}

// exchanges are every command, answered with its own code and encoder, and every error code.
func exchanges(t *testing.T, d industrystd.Dialect) []exchangeOnWire {
	t.Helper()
	var all []struct {
		Dialect industrystd.Dialect
		Fields  string
		Job     industrystd.Job
	}
	vectors(t, "commands.json", &all)
	var list []exchangeOnWire
	for _, v := range all {
		answer := map[industrystd.Command]string{industrystd.Read: "|LM"}[v.Job.Command]
		m, err := industrystd.Decode(d, framed(v.Fields))
		if err != nil {
			t.Fatal(err)
		}
		answer = m.Field(0) + "|" + m.Field(1) + answer
		if v.Job.Door != "" {
			answer = "WO|" + v.Job.Door
		}
		if v.Dialect == d {
			list = append(list, exchangeOnWire{v.Job, framed(v.Fields), framed(answer), ""})
		}
	}
	for _, e := range d.Errors() {
		j := industrystd.Job{Command: industrystd.Read, Encoder: "1"}
		list = append(list, exchangeOnWire{j, framed("LT|1|E"), framed(e.Code + "|1"), e.Code})
	}
	return list
}

// overLine runs them all over one line to far.
func overLine(t *testing.T, d industrystd.Dialect, a serialport.Address, far func() (io.ReadWriteCloser, error)) {
	t.Helper()
	list, over := exchanges(t, d), make(chan *peer, 1)
	go func() {
		p := &peer{}
		defer func() { over <- p }()
		conn, err := far()
		if err != nil {
			p.wrong = append(p.wrong, err.Error())
			return
		}
		p.conn = conn
		for _, e := range list {
			p.accept(e.frame)
			p.say(e.answer...)
		}
	}()
	link, err := serialport.Open(t.Context(), a, serialport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := industrystd.Session{Dialect: d}
	for _, e := range list {
		r := s.Do(t.Context(), link, e.job)
		if r.Code != e.code || (r.Outcome == industrystd.Done) != (e.code == "") {
			t.Errorf("%s %+v: %s %s", a, e.job, r.Outcome, r.Message)
			return // the peer would wait for what will not come
		}
	}
	if p := <-over; len(p.wrong) > 0 {
		t.Error(p.wrong)
	}
}

// TestTowardsE3_EverythingOverTCPAndSerial runs each command and each error of both dialects over real lines.
func TestTowardsE3_EverythingOverTCPAndSerial(t *testing.T) {
	t.Parallel()
	for _, d := range []industrystd.Dialect{industrystd.Salto, industrystd.Onity} {
		t.Run(string(d)+" tcp", func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			overLine(t, d, serialport.Address{Host: ln.Addr().String()}, func() (io.ReadWriteCloser, error) { return ln.Accept() })
		})
		t.Run(string(d)+" serial", func(t *testing.T) {
			t.Parallel()
			end, err := pty.Open("")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = end.Close() }()
			overLine(t, d, serialport.At(end.Name()), func() (io.ReadWriteCloser, error) { return end, nil })
		})
	}
}
