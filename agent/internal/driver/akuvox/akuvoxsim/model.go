package akuvoxsim

import "strings"

// Model is what differs from one panel type to the next, as data (reference §3 and §5.3).
type Model struct {
	Name     string
	Firmware string
	Hardware string
	// Success is the retcode of a write that worked: 0 or 1. Reads always answer 0.
	Success int
	// ReadKey is the name under which user/get shows the schedules of a user.
	ReadKey string
	// Twin says a user write must also carry the hyphenated `Schedule-Relay`.
	Twin bool
	// NeedsTarget says a write without `target` in its envelope fails.
	NeedsTarget bool
	// Separator joins schedule pairs in replies; Trailing adds one after the last pair.
	Separator string
	Trailing  bool
	// Relays is how many relays there are, A upwards.
	Relays int
	// Capacity is how many users fit.
	Capacity int
	// PINMin and PINMax bound the length of a private PIN.
	PINMin, PINMax int
	// ApartmentBook says contacts are the read-only apartment book without ID.
	ApartmentBook bool
	// TextStatus says system/status answers numeric strings instead of numbers.
	TextStatus bool
	// DropsSRelay says `Schedule-SRelay` is accepted and silently not stored.
	DropsSRelay bool
	// Inputs is how many inputs there are; Tamper says the case tells when it is opened, Faces that faces are known.
	Inputs        int
	Tamper, Faces bool
	// Variables are those of Action URLs that are known beyond the vendor's own list.
	Variables []string
	// Without are the targets that are absent.
	Without []string
	// NoFCGI says the legacy open-door calls are absent.
	NoFCGI bool
	// SIPPrefix is the namespace of the SIP account in config/get.
	SIPPrefix string
}

// Models lists the profiles that differ, the default first; ModelNames has further ones.
func Models() []Model {
	return []Model{
		{
			Name: "X916", Firmware: "916.30.10.114", Hardware: "916.0.1.0", Success: 1, ReadKey: keyScheduleRelay,
			Separator: ",", Relays: 4, Capacity: 20000, PINMin: 4, PINMax: 8, SIPPrefix: "Config.Account1.SIP.",
			Inputs: 4, Faces: true, Variables: []string{
				"$relay2status", "$relay3status", "$relay4status", "$remote", "$relay_id", "$location", "$open_type",
				"$unlocktype", "$userid", "$user_name", "$time",
			},
		},
		{
			Name: "E18", Firmware: "18.30.10.118", Hardware: "18.0.1.0", ReadKey: keyScheduleRelay, Twin: true,
			NeedsTarget: true, Separator: ",", Relays: 2, Capacity: 20000, PINMin: 4, PINMax: 8, TextStatus: true,
			DropsSRelay: true, SIPPrefix: "Config.Account.", Inputs: 3, Tamper: true,
		},
		{
			Name: "E18C", Firmware: "18.30.11.21", Hardware: "18.0.2.0", ReadKey: keyScheduleRelay, Twin: true,
			NeedsTarget: true, Separator: ",", Trailing: true, Relays: 2, Capacity: 20000, PINMin: 4, PINMax: 8,
			TextStatus: true, DropsSRelay: true, SIPPrefix: "Config.Account.", Inputs: 3, Tamper: true,
			Variables: []string{"$remote", "$alarmstatus", "$open_type"},
		},
		{
			Name: "X915S", Firmware: "2915.30.10.114", Hardware: "2915.0.1.0", Success: 1, ReadKey: keySchedule,
			Separator: ";", Trailing: true, Relays: 3, Capacity: 50000, PINMin: 4, PINMax: 8, ApartmentBook: true,
			SIPPrefix: "Config.Account1.SIP.", Inputs: 3, Faces: true, Variables: []string{"$remote", "$relay_id", "$location"},
		},
		{
			Name: "R20K", Firmware: "320.30.3.122", Hardware: "320.0.1.0", ReadKey: keyScheduleRelay, Separator: ",",
			Relays: 2, Capacity: 20000, PINMin: 4, PINMax: 8, SIPPrefix: "Config.Account1.SIP.", Inputs: 2,
		},
		{
			Name: "A08S", Firmware: "108.30.10.144", Hardware: "108.0.1.0", ReadKey: keyScheduleRelay, Separator: ",",
			Relays: 1, Capacity: 20000, PINMin: 4, PINMax: 8, SIPPrefix: "Config.Account1.SIP.", Inputs: 2,
			Without: []string{"group", "contact", "calllog"},
		},
	}
}

// further are models by name only: R20A differs from R20K in having no open-door call, and IT83 is a monitor, which holds
// nobody and opens by that call alone (reference §2.2, §3).
func further() []Model {
	return []Model{
		{
			Name: "R20A", Firmware: "320.30.11.63", Hardware: "320.0.2.0", ReadKey: keyScheduleRelay, Separator: ",", NoFCGI: true,
			Relays: 2, Capacity: 20000, PINMin: 4, PINMax: 8, SIPPrefix: "Config.Account1.SIP.", Inputs: 2,
		},
		{
			Name: "IT83", Firmware: "83.30.10.4", Hardware: "83.0.1.0", ReadKey: keyScheduleRelay, Separator: ",",
			Relays: 1, SIPPrefix: "Config.Account1.SIP.",
			Without: []string{"relay", "user", "schedule", "group", "contact", "doorlog", "calllog", "rfkey"},
		},
	}
}

// ModelByName finds a profile, whatever the case of the name; ok is false when there is none.
func ModelByName(name string) (m Model, ok bool) {
	for _, m := range append(Models(), further()...) {
		if strings.EqualFold(m.Name, name) {
			return m, true
		}
	}
	return Model{}, false
}

// ModelNames lists the names for messages and help.
func ModelNames() []string {
	var names []string
	for _, m := range append(Models(), further()...) {
		names = append(names, m.Name)
	}
	return names
}
