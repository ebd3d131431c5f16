package reconcile

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
)

// spent is a device that cannot be read back for a while: it tells what it accepted.
type spent struct {
	driver.Panel
	out atomic.Bool
}

func (p *spent) mark(rows []model.Record, err error) ([]model.Record, error) {
	for i := range rows {
		rows[i].Unproven = p.out.Load()
	}
	return rows, err
}

func (p *spent) Read(ctx context.Context, ref model.Ref) ([]model.Record, error) {
	return p.mark(p.Panel.Read(ctx, ref))
}

func (p *spent) List(ctx context.Context) ([]model.Record, error) { return p.mark(p.Panel.List(ctx)) }

func (p *spent) Proven(model.Ref) access.Grade {
	if p.out.Load() {
		return access.Unprovable
	}
	return access.Exact
}

// What a device cannot show is told as unprovable and once only; the first audit that shows it tells it as exact. A
// removal that was not seen is not told as seen.
func TestWrittenUnprovableAndProvenLater(t *testing.T) {
	inBubble(t, func(s *site) {
		dev := &spent{Panel: s.panel}
		dev.out.Store(true)
		s.move("p1", "1111", from(time.Now()))
		s.startWith(func(c *Config) { c.Panel, c.Audit = dev, time.Hour })
		s.until(time.Now().Add(150 * time.Minute)) // two audits
		s.grades(access.Unprovable)
		dev.out.Store(false)
		s.until(time.Now().Add(2 * time.Hour))
		s.grades(access.Unprovable, access.Exact)
		dev.out.Store(true)
		s.drop("p1")
		s.changed("p1")
		s.until(time.Now().Add(time.Minute))
		s.grades(access.Unprovable, access.Exact, access.Unprovable)
	})
}

// grades wants the confirmations so far to be of these grades.
func (s *site) grades(want ...access.Grade) {
	s.t.Helper()
	var got []access.Grade
	for _, e := range s.told() {
		if e.Kind == access.EventConfirmed {
			got = append(got, e.Grade)
		}
	}
	if len(got) != len(want) {
		s.t.Fatalf("confirmed as %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			s.t.Errorf("confirmed as %v, want %v", got, want)
		}
	}
}
