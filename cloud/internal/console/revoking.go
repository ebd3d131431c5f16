package console

import (
	"cmp"
	"fmt"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// revokingView is a row of the open revocations.
type revokingView struct {
	Revocation
	Who, Panel, Level   string
	AskedAt, AcceptedAt *Stamp
	StoredAt            *Stamp
	Words               string
}

// revoking words one open revocation.
func (pic *picture) revoking(v Revocation) revokingView {
	out := revokingView{
		Revocation: v, Who: cmp.Or(v.Name, string(v.Person)), Panel: string(v.Device), Level: string(Progress),
		AskedAt: pic.stamp(v.Asked), StoredAt: pic.stamp(v.Stored), AcceptedAt: pic.stamp(v.Written), Words: "not written yet",
	}
	var on panel
	for _, p := range pic.panels {
		if p.gateway == v.Gateway && p.device == v.Device {
			out.Panel, on = p.Name, p
		}
	}
	switch {
	case v.State == Held:
		out.Words = "held until somebody agrees"
	case !v.Written.IsZero():
		out.Words = "accepted by the panel, not read back yet"
	case v.Attempts > 0:
		out.Words = count(v.Attempts, "attempt", "attempts") + " so far"
	}
	if s, _ := headline(on.kind, access.OpRemove, fault.Internal, ""); s != "" && (v.State == Failed || on.down) {
		out.Words = s + ": " + out.Words
	}
	if pic.late(v) {
		out.Level = string(Problem)
	}
	return out
}

// late: it takes longer than a gateway that is well needs.
func (pic *picture) late(v Revocation) bool {
	return v.State == Failed || v.State == Refused || !v.Asked.IsZero() && pic.now.Sub(v.Asked) > grace
}

// settingsWords says what became of the settings, and whether somebody must look.
func settingsWords(s Settings) (words string, bad bool) {
	switch {
	case s.Wanted == 0:
		return "", false
	case s.Refused >= s.Wanted:
		return fmt.Sprintf("refused in revision %d: %s", s.Refused, s.Message), true
	case s.Known && s.InForce >= s.Wanted:
		return fmt.Sprintf("in force since revision %d", s.Wanted), false
	}
	return fmt.Sprintf("not in force yet (revision %d)", s.Wanted), false
}
