package agent

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// ProofsReport is the removals from devices (row G1): those that are under way, oldest first, and
// unless only they were asked for, behind them those that are confirmed, newest first.
type ProofsReport struct {
	OK     bool        `json:"ok"`
	Open   int         `json:"open"`
	Oldest float64     `json:"oldest_unconfirmed_seconds"` // 0: none is open
	Proofs []ProofLine `json:"proofs"`
}

// ProofLine is one removal of one person from one device.
type ProofLine struct {
	access.Proof
	State string  `json:"state"`                  // "open" or "confirmed"
	Age   float64 `json:"age_seconds,omitempty"`  // of an open one, since it was asked for
	Took  float64 `json:"took_seconds,omitempty"` // of a confirmed one, from then on
}

func askProofs(ctx context.Context, d desk, q url.Values) (any, error) {
	now, _ := d.clock.Now()
	r := ProofsReport{OK: true, Proofs: []ProofLine{}}
	err := d.site.Proofs(ctx, q.Get("open") != "", func(p access.Proof) error {
		line := ProofLine{Proof: p, State: "confirmed", Took: max(p.Confirmed.Sub(p.Asked).Seconds(), 0)}
		if p.Open() {
			line.State, line.Took, line.Age = "open", 0, age(p.Asked, now).Seconds()
			r.Open, r.Oldest = r.Open+1, max(r.Oldest, line.Age)
		}
		r.Proofs = append(r.Proofs, line)
		return nil
	})
	_, err = d.passOver(err, "it is not among the proofs")
	slices.SortStableFunc(r.Proofs, func(a, b ProofLine) int {
		if a.Open() != b.Open() {
			return cmp.Compare(b.State, a.State) // open ones first
		}
		return cmp.Or(cmp.Compare(b.Age, a.Age), b.Confirmed.Compare(a.Confirmed))
	})
	return r, err
}

// age is how long something lasts at an instant; a clock that was set back counts as no time.
func age(since, now time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0)
}

// DriftReport is what stands on the devices otherwise than this gateway wrote it, as last read back.
type DriftReport struct {
	OK      bool           `json:"ok"`
	Open    int            `json:"open"` // of them not let be
	Drift   []access.Drift `json:"drift"`
	Ignored int            `json:"ignored"`
}

func askDrift(_ context.Context, k desk, q url.Values) (any, error) {
	r := DriftReport{OK: true, Drift: []access.Drift{}}
	only := access.DeviceID(q.Get("device"))
	if only != "" && !slices.ContainsFunc(k.cfg.Devices, func(d config.Device) bool { return d.ID == only }) {
		return nil, fault.New(fault.Invalid, "look up", "device", "%q is not in the configuration", only)
	}
	for _, d := range k.cfg.Devices {
		if only != "" && d.ID != only {
			continue
		}
		list, err := k.site.Drift(d.ID)
		if _, err := k.passOver(err, "the next read-back tells it again"); err != nil {
			return nil, err
		}
		for _, line := range list {
			if line.Ignore != "" {
				r.Ignored++
			} else {
				r.Open++
			}
		}
		r.Drift = append(r.Drift, list...)
	}
	return r, nil
}

// IgnoreRequest lets a row on a device be as it is.
type IgnoreRequest struct {
	Device access.DeviceID `json:"device"`
	Native string          `json:"native"` // the device's own row id
	Reason string          `json:"reason"` // in words; "" makes it count again
}

// IgnoreReport is how many lines of the list are about the row.
type IgnoreReport struct {
	OK    bool `json:"ok"`
	Lines int  `json:"lines"`
}

func tellIgnore(ctx context.Context, d desk, body []byte) (any, error) {
	r, err := told[IgnoreRequest](body)
	if err != nil {
		return nil, err
	}
	l := d.loops[r.Device]
	switch {
	case l == nil:
		return nil, fault.New(fault.Invalid, "look up", "device", "%.40q is none of those driven here", r.Device)
	case r.Native == "" || len(r.Native) > 100:
		return nil, fault.New(fault.Invalid, "read", "--native", "which row? gatehouse-agent drift lists them")
	case r.Reason != "" && !plainWords(r.Reason):
		return nil, fault.New(fault.Invalid, "read", "--reason", "want at most %d characters on one line", mostReason)
	}
	ctx, cancel := context.WithTimeout(ctx, longestThought)
	defer cancel()
	n, err := l.Ignore(ctx, r.Native, r.Reason)
	return IgnoreReport{OK: true, Lines: n}, err
}

// HoldsReport is whose access stays although the state would take it away.
type HoldsReport struct {
	OK    bool          `json:"ok"`
	Holds []access.Hold `json:"holds"` // by person
}

func askHolds(_ context.Context, d desk, _ url.Values) (any, error) {
	holds, err := d.site.Holds()
	_, err = d.passOver(err, "the person waits all the same")
	r := HoldsReport{OK: true, Holds: []access.Hold{}}
	for _, h := range holds {
		r.Holds = append(r.Holds, h)
	}
	slices.SortFunc(r.Holds, func(a, b access.Hold) int { return cmp.Compare(a.Person, b.Person) })
	return r, err
}
