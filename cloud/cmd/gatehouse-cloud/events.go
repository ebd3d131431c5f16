package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"gatehouse/cloud"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/cli"
)

func withGateway(c *cli.Call) (gateway *string, needed func() error) {
	gateway = c.Flags.String("gateway", "", "the `GATEWAY` whose events are meant")
	return gateway, func() error {
		if *gateway == "" {
			return cli.Usagef("--gateway GATEWAY is missing: whose events?")
		}
		return nil
	}
}

// verifyJSON is what events verify tells.
type verifyJSON struct {
	OK          bool             `json:"ok"`
	Gateway     access.GatewayID `json:"gateway"`
	Events      int              `json:"events"`
	First       uint64           `json:"first"`
	Last        uint64           `json:"last"`
	ChainOK     bool             `json:"chain_ok"`
	Checkpoints int              `json:"checkpoints"`
	Signed      uint64           `json:"signed_through"`
	Lost        [][2]uint64      `json:"lost"`
	Holes       [][2]uint64      `json:"holes"` // not here since the database was restored
	Problems    []string         `json:"problems"`
	Says        string           `json:"says"` // in words, what was checked and what was not
}

// words say what was checked and, where there was nothing to check with, what was not.
func (v verifyJSON) words() string {
	chain := fmt.Sprintf("%d events of gateway %s, %d to %d: no gap that is not accounted for, every link fits.", v.Events, v.Gateway, v.First, v.Last)
	switch {
	case v.Events == 0:
		return fmt.Sprintf("No event of gateway %s is here yet: there was nothing to check.", v.Gateway)
	case v.Checkpoints == 0:
		return chain + " No checkpoint came with them yet: only the chain was checked, no signature of the gateway, which signs about every thousandth event."
	case v.Signed < v.Last:
		return chain + fmt.Sprintf(" %d signatures of the gateway hold, the last at event %d; of the events behind it only the chain was checked.", v.Checkpoints, v.Signed)
	}
	return chain + fmt.Sprintf(" %d signatures of the gateway hold, the last at event %d.", v.Checkpoints, v.Signed)
}

func setUpEventsVerify(c *cli.Call) func() error {
	open := opener(c)
	gateway, needed := withGateway(c)
	return func() error {
		if err := needed(); err != nil {
			return err
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			r, err := cl.VerifyEvents(c, access.GatewayID(*gateway))
			if err != nil {
				return err
			}
			o := verifyJSON{len(r.Problems) == 0, access.GatewayID(*gateway), r.Events, r.First, r.Last, len(r.Problems) == 0, r.Checkpoints, r.Signed,
				[][2]uint64{}, [][2]uint64{}, append([]string{}, r.Problems...), ""}
			for _, s := range r.Lost {
				o.Lost = append(o.Lost, [2]uint64{s.First, s.Last})
			}
			for _, s := range r.Holes {
				o.Holes = append(o.Holes, [2]uint64{s.First, s.Last})
			}
			if !o.OK {
				return c.TellFailure(o, fault.New(fault.Conflict, "verify events of gateway", *gateway, "%s", strings.Join(r.Problems, "; ")).
					WithRemedy("Keep a copy of the database and find out who could write to it; the gateway's own record: gatehouse-agent outbox verify."))
			}
			o.Says = o.words()
			return c.Tell(o, "%s", o.Says)
		})
	}
}

// eventJSON is one exported event: its exact bytes as a string, because every space of them counts.
type eventJSON struct {
	Number   uint64      `json:"n"`
	Received time.Time   `json:"received"`
	Late     bool        `json:"late,omitempty"`
	Raw      string      `json:"raw"`
	Link     access.Link `json:"link"`
}

type checkpointJSON struct {
	Number    uint64      `json:"n"`
	Link      access.Link `json:"link"`
	At        time.Time   `json:"at"`
	Signature []byte      `json:"sig"`
	Signing   []byte      `json:"key"`
}

func setUpEventsExport(c *cli.Call) func() error {
	open := opener(c)
	gateway, needed := withGateway(c)
	after := c.Flags.Uint64("after", 0, "only events after this `NUMBER`")
	return func() error {
		if err := needed(); err != nil {
			return err
		}
		return open(slog.LevelWarn, func(cl *cloud.Cloud) error {
			return export(c, cl, access.GatewayID(*gateway), *after)
		})
	}
}

// export writes one object while it reads, because a gateway's events may be more than fits in memory.
func export(c *cli.Call, cl *cloud.Cloud, gw access.GatewayID, after uint64) error {
	separator := `{"ok":true,"gateway":"` + string(gw) + `","events":[` + "\n"
	put := func(v any) error {
		raw, err := json.Marshal(v)
		if err == nil {
			_, err = io.WriteString(c.Stdout, separator+string(raw))
		}
		separator = ",\n"
		return err
	}
	signed, err := cl.ExportEvents(c, gw, after, func(e cloud.EventRecord) error {
		return put(eventJSON{e.Number, e.Received, e.Late, string(e.Raw), e.Link})
	})
	if err != nil {
		return err
	}
	if separator != ",\n" {
		if _, err := io.WriteString(c.Stdout, separator); err != nil {
			return err
		}
	}
	separator = "],\n\"checkpoints\":"
	out := make([]checkpointJSON, len(signed))
	for i, s := range signed {
		out[i] = checkpointJSON{s.Number, s.Link, s.At, s.Signature, s.Signing}
	}
	if err := put(out); err != nil {
		return err
	}
	_, err = io.WriteString(c.Stdout, "}\n")
	return err
}
