package main

import (
	"slices"
	"strings"
)

// Result is one measured number.
type Result struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Floor *float64 `json:"floor"` // the least it could be here, measured in the same run; null where there is none
	N     int      `json:"n"`     // how many measurements Value is made of
	Note  string   `json:"note,omitempty"`
}

// group is a stage play and the results it yields.
type group struct {
	name  string
	makes []string
	do    func(*rig) error
}

// groups are all there are. Those whose results are times come first and have the machine for themselves; the largest panel
// then loads beside the last, which asks for counts and memory.
func groups() []group {
	return []group{
		{"a panel of 100", []string{"change.requests.100", "reconnect.ms"}, houseOf100},
		{"a live source", []string{"change.written.p50_ms", "change.written.p99_ms"}, liveHouse},
		{"a panel of 1,000", []string{
			"bulk.1000.seconds", "disk.bytes_per_event", "change.requests.1000", "disk.bytes_per_change",
			"revocation.position", "revocation.confirm_ms", "outbox.drain_per_second",
		}, houseOf1000},
		{"a move-in day", []string{"moveinday.seconds"}, moveInDay},
		{"a panel of 10,000", []string{
			"snapshot.10000.bytes", "snapshot.10000.seconds", "change.requests.10000", "unchanged.10000.requests",
			"agent.anon_mb.10000", "agent.enforcing_ms.10000",
		}, houseOf10000},
		{"4 panels of 2,000", []string{"agent.anon_mb.idle", "agent.anon_mb.2000"}, fourPanels},
	}
}

func allNames() (out []string) {
	for _, g := range groups() {
		out = append(out, g.makes...)
	}
	return out
}

// wants says whether a result was asked for.
func wants(asked, name string) bool {
	return asked == "" || slices.ContainsFunc(strings.Split(asked, ","), func(a string) bool {
		return name == a || strings.HasPrefix(name, a+".")
	})
}

// picked are the groups that make what was asked for.
func picked(asked string) (out []group) {
	for _, g := range groups() {
		if slices.ContainsFunc(g.makes, func(name string) bool { return wants(asked, name) }) {
			g.makes = slices.DeleteFunc(g.makes, func(name string) bool { return !wants(asked, name) })
			out = append(out, g)
		}
	}
	return out
}

// target is what the house wants of a result; 0 where nothing is written down.
type target struct {
	most   float64 // value is at most this
	floors float64 // value is at most so many floors
	text   string
}

func targetOf(name string) target {
	switch name {
	case "moveinday.seconds":
		return target{floors: 1.1, text: "1.1 × floor"}
	case "revocation.position":
		return target{most: 1, text: "1"}
	case "change.written.p50_ms":
		return target{floors: 3, text: "3 × floor"}
	case "agent.anon_mb.idle", "agent.anon_mb.2000":
		return target{most: 10, text: "≤ 10"}
	case "agent.anon_mb.10000":
		return target{most: 30, text: "≤ 30"}
	case "agent.enforcing_ms.10000":
		return target{most: 300, text: "≤ 300"}
	case "snapshot.10000.bytes":
		return target{most: 1.5e6, text: "≤ 1,500,000"}
	case "snapshot.10000.seconds":
		return target{most: 2, text: "≤ 2"}
	case "change.requests.100", "change.requests.1000", "change.requests.10000":
		return target{text: "the same for every N"}
	}
	return target{}
}

// missed says that a result is worse than its target. A change must cost on every panel what it does on the first.
func missed(r Result, all []Result) bool {
	t := targetOf(r.Name)
	const changes = "change.requests."
	first := slices.IndexFunc(all, func(o Result) bool { return strings.HasPrefix(o.Name, changes) })
	return t.most > 0 && r.Value > t.most || t.floors > 0 && r.Floor != nil && r.Value > t.floors**r.Floor ||
		strings.HasPrefix(r.Name, changes) && r.Value != all[first].Value
}
