package comelitsim_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim"
)

// page asks for one page of §3 and wants the status that all of them have.
func (s *spoken) page(head, body string) string {
	s.t.Helper()
	status, answer := s.pageOf(s.web, head, body)
	if !strings.HasPrefix(status, "200") {
		s.t.Fatalf("%s: %s", head, status)
	}
	return answer
}

func (s *spoken) wants(head, body, words string) {
	s.t.Helper()
	if got := s.page(head, body); !strings.Contains(got, words) {
		s.t.Errorf("%s: %q, want %q in it", strings.SplitN(head, "\r\n", 2)[0], got, words)
	}
}

// members unpacks a backup as §3 has it: gzip, tar, and files that are mostly packed once more.
func members(t *testing.T, archive string) (names []string, text map[string]string) {
	t.Helper()
	text = map[string]string{}
	z, err := gzip.NewReader(strings.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, text
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if in, bad := gzip.NewReader(bytes.NewReader(b)); err == nil && bad == nil {
			b, err = io.ReadAll(in)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, path.Base(h.Name))
		text[path.Base(h.Name)] = string(b)
	}
}

const host = "\r\nHost: panel.example"

// §3 step by step: login, backup, users, a field, an activation code, its redemption; every error is a 200.
func TestReferencePages(t *testing.T) {
	t.Parallel()
	s := speak(t)
	for _, head := range []string{
		"GET /config-backup.html HTTP/1.1", "GET /users.html HTTP/1.1", "POST /create-backup.html HTTP/1.1\r\nX-Requested-With: XMLHttpRequest",
		"POST /update.html?mspUsersMap_.1.1_6=x HTTP/1.1\r\nReferer: http://panel.example/users.html", "GET /1700000000.tar.gz HTTP/1.1",
		"POST /create-actcode.html?user=1.1 HTTP/1.1", "GET /user-file.mug?user=1.1 HTTP/1.1",
	} {
		if got := s.page(head+host, ""); got != "LOGIN_IS_REQUIRED" {
			t.Errorf("%s without a session: %q", head, got)
		}
	}
	form := "\r\nContent-Type: application/x-www-form-urlencoded\r\nReferer: http://panel.example/"
	if got := s.page("POST /do-login.html HTTP/1.1"+host+form, "l-pwd=admin"); strings.Contains(got, "Access granted") {
		t.Error("the apartment manager's password logged in as installer")
	}
	s.wants("POST /do-login.html HTTP/1.0"+form, "l-pwd=comelit", "Access granted")
	s.wants("GET /config-backup.html HTTP/1.1"+host, "", "create-backup.html")
	s.wants("GET /users.html HTTP/1.1"+host, "", "<title>Extender - ")
	s.wants("POST /create-backup.html HTTP/1.1\r\nX-Requested-With: XMLHttpRequest"+host, "", "Backup successfully created")
	names, _ := members(t, s.backup())
	order := strings.Join(names, " ")
	if strings.Index(order, "facerecognitionusers.cfg") > strings.Index(order, " users.cfg") {
		t.Errorf("facerecognitionusers.cfg must stand before users.cfg: %s", order)
	}
	for _, name := range []string{"users", "apartments", "addressbook", "http", "pushinfo", "otherdevices", "portfwd", "sync", "ddns", "crpproxy", "cspproxy", "multisubproxy", "mqttslk"} {
		if !strings.Contains(order, name+".cfg") {
			t.Errorf("no %s.cfg in %s", name, order)
		}
	}
	referer := "\r\nReferer: http://panel.example/users.html" + host
	for _, bad := range []string{
		"?mspUsersMap_.1.1_9=00", "?mspUsersMap_.1.16_6=x", "?mspUsersMap_.01.1_6=x", "?mspUsersMap.1.1_6=x", "?", "?mspUsersMap_.1.1_6=x&mspUsersMap_.1.1_5=2",
		"?mspUsersMap_.1.1_6=%22", "?mspUsersMap_.1.1_6=%00", "?mspUsersMap_.1.1_5=9",
	} {
		s.wants("POST /update.html"+bad+" HTTP/1.1"+referer, "", "Invalid request")
	}
	s.wants("POST /update.html?mspUsersMap_.1.1_6=x HTTP/1.1"+host, "", "Invalid request") // no Referer
	for _, good := range []string{"5=2", "6=T.+Jones+-+Unit+102", "11=t.jones%40example.com", "4=1"} {
		if got := s.page("POST /update.html?mspUsersMap_.1.1_"+good+" HTTP/1.1"+referer, ""); strings.Contains(got, "Invalid request") {
			t.Errorf("%s is refused", good)
		}
	}
	s.wants("POST /create-actcode.html?user=1.1 HTTP/1.1"+referer, "", "Extender")
	s.wants("GET /user-file.mug?user=1.1 HTTP/1.1"+host, "", "Invalid request") // as one model answers
	s.redeems()
}

// backup downloads the newest.
func (s *spoken) backup() string {
	s.t.Helper()
	links := regexp.MustCompile(`href='(\d+\.tar\.gz)'`).FindAllStringSubmatch(s.page("GET /config-backup.html HTTP/1.1"+host, ""), -1)
	if len(links) == 0 {
		s.t.Fatal("no backup is listed")
	}
	return s.page("GET /"+links[len(links)-1][1]+" HTTP/1.1"+host, "")
}

// redeems reads the code from field 18 of a new backup and turns it into a token, once.
func (s *spoken) redeems() {
	s.t.Helper()
	s.page("POST /create-backup.html HTTP/1.1\r\nX-Requested-With: XMLHttpRequest"+host, "")
	_, text := members(s.t, s.backup())
	line := regexp.MustCompile(`(?m)^mspUsersMap\.1\.1 = 4:2:1 5:2:2 6:4:"T\. Jones - Unit 102" .*11:4:"t\.jones@example\.com" .*18:4:"([^"]{6})" 19:2:2 20:4:"" 21:2:0 22:4:"" $`).FindStringSubmatch(text["users.cfg"])
	if line == nil || !strings.Contains(text["users.cfg"], `mspUsersMap.1.15 = 4:2:2 5:2:0 6:4:"" 7:2:2 8:2:0 9:4:"" 10:4:"" 11:4:"" 12:4:"" 13:2:0 14:4:"" 15:2:0 16:2:0 17:4:"" 18:4:"" 19:2:2 20:4:"" 21:2:0 22:4:""`) {
		s.t.Fatalf("users.cfg: %s", text["users.cfg"])
	}
	if !strings.Contains(text["apartments.cfg"], `mspApartmentsMap.1 = 2:4:"SB000002"`) || !strings.Contains(text["addressbook.cfg"], `mspAddressBookEntrances.0.0 = 2:4:"Main entrance" 3:4:"SB100001"`) {
		s.t.Errorf("apartments %q, address book %q", text["apartments.cfg"], text["addressbook.cfg"])
	}
	w := s.dial()
	w.say(`00 06 0f 00 00 00 00 00 | cd ab 01 00 07 00 00 00 "UAUT" 76 5f 00`)
	w.hear(`00 06 0c 00 00 00 00 00 | cd ab 02 00 04 00 00 00 76 5f 00 00`)
	ask := `{"message":"user-activation","activation-code":"` + line[1] + `","description":"Gatehouse","message-type":"request","message-id":9}`
	got := w.json("76 5f", ask)
	if !regexp.MustCompile(`"user-token":"[0-9a-f]{32}"`).MatchString(got) || !strings.Contains(got, `"response-code":200`) {
		s.t.Errorf("user-activation: %s", got)
	}
	if again := w.json("76 5f", ask); strings.Contains(again, `"response-code":200`) {
		s.t.Errorf("a code was redeemed twice: %s", again)
	}
}

// Five backups are kept and no more (§3); the pages speak the device's language.
func TestReferenceQuotaAndLanguage(t *testing.T) {
	t.Parallel()
	s := speak(t)
	if err := s.panel.SetFault(comelitsim.FaultSetting{Name: comelitsim.FaultItalian, On: true}); err != nil {
		t.Fatal(err)
	}
	s.wants("POST /do-login.html HTTP/1.1"+host+"\r\nContent-Type: application/x-www-form-urlencoded", "l-pwd=comelit", "Accesso consentito come Installatore")
	for range 6 {
		s.page("POST /create-backup.html HTTP/1.1\r\nX-Requested-With: XMLHttpRequest"+host, "")
	}
	if n := strings.Count(s.page("GET /config-backup.html HTTP/1.1"+host, ""), "href="); n != 5 {
		t.Errorf("%d backups are kept", n)
	}
}

// The control side of CLI.md, in bytes.
func TestReferenceControl(t *testing.T) {
	t.Parallel()
	s := speak(t)
	ask := func(head, body, status, words string) {
		t.Helper()
		got, answer := s.pageOf(s.at, head+" HTTP/1.1"+host, body)
		if !strings.HasPrefix(got, status) || !strings.Contains(answer, words) {
			t.Errorf("%s %s: %s %s, want %s with %s", head, body, got, answer, status, words)
		}
	}
	ask("GET /doorlog", "", "200", "[]")
	ask("POST /present", `{"pin":"1234"}`, "200", `"granted":false`)
	ask("POST /present", `{"card":"0A1B2C3D"}`, "200", `"granted":false`)
	ask("POST /present", `{}`, "400", "pin")
	ask("GET /doorlog", "", "200", `"door":"SB100001/1","name":"Main entrance","granted":false,"by":"","how":"pin"`)
	ask("POST /fault", `{"name":"italian","on":true}`, "200", `"on":true`)
	ask("POST /fault", `{"name":"rain","on":true}`, "400", "no fault")
	ask("POST /edit", `{"op":"set","slot":{"unit":0,"slot":3,"enabled":true,"kind":"phone","name":"By hand","phone":"+15550111"}}`, "200", "By hand")
	ask("POST /edit", `{"op":"set","slot":{"unit":99,"slot":3}}`, "400", "no slot")
	ask("GET /users", "", "200", `"name":"By hand"`)
	ask("POST /ring", `{"name":"101"}`, "200", `"call"`)
	ask("POST /ring", `{"name":"101"}`, "409", "rings already")
	ask("POST /release", `{"cause":0}`, "200", "0")
	ask("GET /nothing", "", "404", "")
}
