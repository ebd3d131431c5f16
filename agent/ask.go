package agent

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/outbox"
	"gatehouse/agent/internal/reconcile"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// What the command line can ask of an agent, running or resting. While the daemon holds the files
// the question goes through its socket; otherwise it is answered from the files. Both ways run the
// same function and give the same JSON.
const (
	AskPlan     = "/v1/plan"          // ?device=ID&at=INSTANT
	AskDigest   = "/v1/state/digest"  //
	AskDump     = "/v1/state/dump"    //
	AskOutbox   = "/v1/outbox/verify" //
	AskProofs   = "/v1/proofs"        // ?open=1
	AskDrift    = "/v1/drift"         // ?device=ID
	AskHolds    = "/v1/holds"         //
	AskOverlays = "/v1/overlay"       //
	AskMap      = "/v1/map"           // ?device=ID
)

// What can be told to a running agent, and to nobody else: by POST, on its socket only.
const (
	TellOverlay = "/v1/overlay"      // an OverlayRequest
	TellIgnore  = "/v1/drift/ignore" // an IgnoreRequest
	TellDrift   = "/v1/drift"        // a DriftRequest
	TellMap     = "/v1/map"          // a MapRequest
)

var asks = map[string]func(context.Context, desk, url.Values) (any, error){
	AskPlan: askPlan, AskDigest: askDigest, AskDump: askDump, AskOutbox: askOutbox,
	AskProofs: askProofs, AskDrift: askDrift, AskHolds: askHolds, AskOverlays: askOverlays,
	AskMap: askMap,
}

var tells = map[string]func(context.Context, desk, []byte) (any, error){
	TellOverlay: tellOverlay, TellIgnore: tellIgnore, TellDrift: tellDrift, TellMap: tellMap, TellInvite: tellInvite,
}

// desk is where questions are answered: the files and, while the daemon runs, its loops.
type desk struct {
	*box
	cfg    config.Config
	agent  *Agent  // nil from the files
	onsite *onsite // nil from the files
	units  *unitMaps
}

// devices are those of the file, and then those that were paired.
func (d desk) devices() ([]config.Device, error) { return d.box.devices(d.cfg) }

// loop is the loop of a device; nil when there is none, or from the files.
func (d desk) loop(id access.DeviceID) *reconcile.Loop {
	if d.agent != nil {
		if p := d.agent.panel(id); p != nil {
			return p.loop
		}
	}
	return nil
}

func socketPath(cfg config.Config) string {
	return cmp.Or(cfg.Socket, filepath.Join(cfg.StateDir, "agent.sock"))
}

// Ask answers one question as JSON: through the daemon when it runs, else from the files.
func Ask(ctx context.Context, cfg Config, path string, q url.Values, log *slog.Logger) ([]byte, error) {
	out, err := askDaemon(ctx, cfg, http.MethodGet, path+"?"+q.Encode(), nil)
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
	v, err := asks[path](ctx, desk{box: b, cfg: cfg, units: newUnitMaps(b.site, log)}, q)
	if err := errors.Join(err, b.Close()); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// Tell has the running agent do something. Nobody else can: what it changes must act at once.
func Tell(ctx context.Context, cfg Config, path string, what any) ([]byte, error) {
	body, err := json.Marshal(what)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "read", "what was asked", err)
	}
	out, err := askDaemon(ctx, cfg, http.MethodPost, path, body)
	if errors.Is(err, errResting) {
		err = nobodyRuns(cfg)
	}
	return out, err
}

func nobodyRuns(cfg Config) error {
	return fault.New(fault.Unreachable, "tell", socketPath(cfg), "no gateway runs here, or you may not speak to it").
		WithRemedy("Start it with gatehouse-agent start, and be the user it runs as, or root.")
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

func askDaemon(ctx context.Context, cfg Config, method, path string, body []byte) ([]byte, error) {
	resp, err := throughSocket(ctx, cfg, method, path, body, time.Minute)
	if err != nil {
		return nil, err
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

// throughSocket sends one request to the running agent; limit bounds all of it, 0 not at all.
func throughSocket(ctx context.Context, cfg Config, method, path string, body []byte, limit time.Duration) (*http.Response, error) {
	c := http.Client{Timeout: limit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(cfg))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(body))
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
	return resp, nil
}

// maxTold bounds what is told by POST: a map of some thousand units.
const maxTold = 64 << 10

// serve answers the same questions on the daemon's socket, and does what is told there.
func (d desk) serve(mux *http.ServeMux) {
	for path, ask := range asks {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			answer(w)(ask(r.Context(), d, r.URL.Query()))
		})
	}
	for path, tell := range tells {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTold))
			if err != nil {
				answer(w)(nil, fault.Wrap(fault.Invalid, "read", "what was told", err))
				return
			}
			answer(w)(tell(r.Context(), d, body))
		})
	}
	mux.HandleFunc("POST "+orderPath, d.takeOrder)
}

func answer(w http.ResponseWriter) func(any, error) {
	return func(v any, err error) {
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			v = askErrorOf(err)
		}
		_ = json.NewEncoder(w).Encode(v) // the client hung up; nobody to tell
	}
}

// told reads what was told; a field that it does not know may be one that matters.
func told[T any](body []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil { // the error may hold some of it, and with that a PIN
		return v, fault.New(fault.Invalid, "read", "what was told", "it is not what this gateway understands; are both programs of one version?")
	}
	return v, nil
}

// StateReport is where the wanted state stands, and with dump what is in it.
type StateReport struct {
	OK       bool          `json:"ok"`
	Epoch    uint64        `json:"epoch"`
	Revision uint64        `json:"revision"`
	Digest   access.Digest `json:"digest"`
	Items    []access.Item `json:"items,omitempty"`
}

func askDigest(_ context.Context, b desk, _ url.Values) (any, error) {
	pos, err := b.wanted.Position()
	if err != nil {
		return nil, err
	}
	d, err := b.wanted.Digest()
	return StateReport{OK: true, Epoch: pos.Epoch, Revision: pos.Revision, Digest: d}, err
}

// askDump lists every item with secrets redacted: decoding gives the redacting type, and what
// cannot be decoded is not shown.
func askDump(ctx context.Context, b desk, q url.Values) (any, error) {
	v, err := askDigest(ctx, b, q)
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
	Says        string       `json:"says"` // in words, what was checked and what could not be
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

// checked says what a walk over the outbox proves.
func checked(r outbox.Report) string {
	words := "every link fits, and %d of this gateway's signatures over them hold"
	switch {
	case !r.ChainOK:
		words = "they are not whole (signatures that hold: %d)"
	case r.Events == 0:
		return fmt.Sprintf("nothing waits: the cloud's last receipt reaches %d (0: none), so there was nothing to check here; what it has: gatehouse-cloud events verify", r.Confirmed)
	case r.Checkpoints == 0:
		words = "every link fits; there are %d checkpoints among them, so only the chain was checked and no signature"
	}
	return fmt.Sprintf("%d events wait, behind the cloud's last receipt for %d: "+words, r.Events, r.Confirmed, r.Checkpoints)
}

func askOutbox(_ context.Context, b desk, _ url.Values) (any, error) {
	var public ed25519.PublicKey
	var past []ed25519.PublicKey
	if b.id != nil {
		ring := b.id.ring.Load()
		public, past = ring.public(), ring.past
	}
	r, err := b.outbox.Verify(public, past...)
	out := OutboxReport{r.ChainOK, r.Events, r.First, r.Last, r.ChainOK, r.Checkpoints, r.Lost, checked(r), r.Problems, nil}
	if err == nil && !r.ChainOK {
		bad := brokenChain(r.Problems)
		out.Error = &answerError{fault.KindOf(bad).String(), bad.Error(), fault.RemedyOf(bad)}
	}
	return out, err
}
