package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// orderPath is where a running agent is told what to do about its devices, by POST on its socket only. It may take
// minutes, so the answer comes in pieces: how it goes, one JSON object a line, and at the end what came of it.
const orderPath = "/v1/devices"

// What can be ordered, and what the answer is.
const (
	OrderList     = "list"     // a DeviceList; of ID alone, where it is given
	OrderPair     = "pair"     // a PairReport, and each Step as it ends
	OrderManage   = "manage"   // a ModeReport
	OrderReport   = "report"   // a ModeReport
	OrderForget   = "forget"   // a ModeReport
	OrderAudit    = "audit"    // an AuditReport; of ID alone, where it is given
	OrderDiscover = "discover" // a DiscoverReport, and how far it is each time it found something
)

// DeviceOrder is one order.
type DeviceOrder struct {
	Do   string          `json:"do"`
	ID   access.DeviceID `json:"id,omitempty"`
	Pair PairRequest     `json:"pair,omitzero"`

	Leave bool          `json:"leave,omitempty"` // of forget: although people of ours stand on it
	Wait  time.Duration `json:"wait,omitempty"`  // of audit, for each device; 0: 5 minutes
	Range string        `json:"range,omitempty"` // of discover: "10.0.0.0/24", private or loopback
	// Ports, of discover, are "name=port", where devices do not have the usual one; of a name in it only these are asked.
	Ports []string `json:"ports,omitempty"`
}

// maxOrder bounds an order: a password may be a long token.
const maxOrder = 128 << 10

// carryOut does an order.
func (a *Agent) carryOut(ctx context.Context, o DeviceOrder, tell func(any)) (any, error) {
	switch o.Do {
	case OrderList:
		return a.deviceList(ctx, o.ID)
	case OrderPair:
		return a.pair(ctx, o.ID, o.Pair, tell)
	case OrderAudit:
		return a.auditNow(ctx, o)
	case OrderDiscover:
		return a.discover(ctx, o, tell)
	}
	return a.setMode(ctx, o)
}

// piece is one line of the answer to an order. In the last one stands an answer, an error, or both.
type piece struct {
	Told   any       `json:"told,omitempty"`
	Answer any       `json:"answer,omitempty"`
	Error  *askError `json:"error,omitempty"`
}

// takeOrder serves orders.
func (d desk) takeOrder(w http.ResponseWriter, r *http.Request) {
	say := func(p piece) {
		_ = json.NewEncoder(w).Encode(p) // the client hung up; nobody to tell
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	var last piece
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	var o DeviceOrder
	if err == nil {
		o, err = told[DeviceOrder](body)
	}
	if err == nil {
		last.Answer, err = d.agent.carryOut(r.Context(), o, func(v any) { say(piece{Told: v}) })
	}
	if err != nil {
		e := askErrorOf(err)
		last.Error = &e
	}
	say(last)
}

// Order has the running agent do something about its devices. tell hears how it goes; nil: nobody does. Beside an error
// may stand an answer, which tells how far it came.
func Order(ctx context.Context, cfg Config, o DeviceOrder, tell func(json.RawMessage)) (json.RawMessage, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	resp, err := throughSocket(ctx, cfg, http.MethodPost, orderPath, body, 0)
	if errors.Is(err, errResting) {
		err = nobodyRuns(cfg)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var p struct {
			Told, Answer json.RawMessage
			Error        *askError
		}
		switch err := d.Decode(&p); {
		case err != nil:
			return nil, fault.New(fault.Timeout, "ask", "the running agent", "it stopped in the middle of it: %w", err).
				WithRemedy("See with gatehouse-agent status whether it runs, and with device list what it kept.")
		case p.Error != nil:
			return p.Answer, p.Error.fault()
		case p.Answer != nil:
			return p.Answer, nil
		case tell != nil:
			tell(p.Told)
		}
	}
}
