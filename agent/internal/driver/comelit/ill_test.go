package comelit_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/drivertest"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// hostileTo is a driver that does not wait long for a request.
func hostileTo(t *testing.T, address string, patience time.Duration) driver.Panel {
	t.Helper()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cfg := driver.Config{ID: "gate-1", URL: "http://" + address, Host: host, Password: access.NewSecret(installer), Pace: -1, Timeout: patience}
	p, err := comelit.New(cfg, driver.Deps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Not parallel: it counts goroutines and descriptors.
func TestHostileAnswers(t *testing.T) {
	drivertest.AgainstHostile(t, jones(), []string{installer}, func(t *testing.T, address string) driver.Panel {
		return hostileTo(t, address, 150*time.Millisecond)
	})
}

// packed is gzip of anything.
func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory
	_ = z.Close()
	return out.Bytes()
}

// head is a tar header typed from POSIX, with a sum that holds whatever its fields say.
func head(name, size string, kind byte) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[124:136], size)
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// archives are backups that are meant ill, and whether a table may come of them.
func archives() map[string]struct {
	body []byte
	good bool
} {
	const users = "etc/comelit/users.cfg"
	end := make([]byte, 1024)
	size := func(n int) string { return fmt.Sprintf("%011o\x00", n) }
	file := func(name string, body []byte) []byte {
		return append(append(head(name, size(len(body)), '0'), body...), make([]byte, (512-len(body)%512)%512)...)
	}
	tar := func(members ...[]byte) []byte { return packed(append(bytes.Join(members, nil), end...)) }
	slot := []byte("mspUsersMap.0.1 = 4:2:2 5:2:0 \n")
	zeros := packed(make([]byte, 40<<20))
	return map[string]struct {
		body []byte
		good bool
	}{
		"gzip bomb":                    {zeros, false},
		"bomb in a member":             {tar(file(users, zeros)), false},
		"bomb in another member":       {tar(file("etc/comelit/http.cfg", zeros), file(users, slot)), true},
		"packed ten times":             {tenTimes(slot), false},
		"a member of 8 GiB":            {tar(head(users, "77777777777\x00", '0'), slot), false},
		"a size in base 256":           {tar(head(users, "\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", '0'), slot), false},
		"a size below zero":            {tar(head(users, "-0000000001\x00", '0'), slot), false},
		"a size of no number":          {tar(head(users, "many\x00", '0'), slot), false},
		"ten thousand members":         {tar(bytes.Repeat(head("x", size(0), '0'), 10_000), file(users, slot)), false},
		"a link for a table":           {tar(head(users, size(0), '2')), false},
		"a device for a table":         {tar(head(users, size(0), '3')), false},
		"a path that climbs":           {tar(file("../../../../tmp/users.cfg", slot)), true}, // nothing is written anywhere
		"an empty table":               {tar(file(users, nil)), false},
		"a table of no text":           {tar(file(users, bytes.Repeat([]byte{0xff}, 1<<20))), false},
		"a line of 10 MB":              {tar(file(users, append([]byte("mspUsersMap.0.1 = 5:2:0 6:4:\""), bytes.Repeat([]byte("x"), 10<<20)...))), false},
		"a hundred thousand slots":     {tar(file(users, manySlots(100_000))), false},
		"a slot of a million fields":   {tar(file(users, []byte("mspUsersMap.0.1 = "+strings.Repeat("5:2:0 ", 1_000_000)))), false},
		"a slot of an absurd place":    {tar(file(users, []byte("mspUsersMap.9999999999999999999.1 = 5:2:0 \n"))), false},
		"kinds of absurd numbers":      {tar(file(users, []byte("mspUsersMap.0.1 = 4:2:9 5:2:999999999 99999999:2:1 \n"))), true},
		"a table after a broken one":   {tar(file(users, []byte("mspUsersMap.0.1 = 5")), file(users, slot)), true}, // the last stands, as tar says
		"apartments of no text":        {tar(file(users, slot), file("etc/comelit/apartments.cfg", bytes.Repeat([]byte("\xff=\n"), 1<<16))), true},
		"half of the archive":          {tar(file(users, slot))[:40], false},
		"an archive behind an archive": {append(tar(file(users, slot)), tar(file(users, slot))...), true},
		"text behind the archive":      {append(tar(file(users, slot)), "HTTP/1.1 200 OK"...), false},
	}
}

func tenTimes(b []byte) []byte {
	for range 10 {
		b = packed(b)
	}
	return b
}

func manySlots(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "mspUsersMap.%d.%d = 5:2:0 \n", i/16, i%16)
	}
	return b.Bytes()
}

// A device whose pages are well and whose archive is meant ill: bounded, an error where no table can come of it, and
// nothing left behind.
func TestHostileArchives(t *testing.T) {
	for name, tt := range archives() {
		before := drivertest.Held()
		t.Run(name, func(t *testing.T) {
			made := false
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page := "<form action='create-backup.html'></form>"
				switch {
				case strings.HasSuffix(r.URL.Path, ".tar.gz"):
					page = string(tt.body)
				case r.URL.Path == "/create-backup.html":
					made = true
				case made:
					page += "<a href='17.tar.gz'>"
				}
				if _, err := w.Write([]byte(page)); err != nil {
					return // it had enough
				}
			}))
			defer srv.Close()
			p := hostileTo(t, strings.TrimPrefix(srv.URL, "http://"), 10*time.Second)
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			rows, err := p.List(t.Context())
			if (err == nil) != tt.good || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%d rows, %v (%v)", len(rows), err, fault.KindOf(err))
			}
		})
		before.Gone(t, name)
	}
}
