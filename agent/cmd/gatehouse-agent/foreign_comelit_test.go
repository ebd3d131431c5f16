package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// otherGateway is a Comelit device written from the fact sheet alone (comelit.md §3), by another hand than the
// simulator's: another language, cookies with more to them, an archive of another make, maps from 3.
type otherGateway struct {
	mu      sync.Mutex
	slots   map[string]map[int]string // by place
	backups []string
	packed  map[string]string
	wrong   []string
	make    tar.Format
	named   int
}

func newOtherGateway(format tar.Format) *otherGateway {
	g := &otherGateway{slots: map[string]map[int]string{}, packed: map[string]string{}, make: format}
	for _, unit := range []int{3, 7} {
		for n := range 16 {
			g.slots[fmt.Sprintf("%d.%d", unit, n)] = map[int]string{4: "2", 5: "0", 7: "2", 8: "0", 13: "0", 15: "0", 16: "0", 19: "2", 21: "0"}
		}
		zero := g.slots[fmt.Sprintf("%d.0", unit)]
		zero[4], zero[5], zero[6] = "1", "1", fmt.Sprintf("Unit 40%d", unit)
	}
	one := g.slots["3.1"]
	one[4], one[5], one[6], one[12], one[20] = "1", "3", "Müller & Söhne", "+15550133", "kept"
	return g
}

func (g *otherGateway) answer(a asked) told {
	g.mu.Lock()
	defer g.mu.Unlock()
	page := func(s string) told {
		return told{body: "<HTML><TITLE>Extender - Seite</TITLE><BODY>" + s + "</BODY></HTML>"}
	}
	if a.path == "/do-login.html" {
		if a.method != "POST" || a.form.Get("l-pwd") != testPassword || a.header.Get("Referer") == "" {
			return page("Zugriff verweigert")
		}
		out := page("Zugriff als Installateur")
		out.headers = []string{"Set-Cookie: lang=de; Path=/; SameSite=Lax", "set-cookie: SID=7f3a; HttpOnly; Max-Age=600; path=/"}
		return out
	}
	if !strings.Contains(a.header.Get("Cookie"), "SID=7f3a") {
		return told{body: "LOGIN_IS_REQUIRED"}
	}
	switch name := strings.TrimPrefix(a.path, "/"); {
	case name == "config-backup.html":
		links := ""
		for _, b := range g.backups {
			links += "<tr><td><a class=x href='" + b + "'>Sicherung</a> <a href='help.html'>?</a></td></tr>\n"
		}
		return page("<form action=create-backup.html></form><table>" + links + "</table>")
	case name == "create-backup.html" && a.method == "POST" && a.header.Get("X-Requested-With") == "XMLHttpRequest" && len(g.backups) < 5:
		g.named++
		b := strconv.Itoa(999_999_998+g.named) + ".tar.gz" // one more digit after the second
		g.backups = append(g.backups, b)
		g.packed[b] = g.archive()
		return page("Sicherung angelegt")
	case g.packed[name] != "":
		return told{headers: []string{"Content-Disposition: attachment"}, body: g.packed[name]}
	case name == "update.html" && g.set(a):
		return page("")
	}
	g.wrong = append(g.wrong, a.method+" "+a.raw)
	return page("Fehler: Invalid request")
}

// set is one field (§3), of the users' page alone, never of slot 0.
func (g *otherGateway) set(a asked) bool {
	for key, v := range a.query {
		m := regexp.MustCompile(`^mspUsersMap_\.(\d+\.\d+)_(\d+)$`).FindStringSubmatch(key)
		if m == nil || len(a.query) != 1 || len(v) != 1 || g.slots[m[1]] == nil || strings.HasSuffix(m[1], ".0") || !strings.HasSuffix(a.header.Get("Referer"), "/users.html") {
			return false
		}
		n, err := strconv.Atoi(m[2])
		if err != nil || strings.Contains(v[0], `"`) {
			return false
		}
		if g.slots[m[1]][n] = v[0]; v[0] == "" {
			delete(g.slots[m[1]], n)
		}
	}
	return len(a.query) == 1 && a.method == "POST"
}

// archive is a backup of the other make: folders, longer lines, files packed or not, fields of tomorrow.
func (g *otherGateway) archive() string {
	var users strings.Builder
	users.WriteString("mspUsersMap.size = 1:2:2\r\n")
	for _, unit := range []int{7, 3} {
		for n := range 16 {
			at := fmt.Sprintf("%d.%d", unit, n)
			fmt.Fprintf(&users, "mspUsersMap.%s = ", at)
			for f := 4; f <= 23; f++ {
				switch v := g.slots[at][f]; f {
				case 4, 5, 7, 8, 13, 15, 16, 19, 21:
					fmt.Fprintf(&users, "%d:2:%s ", f, v)
				default:
					fmt.Fprintf(&users, "%d:4:\"%s\" ", f, v)
				}
			}
			users.WriteString("\r\n")
		}
	}
	gz := func(b string) string {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write([]byte(b)) // into memory
		_ = z.Close()
		return out.String()
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	_ = w.WriteHeader(&tar.Header{Name: "etc/comelit/", Typeflag: tar.TypeDir, Mode: 0o755, Format: g.make})
	for _, f := range [][2]string{
		{"etc/comelit/facerecognitionusers.cfg", "recUserList.0 = 2:4:\"Frau Müller\" 3:2:1 \n"},
		{"etc/comelit/apartments.cfg", gz("mspApartmentsMap.3 = 2:4:\"00000403\" 9:2:1 \nmspApartmentsMap.7 = 2:4:\"00000407\" \n")},
		{"etc/comelit/users.cfg", gz(users.String())},
	} {
		_ = w.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o600, Uname: "root", ModTime: time.Unix(1_700_000_000, 0), Format: g.make})
		_, _ = w.Write([]byte(f[1]))
	}
	_ = w.Close()
	return gz(out.String())
}

// state is every slot, and what no device would take.
func (g *otherGateway) state() (slots string, wrong []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fmt.Sprint(g.slots), g.wrong
}

// The device commands work against any server that speaks the documented wire.
func TestDeviceComelitOfAnotherHand(t *testing.T) {
	t.Parallel()
	formats := []tar.Format{tar.FormatUSTAR, tar.FormatGNU, tar.FormatPAX}
	for i, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			g := newOtherGateway(formats[i%len(formats)])
			host, port, err := net.SplitHostPort(foreign(t, m, g.answer))
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"--json", "--kind", "comelit", "--host", host, "--web-port", port, "--pace", "0s", "--password-file", passwordFile(t, testPassword)}
			o := device(t, "", append([]string{"probe"}, args...)...)
			if limits, _ := o.object(t)["limits"].(map[string]any); o.code != 0 || limits["slots_per_unit"] != 15.0 {
				t.Errorf("probe: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			before, _ := g.state()
			if o := device(t, "", append([]string{"selftest", "--unit", []string{"403", "00000403", "#3"}[i%3]}, args...)...); o.code != 0 {
				t.Errorf("selftest: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			if after, _ := g.state(); after != before {
				t.Errorf("the device is not as found:\n%s\n%s", before, after)
			}
			g.mu.Lock()
			g.backups = g.backups[len(g.backups)-1:] // somebody makes room
			g.mu.Unlock()
			o = device(t, "", append([]string{"users"}, args...)...)
			users, _ := o.object(t)["users"].([]any)
			if o.code != 0 || len(users) != 1 || users[0].(map[string]any)["name"] != "Müller & Söhne" || users[0].(map[string]any)["unit"] != "403" {
				t.Errorf("users: exit %d %s%s", o.code, o.stdout, o.stderr)
			}
			if _, wrong := g.state(); len(wrong) > 0 {
				t.Errorf("no device would take these: %v", wrong)
			}
		})
	}
}
