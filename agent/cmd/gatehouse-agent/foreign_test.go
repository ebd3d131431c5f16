package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/drivertest"
)

// manner is how a server of somebody else's writes its answers. None of it is forbidden.
type manner struct {
	name    string
	version string // HTTP/1.0 or HTTP/1.1
	chunked bool
	length  bool // tells a length; neither: the end of the connection is the end of the answer
	lasting bool // says that the connection lasts, whatever was asked
}

func manners() []manner {
	return []manner{
		{name: "HTTP 1.0 without a length", version: "HTTP/1.0"},
		{name: "HTTP 1.0 with a length", version: "HTTP/1.0", length: true},
		{name: "HTTP 1.1 in small chunks", version: "HTTP/1.1", chunked: true},
		{name: "HTTP 1.1 to the end of the connection", version: "HTTP/1.1"},
		{name: "HTTP 1.1 that would go on", version: "HTTP/1.1", length: true, lasting: true},
	}
}

// asked is one request as it stood on the wire.
type asked struct {
	method, path, raw string
	query, form       url.Values
	header            textproto.MIMEHeader
	body              string
}

// told is an answer: the status, more headers, the body.
type told struct {
	status  int
	headers []string
	body    string
}

// foreign serves HTTP over bare TCP, one request a connection, each answered by hand: no line of ours is in it.
func foreign(t *testing.T, m manner, answer func(asked) told) string {
	t.Helper()
	return drivertest.ServeTCP(t, func(c net.Conn) {
		a, err := readRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		out := answer(a)
		if out.status == 0 {
			out.status = 200
		}
		_, _ = io.WriteString(c, m.write(out)) // who asked may be gone
	})
}

func readRequest(r *bufio.Reader) (asked, error) {
	tp := textproto.NewReader(r)
	line, err := tp.ReadLine()
	if err != nil {
		return asked{}, err
	}
	parts := strings.Fields(line)
	if len(parts) != 3 {
		return asked{}, errors.New("no request")
	}
	a := asked{method: parts[0], raw: parts[1]}
	u, err := url.Parse(parts[1])
	if err == nil {
		a.path, a.query = u.Path, u.Query()
		a.header, err = tp.ReadMIMEHeader()
	}
	if err != nil {
		return a, err
	}
	n, _ := strconv.Atoi(a.header.Get("Content-Length")) // none: 0
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return a, err
	}
	a.body = string(b)
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		a.form, err = url.ParseQuery(a.body)
	}
	return a, err
}

// write puts the headers in another order and spelling than ours would be.
func (m manner) write(out told) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d Whatever\r\ncontent-type:   text/html; charset=iso-8859-1\r\n", m.version, out.status)
	for _, h := range out.headers {
		b.WriteString(h + "\r\n")
	}
	if m.lasting {
		b.WriteString("connection: Keep-Alive\r\nKeep-Alive: timeout=60\r\n")
	}
	b.WriteString("SERVER: EasyHttpServer\r\nX-Unknown: 1\r\n")
	switch {
	case m.chunked:
		b.WriteString("transfer-ENCODING: chunked\r\n\r\n")
		for rest := out.body; rest != ""; {
			n := min(7, len(rest))
			if len(out.body) > 1<<12 {
				n = min(4001, len(rest))
			}
			fmt.Fprintf(&b, "%X;piece=\"yes\"\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\nX-Trailer: 1\r\n\r\n")
		return b.String()
	case m.length:
		fmt.Fprintf(&b, "content-LENGTH: %d\r\n", len(out.body))
	}
	return b.String() + "\r\n" + out.body
}
