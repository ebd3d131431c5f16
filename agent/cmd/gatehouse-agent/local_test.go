package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/cli"
)

const (
	managerPIN   = "70413355"
	caretakerPIN = "61920447"
	visitorPIN   = "5520193"
)

// staffed is the property with a manager who may act at the gateway, a caretaker who may not, and two
// people of one name of whom one holds a PIN and no grant.
func staffed() []access.Noun {
	pin := func(id access.CredentialID, p access.PersonID, digits string) access.Credential {
		return access.Credential{ID: id, Person: p, Kind: access.PIN, Secret: access.NewSecret(digits)}
	}
	return append(property(),
		access.Unit{ID: "u2", Name: "Gym"},
		access.Door{ID: "roof", Name: "Roof"},
		access.Person{ID: "boss", Kind: access.Staff, First: "Mara", Last: "Lind", May: []access.Right{access.MayRevoke, access.MayGrant, access.MayLift}},
		pin("cb", "boss", managerPIN),
		access.Person{ID: "help", Kind: access.Staff, First: "Pim", Last: "Oru"}, pin("ch", "help", caretakerPIN),
		access.Person{ID: "v1", Kind: access.Visitor, First: "Kai", Last: "Berg"}, pin("cv", "v1", visitorPIN),
		access.Person{ID: "v2", Kind: access.Visitor, First: "Kai", Last: "Berg"},
	)
}

// onSite is a running gateway whose cloud went away after it had sent the state.
type onSite struct {
	t     *testing.T
	cfg   string
	sim   *akuvoxsim.Panel
	cloud cloudSide
	d     *daemon
	pins  map[string]string // files
}

func newOnSite(t *testing.T, found ...akuvoxsim.User) *onSite {
	t.Helper()
	s := newLinked(t, found...)
	s.cloud.broker.Stop()
	return s
}

// newLinked is newOnSite while the cloud is still there. found stands on the panel before the gateway
// comes.
func newLinked(t *testing.T, found ...akuvoxsim.User) *onSite {
	t.Helper()
	s := &onSite{t: t, pins: map[string]string{}}
	s.cfg, s.sim, s.cloud = enrolledSite(t)
	for _, u := range found {
		if _, err := s.sim.Edit("add", u); err != nil {
			t.Fatal(err)
		}
	}
	for who, pin := range map[string]string{"boss": managerPIN, "help": caretakerPIN, "wrong": "00000001"} {
		s.pins[who] = filepath.Join(filepath.Dir(s.cfg), who+".pin")
		must(t, os.WriteFile(s.pins[who], []byte(pin+"\n"), 0o600))
	}
	s.d = startDaemon(t, s.cfg)
	s.cloud.publishes(hears(s.cloud, protocol.TypeHello, anyOf[protocol.Hello]), staffed()...)
	hears(s.cloud, protocol.TypeAck, func(a protocol.Ack) bool { return a.Revision == 1 })
	hears(s.cloud, protocol.TypeEvent, confirmedP1)
	return s
}

// local does one act with somebody's PIN.
func (s *onSite) local(do, by, pin string, more ...string) outcome {
	s.t.Helper()
	args := append([]string{"local", do, "--config", s.cfg, "--by", by, "--pin-file", s.pins[pin], "--reason", "told by phone"}, more...)
	return cmdline(s.t, args...)
}

func (s *onSite) opens(pin string) bool { return s.sim.Present(akuvoxsim.Credential{PIN: pin}).Granted }

// patience is how long a test waits for what must come. It takes well below a second; the machine may be busy.
const patience = time.Minute

// within asks until it is so, and fails when that takes longer than patience. The panel is asked as a hand at its keypad
// would.
func (s *onSite) within(what string, so func() bool) {
	s.t.Helper()
	late, tick := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
	defer late.Stop()
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late.C:
			s.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// restart kills the gateway as a power cut does and starts it again, without its cloud.
func (s *onSite) restart() {
	s.t.Helper()
	s.d.end(os.Kill)
	s.d = startDaemon(s.t, s.cfg)
	s.d.log.Read().Find(s.t, "the panel's answer", func(l string) bool { return strings.Contains(l, "device answers") })
	s.within("its socket answers", func() bool { // the doors come first
		conn, err := net.Dial("unix", filepath.Join(filepath.Dir(s.cfg), "state", "agent.sock"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// TestG11_StaffRevokeAndLiftAtTheGatewayWithoutACloud: by the real program on the real socket. The PIN is
// refused at the panel at once, also after a power cut, until it is lifted.
func TestG11_StaffRevokeAndLiftAtTheGatewayWithoutACloud(t *testing.T) {
	t.Parallel()
	s := newOnSite(t)
	if !s.opens(residentPIN) {
		t.Fatal("the resident's PIN does not open; nothing can be shown")
	}
	if o := s.local("revoke", "Mara Lind", "boss", "--person", "101", "--json"); o.code != cli.Done || o.object(t)["ok"] != true {
		t.Fatalf("revoke: %+v", o)
	}
	s.within("the PIN is refused", func() bool { return !s.opens(residentPIN) })
	if log := s.sim.DoorLog(); log[len(log)-1].Granted {
		t.Error("the door log says that it opened")
	}
	if o := s.local("revoke", "boss", "boss", "--person", "p1", "--json"); o.code != cli.Done || o.object(t)["already"] != true {
		t.Errorf("the same once more: %+v", o)
	}
	s.restart()
	if s.opens(residentPIN) {
		t.Error("after the power cut the PIN opens")
	}
	list := cmdline(t, "local", "list", "--json", "--config", s.cfg)
	if n := len(list.object(t)["overlays"].([]any)); n != 1 {
		t.Errorf("the list: %s", list.stdout)
	}
	if o := s.local("lift", "boss", "boss", "--person", "Rosa Okonkwo"); o.code != cli.Done {
		t.Fatalf("lift: %+v", o)
	}
	s.within("the PIN opens again", func() bool { return s.opens(residentPIN) })
	s.proven()
	s.d.end(os.Kill)
	s.local("revoke", "boss", "boss", "--person", "p1").one(t, cli.Unreachable, "no gateway runs here", "gatehouse-agent start")
}

// proven: the removal stands among the proofs, confirmed, and the chain of events holds.
func (s *onSite) proven() {
	t := s.t
	t.Helper()
	var r struct {
		OK     bool
		Open   int
		Proofs []struct {
			Person, Cause, Grade, State string
			Asked, Confirmed            time.Time
			Took                        float64 `json:"took_seconds"`
		}
	}
	must(t, json.Unmarshal([]byte(cmdline(t, "proofs", "--json", "--config", s.cfg).stdout), &r))
	if len(r.Proofs) != 1 || r.Open != 0 || r.Proofs[0].Person != "p1" || r.Proofs[0].Cause != "revoked" || r.Proofs[0].Grade != "exact" || r.Proofs[0].Took > patience.Seconds() {
		t.Errorf("proofs: %+v", r)
	}
	if o := cmdline(t, "outbox", "verify", "--config", s.cfg); o.code != cli.Done {
		t.Errorf("outbox verify: %+v", o)
	}
}

// TestG11_StaffGrantForHours: the door opens at once, the grant is on the list with its end.
func TestG11_StaffGrantForHours(t *testing.T) {
	t.Parallel()
	s := newOnSite(t)
	o := s.local("grant", "boss", "boss", "--person", "v1", "--door", "Lobby", "--hours", "3.5", "--json")
	if o.code != cli.Done {
		t.Fatalf("grant: %+v", o)
	}
	s.within("the visitor's PIN opens", func() bool { return s.opens(visitorPIN) })
	made := o.object(t)["overlays"].([]any)[0].(map[string]any)
	until, err := time.Parse(time.RFC3339, made["until"].(string))
	if left := time.Until(until); err != nil || left < 3*time.Hour || left > 4*time.Hour || made["by"] != "boss" {
		t.Errorf("%v", made)
	}
	s.restart()
	if !s.opens(visitorPIN) {
		t.Error("after the power cut the grant is gone")
	}
	if o := s.local("revoke", "boss", "boss", "--person", "v1"); o.code != cli.Done {
		t.Fatalf("revoke: %+v", o)
	}
	s.within("a revocation outranks the grant", func() bool { return !s.opens(visitorPIN) })
	s.local("grant", "boss", "boss", "--person", "v1", "--door", "lobby", "--hours", "1").one(t, cli.Refused, "v1 is revoked here", "Lift that first")
}

// TestG11_WhatIsRefusedAtTheGateway: each in words, and nothing changes at the panel.
func TestG11_WhatIsRefusedAtTheGateway(t *testing.T) {
	t.Parallel()
	s := newOnSite(t)
	done := len(s.sim.Mutating())
	tests := []struct {
		name, do, by, pin string
		args              []string
		code              int
		says              []string
	}{
		{"a wrong PIN", "revoke", "boss", "wrong", []string{"--person", "p1"}, cli.Refused, []string{"nobody here has this name and this PIN"}},
		{"somebody else's PIN", "revoke", "boss", "help", []string{"--person", "p1"}, cli.Refused, []string{"nobody here"}},
		{"nobody", "revoke", "Jon Doe", "boss", []string{"--person", "p1"}, cli.Refused, []string{"nobody here"}},
		{"no right", "revoke", "help", "help", []string{"--person", "p1"}, cli.Refused, []string{"may not revoke", "at the cloud"}},
		{"13 hours", "grant", "boss", "boss", []string{"--person", "v1", "--door", "lobby", "--hours", "13"}, cli.WrongUsage, []string{"--hours", "at most 12"}},
		{"no hours", "grant", "boss", "boss", []string{"--person", "v1", "--door", "lobby", "--hours", "-1"}, cli.WrongUsage, []string{"--hours"}},
		{"two of one name", "grant", "boss", "boss", []string{"--person", "kai berg", "--door", "lobby", "--hours", "1"}, cli.WrongUsage, []string{"v1 (Kai Berg), v2 (Kai Berg)", "Give the id"}},
		{"no credential", "grant", "boss", "boss", []string{"--person", "v2", "--door", "lobby", "--hours", "1"}, cli.Refused, []string{"neither a PIN nor a card"}},
		{"a door elsewhere", "grant", "boss", "boss", []string{"--person", "v1", "--door", "Roof", "--hours", "1"}, cli.WrongUsage, []string{"0 doors that this gateway opens", "lobby"}},
		{"an empty unit", "revoke", "boss", "boss", []string{"--person", "Gym"}, cli.WrongUsage, []string{"no unit where somebody lives"}},
		{"nothing to lift", "lift", "boss", "boss", []string{"--person", "p1"}, cli.WrongUsage, []string{"nothing was done here"}},
		{"the PIN as the reason", "revoke", "boss", "boss", []string{"--person", "p1", "--reason", "pin " + managerPIN}, cli.WrongUsage, []string{"it holds the PIN"}},
		{"no reason", "revoke", "boss", "boss", []string{"--person", "p1", "--reason", " "}, cli.WrongUsage, []string{"--reason"}},
	}
	for _, tt := range tests {
		o := s.local(tt.do, tt.by, tt.pin, tt.args...)
		if o.one(t, tt.code, tt.says...); t.Failed() {
			t.Fatal(tt.name)
		}
		if strings.Contains(o.stderr+o.stdout, managerPIN) || strings.Contains(o.stderr, caretakerPIN) {
			t.Errorf("%s: the answer holds a PIN", tt.name)
		}
	}
	if n := len(s.sim.Mutating()) - done; n != 0 || !s.opens(residentPIN) {
		t.Errorf("%d changes at the panel", n)
	}
	s.guessing()
}

// guessing: after five wrong PINs in a row the right one has to wait as well, also after a restart.
func (s *onSite) guessing() {
	t := s.t
	t.Helper()
	codes := []int{}
	for range 5 {
		codes = append(codes, s.local("revoke", "boss", "wrong", "--person", "p1").code)
	}
	if !slices.Equal(codes, []int{3, 3, 3, 3, 3}) {
		t.Errorf("wrong PINs: %v", codes)
	}
	s.local("revoke", "boss", "boss", "--person", "p1").one(t, cli.Refused, "too many wrong PINs", "Wait")
	s.restart()
	s.local("revoke", "boss", "boss", "--person", "p1").one(t, cli.Refused, "too many wrong PINs")
	s.local("revoke", "help", "help", "--person", "p1").one(t, cli.Refused, "may not revoke") // others are not slowed down
	if !s.opens(residentPIN) {
		t.Error("somebody was revoked")
	}
}
