package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"sort"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/reconcile"
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
	sort.SliceStable(r.Proofs, func(i, j int) bool {
		a, b := &r.Proofs[i], &r.Proofs[j]
		if a.Open() != b.Open() {
			return a.Open()
		}
		return a.Age > b.Age || a.Age == b.Age && a.Confirmed.After(b.Confirmed)
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
	Open    int            `json:"open"`  // of them not let be
	Drift   []access.Drift `json:"drift"` // told: the cloud has given its receipt
	Ignored int            `json:"ignored"`
	Devices []DriftDevice  `json:"devices"`
	Gone    []access.Drift `json:"gone"` // rows that were astray and are no more: last is when they went, what how
}

// DriftDevice is how old the word about a device is.
type DriftDevice struct {
	Device access.DeviceID `json:"device"`
	AsOf   time.Time       `json:"as_of,omitzero"` // when it was read back as a whole; zero: never
}

func askDrift(_ context.Context, k desk, q url.Values) (any, error) {
	r := DriftReport{OK: true, Drift: []access.Drift{}, Devices: []DriftDevice{}, Gone: []access.Drift{}}
	only := access.DeviceID(q.Get("device"))
	devices, err := k.devices()
	if err != nil {
		return nil, err
	}
	if only != "" && !slices.ContainsFunc(devices, func(d config.Device) bool { return d.ID == only }) {
		return nil, fault.New(fault.Invalid, "look up", "device", "%q is not in the configuration", only)
	}
	waits, err := k.driftWaits()
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if only != "" && d.ID != only {
			continue
		}
		if err := k.driftOf(d.ID, &r, waits); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// driftOf adds one device to the report.
func (k desk) driftOf(dev access.DeviceID, r *DriftReport, waits map[string]bool) error {
	list, err := k.site.Drift(dev)
	seen, _, unseen := k.site.Observed(dev)
	gone, lost := k.site.DriftGone(dev)
	if _, err := k.passOver(errors.Join(err, unseen, lost), "the next read-back tells it again"); err != nil {
		return err
	}
	for i := range list {
		line := &list[i]
		line.Told = line.Told && !waits[string(dev)+" "+line.Entry]
		if line.Ignore != "" {
			r.Ignored++
		} else {
			r.Open++
		}
	}
	r.Drift, r.Gone, r.Devices = append(r.Drift, list...), append(r.Gone, gone...), append(r.Devices, DriftDevice{dev, seen.At})
	return nil
}

// driftWaits are the rows of which an event waits for the cloud's receipt, by device and entry.
func (k desk) driftWaits() (map[string]bool, error) {
	const atOnce = 1 << 20
	out := map[string]bool{}
	for after := uint64(0); ; {
		first, _, raw, _, err := k.outbox.Pending(after, atOnce)
		if err != nil || len(raw) == 0 {
			return out, err
		}
		for _, one := range raw {
			var e access.Event
			if bytes.Contains(one, []byte(`"`+access.EventDrift+`"`)) && json.Unmarshal(one, &e) == nil && e.Row != nil {
				out[string(e.Device)+" "+e.Row.Entry] = true
			}
		}
		after = first + uint64(len(raw)) - 1
	}
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
	l := d.loop(r.Device)
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

// DriftRequest decides about one row of the list.
type DriftRequest struct {
	Do     access.DriftAct `json:"do"` // adopt, remove or keep
	Device access.DeviceID `json:"device"`
	Entry  string          `json:"entry"`            // as the list names it
	Person string          `json:"person,omitempty"` // for an adoption: an id, or the exact name of a person or unit
	Reason string          `json:"reason,omitempty"` // in words; staff at the cloud see it
}

// DecisionReport is what a decision came to.
type DecisionReport struct {
	OK      bool            `json:"ok"`
	Device  access.DeviceID `json:"device"`
	Entry   string          `json:"entry"`
	Act     access.DriftAct `json:"act"`
	Person  access.PersonID `json:"person,omitempty"` // whose the row is now
	Done    bool            `json:"done"`             // false: kept, and done as soon as the device lets it
	Message string          `json:"message,omitempty"`
}

func tellDrift(ctx context.Context, d desk, body []byte) (any, error) {
	r, err := told[DriftRequest](body)
	if err != nil {
		return nil, err
	}
	l := d.loop(r.Device)
	if err := r.check(l != nil); err != nil {
		return nil, err
	}
	want := reconcile.Decision{Entry: r.Entry, Act: r.Do, Reason: r.Reason}
	if r.Do == access.DriftTake {
		h, err := d.one(ctx, r.Person)
		if err != nil {
			return nil, err
		}
		want.To = h.Person.ID
	}
	ctx, cancel := context.WithTimeout(ctx, longestThought)
	defer cancel()
	out, err := l.Decide(ctx, want)
	return DecisionReport{OK: true, Device: r.Device, Entry: r.Entry, Act: r.Do, Person: want.To, Done: out.Done, Message: out.Message}, err
}

// check judges the form of a request.
func (r DriftRequest) check(driven bool) error {
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Invalid, "read", field, format, args...)
	}
	switch {
	case r.Do != access.DriftTake && r.Do != access.DriftRemove && r.Do != access.DriftKeep:
		return bad("do", "%.20q: want adopt, remove or keep", string(r.Do))
	case !driven:
		return fault.New(fault.Invalid, "look up", "device", "%.40q is none of those driven here", r.Device)
	case r.Entry == "" || len(r.Entry) > 40:
		return bad("entry", "which record? gatehouse-agent drift lists them, each with its entry")
	case (r.Do == access.DriftTake) == (r.Person == "") || len(r.Person) > 200:
		return bad("--person", "whose record is it? adopt wants an id, or the exact name of a person or unit; remove and keep want none")
	case r.Reason != "" && !plainWords(r.Reason):
		return bad("--reason", "want at most %d characters on one line", mostReason)
	}
	return nil
}

// HoldsReport is whose access stays although the state would take it away, and who stays out although
// it would let them in again (cause "back").
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
	for _, b := range *d.backs.Load() {
		r.Holds = append(r.Holds, b.Hold)
	}
	sort.Slice(r.Holds, func(i, j int) bool {
		a, b := &r.Holds[i], &r.Holds[j]
		return a.Person < b.Person || a.Person == b.Person && a.Cause < b.Cause
	})
	return r, err
}
