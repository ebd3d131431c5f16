package access_test

import (
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

var (
	monday = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	friday = monday.AddDate(0, 0, 4)
)

// examples is one good value of every noun, with every field set.
func examples() map[access.Kind]access.Noun {
	return map[access.Kind]access.Noun{
		access.KindProperty: access.Property{ID: "prop-1", Name: "Juniper Court", Zone: "America/New_York", DirectoryName: "{last} {unit}"},
		access.KindBuilding: access.Building{ID: "b-1", Name: "North"},
		access.KindUnit:     access.Unit{ID: "u-1", Building: "b-1", Name: "0101", Slots: 20},
		access.KindDoor:     access.Door{ID: "d-1", Name: "Main <entrance>", Unit: "u-1"},
		access.KindSchedule: access.Schedule{ID: "s-1", Name: "Pool", Holidays: []string{"2026-12-25"},
			Weekly: []access.Weekly{{Days: []time.Weekday{time.Sunday, time.Saturday}, Start: "00:00", End: "24:00"}, {Days: []time.Weekday{1}, Start: "22:00", End: "02:00"}}},
		access.KindGroup: access.Group{ID: "g-1", Name: "Pool", Doors: []access.DoorID{"d-1", "d-2"}, Schedule: "s-1", Common: true, Shareable: true},
		access.KindPerson: access.Person{ID: "p-1", Kind: access.Resident, First: "Zoë", Last: "Núñez & Sons", Company: "Sparkle", Email: "zoe@example.com",
			Phones: []string{"+15550100"}, Directory: access.Unlisted, May: []access.Right{access.MayRevoke}},
		access.KindResidency:  access.Residency{ID: "r-1", Person: "p-1", Unit: "u-1", Window: access.Window{From: monday, Until: friday}},
		access.KindCredential: access.Credential{ID: "c-1", Person: "p-1", Kind: access.PIN, Secret: access.NewSecret("47110")},
		access.KindGrant: access.Grant{ID: "gr-1", Person: "p-1", Group: "g-1", Window: access.Window{From: monday, Until: friday},
			Ends: access.EndVisit, Uses: 3, Reason: "a visit"},
		access.KindSettlement: access.Settlement{ID: "o-1", Person: "p-1", State: access.OverlayAdopted},
		access.KindSettings: access.Settings{ID: access.GatewayItem, Hello: access.Span(5 * time.Minute), Audit: access.Span(time.Hour), Reconnect: access.Span(time.Minute), Retain: access.Span(48 * time.Hour), Log: "warn", Stale: access.Span(72 * time.Hour),
			Drift: map[access.DeviceID]access.DriftPolicy{"lobby": access.DriftRepair}, StaleAt: map[access.DoorID]access.Span{"d-1": access.Span(time.Hour)}, Brake: access.Brake{Least: 5}},
		access.KindCloudKeys:   access.CloudKeys{ID: access.GatewayItem, Keys: [][]byte{make([]byte, 32)}},
		access.KindCertificate: access.Certificate{ID: access.GatewayItem, PEM: "pem", Signing: make([]byte, 32), Sealing: make([]byte, 32)},
	}
}

func mustEncode(t testing.TB, n access.Noun) access.Item {
	t.Helper()
	it, err := access.Encode(n)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func wantInvalid(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		t.Error("it was taken")
	} else if fault.KindOf(err) != fault.Invalid {
		t.Errorf("kind %s: %v", fault.KindOf(err), err)
	}
}
