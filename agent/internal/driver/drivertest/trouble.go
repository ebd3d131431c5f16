package drivertest

import (
	"maps"
	"slices"
	"testing"

	"gatehouse/protocol/access/fault"
)

// Trouble is a way in which a device, or the line to it, goes wrong, in words that fit every kind of device.
type Trouble string

// On the line, each for every request while it lasts.
const (
	Silent       Trouble = "no answer at all"
	Drip         Trouble = "an answer of a byte a moment"
	Nothing      Trouble = "200 with nothing"
	Half         Trouble = "half of an answer, then the end"
	HalfAsWhole  Trouble = "half of an answer as if it were whole"
	Endless      Trouble = "an answer that never ends"
	Huge         Trouble = "an answer of 64 MiB"
	Appended     Trouble = "an answer with another behind it"
	NotText      Trouble = "an answer of bytes that are no text"
	WrongTypes   Trouble = "an answer of the right form with the wrong types in it"
	Nested       Trouble = "an answer of a million brackets"
	AnotherPage  Trouble = "somebody else's page"
	Elsewhere    Trouble = "a redirect to another host"
	ServerError  Trouble = "an error of the server's"
	TooBusy      Trouble = "too busy, ask later"
	ResetBefore  Trouble = "a reset before anything is done"
	ResetAfter   Trouble = "a reset after it was done"
	LostOnceDone Trouble = "one answer lost, the write done"
	LostOnceNot  Trouble = "one answer lost, the write not done"
)

// In the device.
const (
	Unreachable     Trouble = "off the network"
	Restart         Trouble = "a restart"
	PasswordChanged Trouble = "the password changed"
	RightsLost      Trouble = "the login has lost its rights"
	SessionLost     Trouble = "the login forgotten at every request"
	ApiOff          Trouble = "the interface switched off"
	DeviceFull      Trouble = "no room for another person"
	WritesRefused   Trouble = "every write refused"
	SilentDrop      Trouble = "writes said to be done and dropped"
	HalfStored      Trouble = "writes said to be done and stored in part"
	HandEdit        Trouble = "our row changed by hand"
	HandRemoved     Trouble = "our row removed by hand"
	Double          Trouble = "a second row with our reference"
	SamePIN         Trouble = "a stranger with the PIN that is to be written"
	Renumbered      Trouble = "our row's number given to somebody else"
	ListMoves       Trouble = "a list that changes while it is read"
	CountLies       Trouble = "a count that is not that of the rows"
	OddNames        Trouble = "names with control characters and bytes that are no text"
	ReadsUsedUp     Trouble = "it can be read back no more"
	ClockWrong      Trouble = "its clock is wrong"
)

// expected is what a driver may say in each trouble beside doing what it should.
func expected() map[Trouble]BadDay {
	lost := []fault.Kind{fault.Unreachable, fault.Timeout}
	strange := []fault.Kind{fault.Unreachable, fault.Timeout, fault.Invalid}
	denied := []fault.Kind{fault.Denied}
	both := func(kinds []fault.Kind) BadDay { return BadDay{Reads: kinds, Writes: kinds} }
	slow := func(kinds []fault.Kind) BadDay { return BadDay{Reads: kinds, Writes: kinds, Slow: true} }
	return map[Trouble]BadDay{
		Silent: slow(lost), Drip: slow(lost), Nothing: both(lost), Half: both(lost), Endless: both(strange), Huge: both(strange),
		// What is cut where it may end says what it says: that the login is worth nothing, at most.
		HalfAsWhole: both(append(denied, strange...)), Appended: both([]fault.Kind{fault.Invalid, fault.Timeout}),
		NotText: both(append(denied, strange...)), Nested: both(append(denied, strange...)), WrongTypes: both(append(denied, strange...)),
		AnotherPage: both(append(denied, strange...)), Elsewhere: both([]fault.Kind{fault.Unsupported}),
		ServerError: both(lost), TooBusy: both(lost), ResetBefore: both(lost), ResetAfter: both(lost),
		LostOnceDone: both(lost), LostOnceNot: both(lost),

		Unreachable: both(lost), Restart: both(lost), PasswordChanged: both(denied), RightsLost: both(denied),
		SessionLost: both(denied), ApiOff: both(denied),
		DeviceFull:    {Writes: []fault.Kind{fault.Full, fault.Conflict, fault.Invalid}},
		WritesRefused: {Writes: []fault.Kind{fault.Invalid, fault.Conflict, fault.Full, fault.Denied}},
		// Of a row in several requests the last may make no sense without those that were dropped.
		SilentDrop: {Removes: true, Writes: []fault.Kind{fault.Invalid, fault.Conflict}}, HalfStored: {}, HandRemoved: {Removes: true, Writes: []fault.Kind{fault.Conflict}}, ReadsUsedUp: {}, ClockWrong: {},
		HandEdit:   {Writes: []fault.Kind{fault.Conflict}},
		Double:     {},
		SamePIN:    {Writes: []fault.Kind{fault.Conflict, fault.Invalid}},
		Renumbered: {Writes: []fault.Kind{fault.Conflict}},
		ListMoves:  both(strange), CountLies: both(strange),
		OddNames: {Reads: []fault.Kind{fault.Invalid}, Writes: []fault.Kind{fault.Invalid}, Distorts: true},
	}
}

// Troubles lives through every trouble there is, one fresh device each. It must not run beside other tests: when all
// are over, no goroutine and no descriptor may be left of them.
func Troubles(t *testing.T, newSubject func(t *testing.T) Subject) {
	t.Helper()
	all := expected()
	Alone(t, slices.Sorted(maps.Keys(all)), func(t *testing.T, name Trouble) {
		d, s := all[name], newSubject(t)
		t.Cleanup(func() {
			if err := s.Panel.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		sw, told := s.Troubles[name]
		switch {
		case !told:
			t.Error("the subject says neither how the device gets into it nor why it cannot")
		case sw.On != nil:
			d.Switch = sw
			Live(t, s, d)
		case sw.Not == "":
			t.Error("the subject does not say why the device cannot get into it")
		default:
			t.Logf("not with this device: %s", sw.Not)
		}
	})
}
