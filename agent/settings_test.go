package agent

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/agent/internal/store"
	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

// inForce waits for a hello that tells of settings as wanted.
func (h *house) inForce(hellos *prototest.Reader[prototest.Up[protocol.Hello]], what string, fits func(protocol.InForce) bool) protocol.InForce {
	h.t.Helper()
	return *hellos.Find(h.t, "the hello with "+what, func(u prototest.Up[protocol.Hello]) bool {
		return u.Body.Settings != nil && fits(*u.Body.Settings)
	}).Body.Settings
}

// TestE6_TheCloudConfiguresTheGatewayOverMQTT: settings published through a real broker change what the running gateway
// does; bad ones are refused naming the field and those before stay, also over a restart with the cloud away.
func TestE6_TheCloudConfiguresTheGatewayOverMQTT(t *testing.T) {
	t.Parallel()
	h := newHouse(t).withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	hellos, story := h.cloud.Hellos.Read(), h.story()
	h.start()
	story.until(access.EventConfirmed, access.OpAdd, "p1")

	// Taken: hellos come every second, the log says less, the panel is only looked at.
	good := h.keeper.Settings(`{"id":"gateway","hello_every":"1s","log_level":"warn","drift":{"front":"report"},"stale_after_at":{"lobby":"48h"}}`)
	h.inForce(hellos, "the settings in force", func(s protocol.InForce) bool { return s == (protocol.InForce{Revision: good.Revision}) })
	if e := story.until(access.EventSettings, "", ""); e.Fault != "" || e.Revision != good.Revision {
		t.Errorf("told %+v", e)
	}
	h.helloesEverySecond()
	if h.level.Level() != slog.LevelWarn {
		t.Errorf("the log goes by %s", h.level.Level())
	}
	done := len(h.sim.Mutating())
	h.keeper.Change(items(t, resident(2, since(time.Hour))...), nil)
	h.acked(h.cloud.Acks.Read())

	// Refused, each naming its field; those before stay.
	for _, bad := range []struct{ value, says string }{
		{`{"id":"gateway","hello_every":"2ms"}`, "hello_every"},
		{`{"id":"gateway","hello_every":"soon"}`, "soon"},
		{`{"id":"gateway","hello_every":"1h","drift":{"rear":"repair"}}`, "drift.rear"},
		{`{"id":"gateway","drift":{"front":"ignore"}}`, "drift.front"},
		{`{"id":"gateway","hello_every":"1h","stale_after_at":{"attic":"48h"}}`, "stale_after_at.attic"},
		{`{"id":"gateway","log_level":"loud"}`, "log_level"},
		{`{"id":"gateway","brake":{"share":101}}`, "brake"},
	} {
		pos := h.keeper.Settings(bad.value)
		s := h.inForce(hellos, "the refusal of "+bad.says, func(s protocol.InForce) bool { return s.Refused == pos.Revision })
		if s.Revision != good.Revision || !strings.Contains(s.Message, bad.says) {
			t.Errorf("%s: %+v", bad.value, s)
		}
		if e := story.until(access.EventSettings, "", ""); e.Fault != "invalid" || !strings.Contains(e.Message, bad.says) {
			t.Errorf("%s: told %+v", bad.value, e)
		}
	}
	if n := len(h.sim.Mutating()) - done; n != 0 || h.opens("10002") {
		t.Errorf("%d changes at a panel that is only to be reported on", n)
	}

	// Also after a restart, with nobody there to say it again.
	h.keeper.Mute(true)
	h.level.Set(slog.LevelDebug)
	h.stop()
	hellos = h.cloud.Hellos.Tail()
	h.start2()
	s := h.inForce(hellos, "what holds after the restart", func(protocol.InForce) bool { return true })
	if s.Revision != good.Revision || !strings.Contains(s.Message, "brake") || h.level.Level() != slog.LevelWarn {
		t.Errorf("after the restart %+v, the log goes by %s", s, h.level.Level())
	}
	if len(h.sim.Mutating()) != done {
		t.Error("the panel was changed after the restart")
	}

	// Good ones again: the panel is managed.
	h.keeper.Mute(false)
	h.keeper.Settings(`{"id":"gateway","hello_every":"1s","drift":{"front":"repair"}}`)
	story.until(access.EventConfirmed, access.OpAdd, "p2")
	if !h.opens("10002") || h.level.Level() != slog.LevelInfo {
		t.Errorf("the resident waits still, or the log goes by %s", h.level.Level())
	}
}

// start2 is start for an agent whose log says too little to learn its page from.
func (h *house) start2() {
	h.t.Helper()
	h.run()
}

// helloesEverySecond fails unless three hellos come closer together than the file says.
func (h *house) helloesEverySecond() {
	h.t.Helper()
	tail, began := h.cloud.Hellos.Tail(), time.Now()
	for range 3 {
		tail.Next(h.t, "a hello by the new interval")
	}
	if took := time.Since(began); took > 10*time.Second {
		h.t.Errorf("three hellos took %s", took)
	}
}

// TestTowardsE6_TheFilesReportGoesBeforeTheCloud: whoever stands at the box decides that nothing is written to a panel.
func TestTowardsE6_TheFilesReportGoesBeforeTheCloud(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.cfg.Devices[0].Report = true
	h.withCloud(slices.Concat(places(), resident(1, since(time.Hour)))...)
	hellos := h.cloud.Hellos.Read()
	h.start()
	pos := h.keeper.Settings(`{"id":"gateway","audit_every":"1m","drift":{"front":"repair"}}`)
	h.inForce(hellos, "the settings", func(s protocol.InForce) bool { return s.Revision == pos.Revision })
	h.visits.Read().Next(t, "a look at the panel")
	if n := len(h.sim.Mutating()); n != 0 {
		t.Errorf("%d changes at a panel that the file lets nobody change", n)
	}
	if h.opens("10001") || len(h.sim.Mutating()) != 0 {
		t.Error("somebody was let in")
	}
}

// TestTowardsE6_SettingsTakenBackLeaveTheFile, and the same bad ones are told once.
func TestTowardsE6_SettingsTakenBackLeaveTheFile(t *testing.T) {
	t.Parallel()
	b := openTestBox(t, t.TempDir())
	defer func() { must(t, b.Close()) }()
	file := Config{Hello: 7 * time.Minute, Audit: time.Hour, Reconnect: time.Minute, LogLevel: slog.LevelDebug}
	s := openSettings(b.site, file, quiet())
	take := func(revision uint64, own store.Own) bool {
		t.Helper()
		news, err := s.take(own, at(1, revision), nil, b.event)
		must(t, err)
		return news
	}
	good := access.Settings{ID: access.GatewayItem, Hello: access.Span(time.Minute), Log: "error", Retain: access.Span(48 * time.Hour),
		Stale: access.Span(time.Hour), StaleAt: map[access.DoorID]access.Span{}, Brake: access.Brake{Least: 1, Share: 1}}
	file1 := func() bool {
		return s.hello() == 7*time.Minute && s.audit() == time.Hour && s.reconnect() == time.Minute && s.level() == slog.LevelDebug && s.retain() == defaultRetain
	}
	if !file1() || s.told() != nil || take(1, store.Own{}) {
		t.Errorf("without a word of the cloud: %+v", s.told())
	}
	if !take(2, store.Own{Settings: &good}) || take(3, store.Own{Settings: &good}) {
		t.Error("good settings are news once")
	}
	if s.hello() != time.Minute || s.audit() != time.Hour || s.level() != slog.LevelError || s.retain() != 48*time.Hour ||
		s.staleAfter("lobby") != time.Hour || s.brake().Allows(100) != 1 {
		t.Errorf("in force %+v", s.get())
	}
	bad := store.Own{Bad: map[access.Kind]error{access.KindSettings: errors.New("hello_every is 2ms")}}
	if !take(4, bad) || take(5, bad) || s.hello() != time.Minute || *s.told() != (protocol.InForce{Revision: 2, Refused: 4, Message: "hello_every is 2ms"}) {
		t.Errorf("after bad ones: %+v", s.told())
	}
	if again := openSettings(b.site, file, quiet()); *again.told() != *s.told() || again.hello() != time.Minute {
		t.Errorf("after a restart: %+v", again.told())
	}
	if !take(6, store.Own{Settings: &good}) || s.told().Refused != 0 {
		t.Errorf("the refusal stands although good ones came: %+v", s.told())
	}
	if !take(7, store.Own{}) || !file1() || s.told() != nil {
		t.Errorf("taken back: %+v", s.told())
	}
	if got := len(eventsOf(t, b, access.EventSettings)); got != 4 {
		t.Errorf("told %d times, want 4", got)
	}
	must(t, b.site.SaveBlob(blobSettings, []byte(`{"settings":7}`)))
	if s := openSettings(b.site, file, quiet()); s.told() != nil || s.hello() != 7*time.Minute {
		t.Errorf("unreadable ones: %+v", s.told())
	}
}
