package comelit

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
)

// infoNames are the model ids of §2 in words, behind each.
const infoNames = "MSVF 6741W/6701W MSVU 6741W/6701W MnWi 6742W MxWi 6842W Vist Visto Extd 1456 ExtS 1456S HSrv Hub "

// Finds are the ways to find these devices: their installer's pages, and INFO by unicast.
func Finds() []driver.Find {
	return []driver.Find{{Name: "comelit", Ports: "8080", Ask: findPages}, {Name: "comelit-udp", Ports: "24199", Ask: findInfo}}
}

// findPages asks for a page that is refused without a login, in words of its own (§3, R).
func findPages(ctx context.Context, host, port string, deps driver.Deps) *driver.Found {
	at := "http://" + net.JoinHostPort(host, port)
	s, err := newSession(driver.Config{URL: at}, deps)
	if err != nil {
		return nil
	}
	defer s.close()
	page, err := s.exchange(ctx, ask{op: "find", method: http.MethodGet, path: backupsPage, most: 64 << 10})
	if err != nil || strings.TrimSpace(string(page)) != loginMissing {
		return nil
	}
	if port == "8080" {
		at = host
	}
	return &driver.Found{
		Address: at, Sure: true, Dialect: "webui", What: "its installer's pages ask for a password",
		Remedy: "Pair it with the installer's password of its web page.",
	}
}

// findInfo sends INFO to one device and reads its answer (§2).
func findInfo(ctx context.Context, host, port string, deps driver.Deps) *driver.Found {
	c, err := deps.Dial(ctx, "udp", net.JoinHostPort(host, port))
	if err != nil {
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second)) // a socket of the system takes one
	if _, err := c.Write([]byte("INFO\x00\x00\x00\x00\x00\x00\x00\x00")); err != nil {
		return nil
	}
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		return nil
	}
	return readInfo(host, b[:n])
}

// readInfo reads the answer to INFO; nil when it is none. A short one shows no more than that there is a device.
func readInfo(host string, b []byte) *driver.Found {
	if !bytes.HasPrefix(b, []byte("info")) {
		return nil
	}
	f := &driver.Found{Address: host, What: "it answers INFO, cut short"}
	if len(b) < 160 {
		return f
	}
	text := func(from, to int) string {
		s, _, _ := strings.Cut(string(b[from:to]), "\x00")
		return strings.ToValidUTF8(strings.TrimSpace(s), "?")
	}
	id := text(156, 160)
	_, name, _ := strings.Cut(infoNames, id+" ")
	name, _, _ = strings.Cut(name, " ")
	f.Sure, f.What = true, "Comelit "+text(116, 152)
	f.Identity = model.Identity{Model: strings.TrimSpace(name + " " + id), Firmware: text(32, 112), MAC: strings.ToUpper(net.HardwareAddr(b[14:20]).String())}
	return f
}
