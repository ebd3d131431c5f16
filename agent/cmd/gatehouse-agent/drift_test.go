package main

import (
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/protocol/cli"
)

// astray is the list's line about a name, as the program prints it; nil when it has none.
func (s *onSite) astray(name string) map[string]any {
	s.t.Helper()
	list, _ := cmdline(s.t, "drift", "--json", "--config", s.cfg).object(s.t)["drift"].([]any)
	for _, one := range list {
		if d, _ := one.(map[string]any); d["name"] == name {
			return d
		}
	}
	return nil
}

// TestTowardsG4_DriftIsAdoptedRemovedAndKeptByName: by the real program, with its exit codes, also over a power cut.
func TestTowardsG4_DriftIsAdoptedRemovedAndKeptByName(t *testing.T) {
	t.Parallel()
	s := newOnSite(t, akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711471"}, akuvoxsim.User{UserID: "78", Name: "Gone", PIN: "4711472"}, akuvoxsim.User{UserID: "79", Name: "Twin", PIN: "4711473"})
	s.within("the strangers are listed", func() bool { return s.astray("Twin") != nil })
	entry := func(name string) string { e, _ := s.astray(name)["entry"].(string); return e }
	decide := func(do, entry string, more ...string) outcome {
		return cmdline(t, append([]string{"drift", do, "front", entry, "--config", s.cfg}, more...)...)
	}
	decide("remove", "no-such").one(t, cli.WrongUsage, "not among the records that are astray", "gatehouse-agent drift")
	decide("adopt", entry("Twin")).one(t, cli.WrongUsage, "--person")
	decide("adopt", entry("Twin"), "--person", "v2").one(t, cli.Refused, "no access here now")
	cmdline(t, "drift", "remove", "front", "--config", s.cfg).one(t, cli.WrongUsage, "want 2")
	removed := entry("Gone")
	if o := decide("remove", removed, "--json"); o.code != cli.Done || o.object(t)["done"] != true || s.opens("4711472") {
		t.Errorf("remove: %+v", o)
	}
	decide("remove", removed).one(t, cli.WrongUsage, "it may be gone")
	if o := decide("keep", entry("Caretaker"), "--reason", "his own"); o.code != cli.Done || !s.opens("4711471") {
		t.Errorf("keep: %+v", o)
	}
	if o := decide("adopt", entry("Twin"), "--person", "p1", "--json"); o.code != cli.Done || o.object(t)["person"] != "p1" {
		t.Errorf("adopt: %+v", o)
	}
	s.within("the double goes", func() bool { return !s.opens("4711473") || !s.opens(residentPIN) })
	s.restart()
	if d := s.astray("Caretaker"); d["ignore"] != "his own" || s.astray("Twin") != nil || s.astray("Gone") != nil {
		t.Errorf("after the power cut: %v", d)
	}
}
