package agent

import (
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"gatehouse/agent/internal/outbox"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

const (
	askedPIN  = "8051739"
	askedCard = "0451B2C3D4E5F6"
)

// moving is a resident with PIN and card who moves out at a time.
func moving(out time.Time) []access.Noun {
	w := access.Window{From: out.Add(-48 * time.Hour), Until: out}
	return []access.Noun{
		access.Person{ID: "p1", Kind: access.Resident, First: "Rosa", Last: "Quist"},
		access.Residency{ID: "r1", Person: "p1", Unit: "u1", Window: w},
		access.Credential{ID: "c1", Person: "p1", Kind: access.PIN, Secret: access.NewSecret(askedPIN)},
		access.Credential{ID: "c2", Person: "p1", Kind: access.Card, Secret: access.NewSecret(askedCard)},
		access.Grant{ID: "g1", Person: "p1", Group: "entrance", Window: w, Ends: access.EndMoveOut, Reason: "lives in unit 101"},
	}
}

// settledHouse runs a gateway without a cloud, so that nothing changes its outbox, until p1 is confirmed at the panel.
func settledHouse(t *testing.T, out time.Time) *house {
	t.Helper()
	h := newHouse(t)
	h.start()
	h.store(1, append(places(), moving(out)...)...)
	h.confirmed("p1")
	return h
}

// store puts a snapshot into the running agent as if it had come from the cloud.
func (h *house) store(revision uint64, nouns ...access.Noun) {
	h.t.Helper()
	u := access.Update{Position: access.Position{Epoch: 1, Revision: revision}, Chunk: 1, Of: 1, Issued: time.Now(), DigestKey: make([]byte, 32)}
	u.Put = items(h.t, nouns...)
	for _, it := range u.Put {
		u.Digest.Toggle(u.DigestKey, it)
	}
	done, err := (linkWanted{h.agent}).Apply(u)
	if err != nil || !done {
		h.t.Fatalf("the state was not stored: %v %v", done, err)
	}
}

// confirmed waits until the agent has seen a person at the panel. Without a link nobody else listens to the outbox.
func (h *house) confirmed(p access.PersonID) {
	h.t.Helper()
	for {
		_, _, raw, _, err := h.agent.box.outbox.Pending(0, 1<<20)
		must(h.t, err)
		for _, r := range raw {
			var e access.Event
			must(h.t, json.Unmarshal(r, &e))
			if e.Kind == access.EventConfirmed && e.Person == p {
				return
			}
		}
		receive(h.t, h.agent.box.outbox.Wake(), "the confirmation of "+string(p))
	}
}

// TestAsk_RunningAndRestingGiveTheSameJSON.
func TestAsk_RunningAndRestingGiveTheSameJSON(t *testing.T) {
	t.Parallel()
	out := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	h := settledHouse(t, out)
	later := out.Add(time.Minute).Format(time.RFC3339)
	questions := [][]string{
		{AskDigest}, {AskDump}, {AskOutbox}, {AskPlan, "at", later}, {AskPlan, "at", later, "device", "front"},
		{AskPlan, "at", out.Add(-time.Hour).Format(time.RFC3339)},
	}
	var running []string
	for _, q := range questions {
		running = append(running, h.ask(q[0], q[1:]...))
	}
	h.stop()
	for i, q := range questions {
		same(t, strings.Join(q, " "), running[i], h.ask(q[0], q[1:]...))
		holdsNone(t, q[0], running[i], askedPIN, askedCard, panelPassword)
	}
	var o OutboxReport
	must(t, json.Unmarshal([]byte(running[2]), &o))
	if !o.OK || !o.ChainOK || o.First != 1 || o.Events != o.Last || o.Last < 3 {
		t.Errorf("outbox %+v", o)
	}
	if !strings.Contains(o.Says, "only the chain was checked and no signature") {
		t.Errorf("it says %q", o.Says)
	}
	for words, r := range map[string]outbox.Report{
		"nothing to check": {ChainOK: true}, "nothing waits: the cloud's last receipt reaches 412": {ChainOK: true, Confirmed: 412},
		"2 of this gateway's signatures over them hold": {ChainOK: true, Events: 2000, First: 1, Last: 2000, Checkpoints: 2}, "not whole": {Events: 3, First: 1, Last: 3},
	} {
		if got := checked(r); !strings.Contains(got, words) {
			t.Errorf("%q does not say %q", got, words)
		}
	}
	for _, want := range []string{`"(redacted)"`, `"k":"credential"`, "Maple Court", `"revision":1`, `"epoch":1`} {
		if !strings.Contains(running[1], want) {
			t.Errorf("the dump lacks %s", want)
		}
	}
}

// TestS7_PlanShowsTheMoveOut: now there is nothing to do until the move-out, and at that minute the removal.
func TestS7_PlanShowsTheMoveOut(t *testing.T) {
	t.Parallel()
	out := time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()
	h := settledHouse(t, out)
	tests := []struct {
		name  string
		query []string
		steps []PlanStep
		next  *time.Time
	}{
		{"now", nil, []PlanStep{}, &out},
		{"a minute before", []string{"at", out.Add(-time.Minute).Format(time.RFC3339)}, []PlanStep{}, &out},
		{"at the minute", []string{"at", out.Format(time.RFC3339)}, []PlanStep{{access.OpRemove, "p1", "no grant is open now", access.EndMoveOut, out}}, nil},
		{"by its own name", []string{"device", "front", "at", out.Format(time.RFC3339)}, []PlanStep{{access.OpRemove, "p1", "no grant is open now", access.EndMoveOut, out}}, nil},
	}
	done := len(h.sim.Mutating())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := h.ask(AskPlan, tt.query...)
			var r PlanReport
			must(t, json.Unmarshal([]byte(raw), &r))
			if null := strings.Contains(raw, `"next_change":null`); null != (tt.next == nil) {
				t.Errorf("next_change must always be there, null for never: %s", raw)
			}
			want := []DevicePlan{{ID: "front", Steps: tt.steps, Refusals: []PlanRefusal{}, Holds: []access.Hold{}, Stale: []access.PersonID{}, Adopt: []PlanAdopt{}, NextChange: tt.next}}
			if d := cmp.Diff(want, r.Devices); d != "" || !r.OK {
				t.Errorf("ok %v (-want +got):\n%s", r.OK, d)
			}
		})
	}
	if len(h.sim.Mutating()) != done || !h.opens(askedPIN) {
		t.Error("a plan did something")
	}
}

// TestAsk_PlanForAPanelThatNeverAnswered: its limits are unknown, so nothing is refused for them, and the plan says so.
func TestAsk_PlanForAPanelThatNeverAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Devices[0].URL = "http://" + deadAddress(t)
	h.start()
	h.store(1, append(places(), resident(1, since(time.Hour))...)...)
	var r PlanReport
	must(t, json.Unmarshal([]byte(h.ask(AskPlan)), &r))
	want := []DevicePlan{{
		ID: "front", Steps: []PlanStep{{Op: access.OpAdd, Person: "p1", Why: "lives in unit 101"}}, Refusals: []PlanRefusal{},
		Holds: []access.Hold{}, Stale: []access.PersonID{}, Adopt: []PlanAdopt{}, Note: neverAnswered,
	}}
	if d := cmp.Diff(want, r.Devices); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestAsk_RefusalsReadTheSameBothWays.
func TestAsk_RefusalsReadTheSameBothWays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	tests := []struct {
		query []string
		says  string
	}{
		{[]string{"device", "back"}, `look up device: "back" is not in the configuration`},
		{[]string{"at", "tomorrow"}, `read --at: "tomorrow" is no instant; write it like 2026-12-01T11:00:00-05:00`},
		{[]string{"at", "2026-12-01"}, `read --at: "2026-12-01" is no instant; write it like 2026-12-01T11:00:00-05:00`},
	}
	for _, way := range []string{"running", "resting"} {
		for _, tt := range tests {
			_, err := Ask(t.Context(), h.cfg, AskPlan, values(tt.query), quiet())
			if fault.KindOf(err) != fault.Invalid || err.Error() != tt.says {
				t.Errorf("%s, %v: %v %v", way, tt.query, fault.KindOf(err), err)
			}
		}
		h.stop()
	}
}

// TestAsk_WhereNoAgentEverWas makes nothing there.
func TestAsk_WhereNoAgentEverWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := Ask(t.Context(), h.cfg, AskPlan, nil, quiet())
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.RemedyOf(err), "--config") {
		t.Errorf("%v; %s", err, fault.RemedyOf(err))
	}
	if _, err := os.Stat(h.cfg.StateDir); !os.IsNotExist(err) {
		t.Errorf("the question made a state directory: %v", err)
	}
}

// TestAsk_SocketIsPrivateAndAStaleOneIsNoObstacle: kill -9 leaves the socket's file behind.
func TestAsk_SocketIsPrivateAndAStaleOneIsNoObstacle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	before := h.ask(AskDigest)
	info, err := os.Stat(socketPath(h.cfg))
	must(t, err)
	if info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, want a socket of 0600", info.Mode())
	}
	if dir, err := os.Stat(h.cfg.StateDir); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("the state directory: %v %v", dir.Mode(), err)
	}
	h.stop()
	if _, err := os.Stat(socketPath(h.cfg)); !os.IsNotExist(err) {
		t.Errorf("the socket's file stayed behind: %v", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(h.cfg), Net: "unix"})
	must(t, err)
	ln.SetUnlinkOnClose(false)
	must(t, ln.Close())
	same(t, "the digest beside a stale socket", before, h.ask(AskDigest))
	h.start()
	same(t, "the digest of the next agent", before, h.ask(AskDigest))
}

// TestAsk_DaemonTakesNoOtherQuestion: the socket answers four questions and the page's address none of them.
func TestAsk_DaemonTakesNoOtherQuestion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	for _, path := range []string{AskPlan, AskDigest, AskDump, AskOutbox, "/v1/", "/debug/pprof/"} {
		resp, err := http.Get(h.page + path)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the page's address: %s", path, resp.Status)
		}
	}
}

// TestG10_ABrokenChainIsFound: an event that somebody took out of the file is missed by its number.
func TestG10_ABrokenChainIsFound(t *testing.T) {
	t.Parallel()
	h := settledHouse(t, time.Now().Add(time.Hour))
	h.stop()
	db, err := bolt.Open(filepath.Join(h.cfg.StateDir, store.SiteFile), 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("outbox_events")).Delete([]byte{0, 0, 0, 0, 0, 0, 0, 2})
	}))
	must(t, db.Close())
	raw := h.ask(AskOutbox)
	var r OutboxReport
	must(t, json.Unmarshal([]byte(raw), &r))
	if r.OK || r.ChainOK || r.Error == nil || !strings.Contains(r.Error.Message, "2 to 2 are missing") || r.Error.Remedy == "" {
		t.Errorf("%s", raw)
	}
	if err := Bad([]byte(raw)); err == nil || err.Error() != r.Error.Message {
		t.Errorf("the exit code would not tell: %v", err)
	}
}

// TestAsk_DumpShowsNothingItCannotRead: a kind of a newer cloud, or a record that makes no sense, may hold a secret.
func TestAsk_DumpShowsNothingItCannotRead(t *testing.T) {
	t.Parallel()
	for _, it := range []access.Item{
		{Key: access.Key{Kind: "fingerprint", ID: "f1"}, Value: json.RawMessage(`{"secret":"` + askedPIN + `"}`)},
		{Key: access.Key{Kind: access.KindCredential, ID: "c1"}, Value: json.RawMessage(`{"id":"c1","secret":"` + askedPIN + `"}`)},
		{Key: access.Key{Kind: access.KindCredential, ID: "c2"}, Value: json.RawMessage(`"` + askedPIN)},
		{Key: access.Key{Kind: access.KindPerson, ID: "p1"}, Value: json.RawMessage(`{"id":"p1","kind":"resident","last":"Holt","pin":"` + askedPIN + `"}`)},
	} {
		out := redacted(it)
		holdsNone(t, string(it.Kind)+" "+it.ID, string(out.Value), askedPIN)
		if out.Key != it.Key || !json.Valid(out.Value) {
			t.Errorf("%v became %s %s", it.Key, out.Key, out.Value)
		}
	}
}
