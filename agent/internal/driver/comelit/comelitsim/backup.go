package comelitsim

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// backup is one archive the panel keeps.
type backup struct {
	name   string // digits and .tar.gz
	ready  time.Time
	packed []byte
}

// member is one file of an archive.
type member struct {
	name string
	text string
	gzip bool // packed once more inside
	pad  int  // megabytes of blanks behind the text, where it is packed
}

// members are the files of a backup (§3). facerecognitionusers.cfg stands before users.cfg, as on real devices: a
// client that matches the end of the name reads the wrong one.
func (p *Panel) members() []member {
	all := []member{
		{name: "facerecognitionusers", text: "recUserList.0 = 2:4:\"resident\" 3:2:1 \n", gzip: true},
		{name: "users", text: p.usersText(), gzip: true, pad: p.bomb()},
		{name: "apartments", text: p.apartmentsText()},
		{name: "addressbook", text: p.addressBookText(), gzip: true},
		{name: "http", text: p.httpText()},
	}
	if p.on(FaultUsersFileMissing) {
		all = append(all[:1], all[2:]...)
	}
	for _, name := range []string{
		"pushinfo", "otherdevices", "portfwd", "sync", "ddns", "crpproxy", "cspproxy", "multisubproxy", "mqttslk", "registerd", //nolint:misspell // the device spells it so
	} {
		all = append(all, member{name: name, gzip: true})
	}
	return all
}

// usersText is users.cfg: one line a slot.
func (p *Panel) usersText() string {
	var b strings.Builder
	for u := range p.slots {
		for s := range p.slots[u] {
			r := p.slots[u][s]
			if s == 0 && p.on(FaultSlotZeroEmpty) {
				r = emptyRecord()
			}
			if p.on(FaultControlChars) && r[fieldName] != "" {
				r[fieldName] += "\x1b[2J\xff\x00"
			}
			fmt.Fprintf(&b, "mspUsersMap.%d.%d = %s\n", u, s, r.body())
		}
	}
	return b.String()
}

// bomb is how many megabytes users.cfg grows by when it is unpacked.
func (p *Panel) bomb() int {
	if a := p.faults.On(FaultBombBackup); a != nil {
		return a.Count
	}
	return 0
}

func (p *Panel) apartmentsText() string {
	var b strings.Builder
	for u := range p.slots {
		fmt.Fprintf(&b, "mspApartmentsMap.%d = 2:4:\"%s\" \n", u, apartment(u))
	}
	return b.String()
}

// addressBookText lists the entrances; it begins with the line that some devices have and that holds none.
func (p *Panel) addressBookText() string {
	var b strings.Builder
	n := 0
	for _, d := range p.opt.Doors {
		if d.Module < 0 {
			fmt.Fprintf(&b, "mspAddressBookEntrances.0.%d = 2:4:\"%s\" 3:4:\"%s\" \n", n, d.Name, d.Address)
			n++
		}
	}
	return fmt.Sprintf("mspAddressBookEntrances.size = 1:2:%d \n", n) + b.String()
}

// httpText holds both passwords in clear, as real backups do: a reader must not spread them.
func (p *Panel) httpText() string {
	return fmt.Sprintf("httpAdminPassword = 1:4:\"%s\" \nhttpAptManagerPassword = 1:4:\"admin\" \n"+
		"httpListenPort = 1:2:8080 \nhttpListenSSLPort = 1:2:8443 \nhttpAdminEnabled = 1:2:1 \n", p.opt.Password)
}

// pack makes the archive.
func (p *Panel) pack() []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	plain := p.on(FaultPlainMembers)
	for _, m := range p.members() {
		body := []byte(m.text)
		if m.gzip && !plain {
			body = zipped(body, m.pad)
		}
		h := &tar.Header{Name: "etc/comelit/" + m.name + ".cfg", Mode: 0o644, Size: int64(len(body)), ModTime: p.now()}
		t.WriteHeader(h) //nolint:errcheck // into memory
		t.Write(body)    //nolint:errcheck // into memory
	}
	t.Close() //nolint:errcheck // into memory
	z.Close() //nolint:errcheck // into memory
	return out.Bytes()
}

func zipped(b []byte, pad int) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) //nolint:errcheck // into memory
	blanks := bytes.Repeat([]byte{' '}, 1<<20)
	for range pad {
		z.Write(blanks) //nolint:errcheck // into memory
	}
	z.Close() //nolint:errcheck // into memory
	return out.Bytes()
}

// makeBackup keeps one more archive; false when five are kept already (§3).
func (p *Panel) makeBackup() bool {
	if len(p.backups) >= backupQuota {
		return false
	}
	if p.bites(FaultNoBackup) {
		return true
	}
	p.lastName = max(p.lastName+1, p.now().Unix())
	b := backup{name: strconv.FormatInt(p.lastName, 10) + ".tar.gz", ready: p.now(), packed: p.pack()}
	if a := p.faults.Bite(FaultLateBackup); a != nil {
		b.ready = b.ready.Add(a.Duration)
	}
	p.backups = append(p.backups, b)
	return true
}

// fillQuota makes backups until no more fit.
func (p *Panel) fillQuota() {
	for len(p.backups) < backupQuota {
		p.lastName = max(p.lastName+1, p.now().Unix())
		p.backups = append(p.backups, backup{name: strconv.FormatInt(p.lastName, 10) + ".tar.gz", ready: p.now(), packed: p.pack()})
	}
}

// listed are the backups that can be seen by now.
func (p *Panel) listed() []backup {
	var out []backup
	for _, b := range p.backups {
		if !p.now().Before(b.ready) {
			out = append(out, b)
		}
	}
	return out
}

// DropBackups deletes the oldest backups by hand until so many are left; no path of the web pages is known for it.
func (p *Panel) DropBackups(keep int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if keep < 0 || keep > backupQuota {
		return fmt.Errorf("keep is %d; give 0 to %d", keep, backupQuota)
	}
	if n := len(p.backups) - keep; n > 0 {
		p.backups = p.backups[n:]
	}
	return nil
}
