package akuvox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
)

// lookup is what is known about the NameOrPerID filter of this unit (§2.3, third-party only).
type lookup int

const (
	lookupUnproven lookup = iota
	lookupWorks           // a row known to be there was found by it, and nothing else came
	lookupUseless         // ignored or wrong: the whole list is read instead
)

// Read returns the rows whose UserID is ref, all of them. It uses the unit's own search once that
// has been shown to work; "not found" from a search that was never shown to find anything is not
// believed, and the whole list is read instead.
func (p *Panel) Read(ctx context.Context, ref model.Ref) ([]model.Record, error) {
	rows, err := p.rowsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	p.glanced(ref, rows)
	if err := p.learnHours(ctx, rows, false); err != nil {
		return nil, err
	}
	return records(rows, p.facts().hours), nil
}

// glanceFor is how long the rows of a Read are those that stand there, when nothing was asked since.
const glanceFor = 2 * time.Second

// glance is what the last exchange showed of one reference.
type glance struct {
	ref   model.Ref
	rows  []row
	count uint64 // of exchanges then
	at    time.Time
}

func (p *Panel) glanced(ref model.Ref, rows []row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = glance{ref, rows, p.link.count.Load(), time.Now()}
}

// rowsNow is rowsOf, without a request where the exchange just before this was a Read of the same
// reference: who reads, decides and writes at once asks once. It serves once.
func (p *Panel) rowsNow(ctx context.Context, ref model.Ref) ([]row, error) {
	p.mu.Lock()
	last := p.last
	p.last = glance{}
	p.mu.Unlock()
	if last.ref == ref && last.count == p.link.count.Load() && time.Since(last.at) < glanceFor {
		return last.rows, nil
	}
	return p.rowsOf(ctx, ref)
}

func (p *Panel) rowsOf(ctx context.Context, ref model.Ref) ([]row, error) {
	if ref == "" {
		return nil, fault.New(fault.Invalid, opList, p.link.subject, "a search needs a reference")
	}
	if p.facts().lookup != lookupUseless {
		hits, found, err := p.search(ctx, ref)
		if err != nil {
			return nil, err
		}
		if p.facts().lookup == lookupUnproven && !found {
			empty, err := p.prove(ctx)
			if err != nil || empty {
				return nil, err
			}
		}
		if p.facts().lookup == lookupWorks {
			return hits, nil
		}
	}
	rows, err := p.all(ctx, users(""))
	return carrying(rows, ref), err
}

// search asks the unit for ref. found says that this very answer proves the search: the row came
// by its UserID and nothing else came. An answer with rows that do not match proves the contrary,
// and so does a unit that does not know the parameter.
func (p *Panel) search(ctx context.Context, ref model.Ref) (hits []row, found bool, err error) {
	rows, err := p.all(ctx, users(string(ref)))
	k := fault.KindOf(err)
	switch {
	case errors.Is(err, errIgnored), err != nil && (k == fault.Invalid || k == fault.Unsupported):
		p.learn(func(k *known) { k.lookup = lookupUseless })
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	hits = carrying(rows, ref)
	found = slices.ContainsFunc(hits, func(r row) bool { return !inName(r, string(ref)) })
	if found {
		p.learn(func(k *known) { k.lookup = lookupWorks })
	}
	return hits, found, nil
}

// prove looks for a row that is known to be there, by its UserID alone. empty says that the unit
// holds no rows at all, so that nothing can be proven and nothing be missed.
func (p *Panel) prove(ctx context.Context) (empty bool, err error) {
	pg, err := p.page(ctx, users(""), 1)
	if err != nil || len(pg.rows) == 0 && pg.num <= 0 {
		return err == nil, err
	}
	for _, r := range slices.Backward(pg.rows) { // not the first, which a broken search may give always
		ref := r.ref()
		if strings.TrimSpace(string(ref)) == "" || inName(r, string(ref)) {
			continue
		}
		if _, found, err := p.search(ctx, ref); err != nil || found {
			return false, err
		}
		break
	}
	p.learn(func(k *known) {
		if k.lookup == lookupUnproven {
			k.lookup = lookupUseless
		}
	})
	return false, nil
}

// carrying picks the rows whose UserID is exactly ref.
func carrying(rows []row, ref model.Ref) []row {
	var out []row
	for _, r := range rows {
		if r.ref() == ref {
			out = append(out, r)
		}
	}
	return out
}

// mentions says that a search for text may rightly bring the row: it looks in name and UserID.
func mentions(r row, text string) bool {
	return containsFold(string(r.ref()), text) || inName(r, text)
}

func inName(r row, text string) bool { return containsFold(r.get(fieldName), text) }

func containsFold(s, sub string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(sub))
}
