package agent

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What the command line can ask of an agent, running or resting. While the daemon holds the files
// the question goes through its socket; otherwise it is answered from the files. Both ways run the
// same function and give the same JSON.
const (
	AskPlan   = "/v1/plan"          // ?device=ID&at=INSTANT
	AskDigest = "/v1/state/digest"  //
	AskDump   = "/v1/state/dump"    //
	AskOutbox = "/v1/outbox/verify" //
)

var asks = map[string]func(context.Context, *box, config.Config, url.Values) (any, error){
	AskPlan: askPlan, AskDigest: askDigest, AskDump: askDump, AskOutbox: askOutbox,
}

func socketPath(cfg config.Config) string { return filepath.Join(cfg.StateDir, "agent.sock") }

// Ask answers one question as JSON: through the daemon when it runs, else from the files.
func Ask(ctx context.Context, cfg Config, path string, q url.Values, log *slog.Logger) ([]byte, error) {
	out, err := askDaemon(ctx, cfg, path, q)
	if !errors.Is(err, errResting) {
		return out, err
	}
	// To ask must not make a state where there is none.
	if _, err := os.Stat(filepath.Join(cfg.StateDir, store.SiteFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "read", cfg.StateDir, "no agent has ever kept its state there").
			WithRemedy("Give the configuration that the agent runs with, by --config.")
	}
	b, err := openBox(cfg.StateDir, hostSource(), nil, log)
	if err != nil {
		return nil, err
	}
	v, err := asks[path](ctx, b, cfg, q)
	if err := errors.Join(err, b.Close()); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// errResting says that no daemon answers on the socket.
var errResting = errors.New("no agent is running")

// askError is how a failed question travels through the socket, so that it reads the same there
// and from the files.
type askError struct {
	Kind    string `json:"kind"`
	Op      string `json:"op"`
	Subject string `json:"subject"`
	Cause   string `json:"cause"`
	Remedy  string `json:"remedy"`
}

func askErrorOf(err error) askError {
	e := askError{Kind: fault.KindOf(err).String(), Op: "ask", Subject: "the running agent", Cause: err.Error(), Remedy: fault.RemedyOf(err)}
	var f *fault.Error
	if errors.As(err, &f) && f.Error() == err.Error() && f.Err != nil {
		e.Op, e.Subject, e.Cause = f.Op, f.Subject, f.Err.Error()
	}
	return e
}

func (e askError) fault() error {
	return fault.New(fault.Parse(e.Kind), e.Op, e.Subject, "%s", e.Cause).WithRemedy("%s", e.Remedy)
}

func askDaemon(ctx context.Context, cfg Config, path string, q url.Values) ([]byte, error) {
	c := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(cfg))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent"+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial" && ctx.Err() == nil:
		return nil, errResting
	case err != nil:
		return nil, fault.Wrap(fault.Timeout, "ask", "the running agent", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err != nil {
		return nil, fault.Wrap(fault.Timeout, "ask", "the running agent", err)
	}
	if resp.StatusCode == http.StatusOK {
		return b, nil
	}
	var e askError
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fault.New(fault.Internal, "ask", "the running agent", "status %d", resp.StatusCode)
	}
	return nil, e.fault()
}

// serveAsk answers the same questions on the daemon's socket.
func (b *box) serveAsk(mux *http.ServeMux, cfg config.Config) {
	for path, ask := range asks {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			v, err := ask(r.Context(), b, cfg, r.URL.Query())
			if err != nil {
				w.WriteHeader(http.StatusUnprocessableEntity)
				v = askErrorOf(err)
			}
			_ = json.NewEncoder(w).Encode(v) // the client hung up; nobody to tell
		})
	}
}

// PlanReport is what would be done now, or at another instant.
type PlanReport struct {
	OK      bool         `json:"ok"`
	At      time.Time    `json:"at"`
	Devices []DevicePlan `json:"devices"`
}

// DevicePlan is what would be done on one device, in order.
type DevicePlan struct {
	ID         access.DeviceID `json:"id"`
	Steps      []PlanStep      `json:"steps"`
	Refusals   []PlanRefusal   `json:"refusals"`
	NextChange *time.Time      `json:"next_change"` // nil: never by itself
	Note       string          `json:"note,omitempty"`
}

// Notes on a plan.
const (
	neverAnswered = "this device has not answered yet: what it can hold is not known, so nothing is refused for it here"
	nothingKnown  = "no wanted state is stored, or it cannot be read: nothing changes here until the cloud has sent it"
)

// PlanStep is one mutating request.
type PlanStep struct {
	Op     access.Op       `json:"op"`
	Person access.PersonID `json:"person"`
	Why    string          `json:"why"`
}

// PlanRefusal is something wanted that cannot be written as it is.
type PlanRefusal struct {
	Person access.PersonID `json:"person"`
	Kind   string          `json:"kind"`
	Why    string          `json:"why"`
}

func askPlan(ctx context.Context, b *box, cfg config.Config, q url.Values) (any, error) {
	now, trusted := b.clock.Now()
	if s := q.Get("at"); s != "" {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, fault.New(fault.Invalid, "read", "--at", "%q is no instant; write it like 2026-12-01T11:00:00-05:00", s)
		}
		now, trusted = at, true
	}
	r := PlanReport{OK: true, At: now.UTC(), Devices: []DevicePlan{}}
	only := access.DeviceID(q.Get("device"))
	for _, d := range cfg.Devices {
		if only != "" && d.ID != only {
			continue
		}
		p, err := planDevice(walker{b, ctx}, d, now, trusted)
		if err != nil {
			return nil, err
		}
		r.Devices = append(r.Devices, p)
	}
	if only != "" && len(r.Devices) == 0 {
		return nil, fault.New(fault.Invalid, "look up", "device", "%q is not in the configuration", only)
	}
	return r, nil
}

// planDevice decides for everybody at once, with the ledger standing in for the device.
func planDevice(w walker, d config.Device, now time.Time, trusted bool) (DevicePlan, error) {
	in := plan.Input{
		Now: now, Trusted: trusted, Doors: d.Doors, Print: w,
		Ledger: map[access.PersonID]access.LedgerEntry{}, Others: plan.Others{Secrets: map[string]access.PersonID{}},
	}
	var err error
	said, note := whatItSaid(w.site, d.ID, w.log), ""
	if in.Limits = said.Limits; said.Identity == (model.Identity{}) {
		in.Limits, note = model.Limits{PINs: 1, Cards: math.MaxInt, Mobile: true}, neverAnswered
	}
	if in.Places, err = w.Places(); err != nil {
		return DevicePlan{}, err
	}
	if in.Overlay, err = w.Overlays(); err != nil {
		return DevicePlan{}, err
	}
	if err := gather(w, d.ID, &in); err != nil {
		return DevicePlan{}, err
	}
	if w.unknown() {
		note = nothingKnown
	}
	out := shown(d.ID, plan.Make(in))
	out.Note = note
	return out, nil
}

// gather reads everybody who is wanted or in the ledger.
func gather(w walker, dev access.DeviceID, in *plan.Input) error {
	wanted := map[access.PersonID]bool{}
	err := w.People(func(id access.PersonID) error {
		h, ok, err := w.Holder(id)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		if err != nil { // as the loop does: what is missing says nothing
			h.Person.ID, ok = id, true
			if len(h.Unread) == 0 {
				h.Unread = access.Kinds
			}
		}
		if ok {
			in.People, wanted[id] = append(in.People, h), true
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Entries(dev, func(e access.LedgerEntry) error {
		in.Others.Rows++
		in.Ledger[e.Person] = e
		for _, s := range e.Secrets {
			in.Others.Secrets[s] = e.Person
		}
		if !wanted[e.Person] {
			in.Gone = append(in.Gone, e.Person)
		}
		return nil
	})
}

func shown(id access.DeviceID, p plan.Plan) DevicePlan {
	out := DevicePlan{ID: id, Steps: []PlanStep{}, Refusals: []PlanRefusal{}}
	if !p.NextChange.IsZero() {
		out.NextChange = &p.NextChange
	}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, PlanStep{s.Op, s.Person, s.Why})
	}
	for _, r := range p.Refusals {
		out.Refusals = append(out.Refusals, PlanRefusal{r.Person, r.Kind.String(), r.Why})
	}
	return out
}

// StateReport is where the wanted state stands, and with dump what is in it.
type StateReport struct {
	OK       bool          `json:"ok"`
	Epoch    uint64        `json:"epoch"`
	Revision uint64        `json:"revision"`
	Digest   access.Digest `json:"digest"`
	Items    []access.Item `json:"items,omitempty"`
}

func askDigest(_ context.Context, b *box, _ config.Config, _ url.Values) (any, error) {
	pos, err := b.wanted.Position()
	if err != nil {
		return nil, err
	}
	d, err := b.wanted.Digest()
	return StateReport{OK: true, Epoch: pos.Epoch, Revision: pos.Revision, Digest: d}, err
}

// askDump lists every item with secrets redacted: decoding gives the redacting type, and what
// cannot be decoded is not shown.
func askDump(ctx context.Context, b *box, cfg config.Config, q url.Values) (any, error) {
	v, err := askDigest(ctx, b, cfg, q)
	if err != nil {
		return nil, err
	}
	r, _ := v.(StateReport)
	err = b.wanted.Items(ctx, func(it access.Item) error {
		r.Items = append(r.Items, redacted(it))
		return nil
	})
	return r, err
}

func redacted(it access.Item) access.Item {
	n, err := access.Decode(it)
	if err != nil || n == nil {
		return access.Item{Key: it.Key, Value: json.RawMessage(`"(not shown: this program cannot read it)"`)}
	}
	raw, err := json.Marshal(n)
	if err != nil {
		raw = []byte("null")
	}
	return access.Item{Key: it.Key, Value: bytes.TrimSpace(raw)}
}

// OutboxReport is the outbox's chain, checked from end to end.
type OutboxReport struct {
	OK          bool         `json:"ok"`
	Events      uint64       `json:"events"`
	First       uint64       `json:"first"`
	Last        uint64       `json:"last"`
	ChainOK     bool         `json:"chain_ok"`
	Checkpoints int          `json:"checkpoints"`
	Lost        uint64       `json:"lost"`
	Problems    []string     `json:"problems,omitempty"`
	Error       *answerError `json:"error,omitempty"` // when the chain does not hold
}

// answerError is the error object of CLI.md.
type answerError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// Bad is an error when an answer, whole as it is, tells of something that must not be.
func Bad(answer []byte) error {
	var r OutboxReport
	if err := json.Unmarshal(answer, &r); err != nil || r.OK {
		return err
	}
	return brokenChain(r.Problems)
}

func brokenChain(problems []string) error {
	return fault.New(fault.Internal, "verify", "outbox", "%s", strings.Join(problems, ", ")).
		WithRemedy("Keep a copy of the state directory for whoever audits this property.")
}

func askOutbox(_ context.Context, b *box, _ config.Config, _ url.Values) (any, error) {
	var public ed25519.PublicKey
	var past []ed25519.PublicKey
	if b.id != nil {
		ring := b.id.ring.Load()
		public, past = ring.public(), ring.past
	}
	r, err := b.outbox.Verify(public, past...)
	out := OutboxReport{r.ChainOK, r.Events, r.First, r.Last, r.ChainOK, r.Checkpoints, r.Lost, r.Problems, nil}
	if err == nil && !r.ChainOK {
		bad := brokenChain(r.Problems)
		out.Error = &answerError{fault.KindOf(bad).String(), bad.Error(), fault.RemedyOf(bad)}
	}
	return out, err
}
