package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"
)

// check is one look at a house.
type check struct {
	job       journal
	zone      *time.Location
	within    time.Duration
	db        *sql.DB
	residents []map[string]resident // of each export, by their reference

	log      []event
	people   map[string]string // reference in the exports → the product's id
	expected int               // rows that the panels should hold together
	requests int
}

func newCheck(args []string) (*check, error) {
	if len(args) != 1 {
		return nil, errors.New("usage: checker JOURNAL.json")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	c := &check{}
	if err := json.Unmarshal(raw, &c.job); err != nil {
		return nil, err
	}
	if c.zone, err = time.LoadLocation(c.job.Zone); err != nil {
		return nil, err
	}
	if c.within, err = time.ParseDuration(c.job.Within); err != nil {
		return nil, err
	}
	for _, e := range c.job.Exports {
		people, err := readExport(e.File, c.zone)
		if err != nil {
			return nil, err
		}
		c.residents = append(c.residents, people)
	}
	if len(c.residents) == 0 {
		return nil, errors.New("the journal names no export")
	}
	c.db, err = sql.Open("sqlite", "file:"+c.job.Database+"?mode=ro&_pragma=busy_timeout(5000)")
	return c, err
}

func (c *check) close() { _ = c.db.Close() }

// errWrong is what time does not mend.
type errWrong struct{ error }

// wait asks until panels and events are as the exports say; for so long as the journal allows.
func (c *check) wait(ctx context.Context) error {
	for late := time.Now().Add(c.within); ; {
		err := c.once(ctx)
		var never errWrong
		if err == nil || errors.As(err, &never) {
			return err
		}
		if time.Now().After(late) {
			return fmt.Errorf("after %s still: %w", c.within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *check) once(ctx context.Context) error {
	if err := c.readEvents(ctx); err != nil {
		return err
	}
	if err := c.chain(); err != nil {
		return errWrong{err}
	}
	c.expected = 0
	var errs []error
	for _, p := range c.job.Panels {
		errs = append(errs, c.panel(ctx, p))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return c.told(ctx)
}

// user is a row of a panel.
type user struct {
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	PIN    string `json:"pin"`
	Relays string `json:"schedule_relay"`
}

// panel compares a panel's rows with the exports: ours each once and nobody else's; strangers' as they were made.
func (c *check) panel(ctx context.Context, p panel) error {
	var rows []json.RawMessage
	if err := get(ctx, p.Control+"/users", &rows); err != nil {
		return err
	}
	want, now := c.wanted(p, time.Now()), c.job.Strangers[p.Device]
	c.expected += len(want)
	var errs []error
	strangers := 0
	for _, raw := range rows {
		var u user
		if err := json.Unmarshal(raw, &u); err != nil {
			return err
		}
		if !strings.HasPrefix(u.UserID, "GH") {
			strangers++
			if !slices.ContainsFunc(now, func(s json.RawMessage) bool { return same(s, raw) }) {
				return errWrong{fmt.Errorf("panel %s: a row that is not ours was touched: %s", p.Device, raw)}
			}
			continue
		}
		w, ok := want[u.Name]
		if !ok || (w != row{u.Name, u.PIN, u.Relays}) {
			errs = append(errs, fmt.Errorf("panel %s holds %s, which it should not; wanted for them: %+v", p.Device, raw, w))
		}
		delete(want, u.Name)
	}
	for name, w := range want {
		errs = append(errs, fmt.Errorf("panel %s lacks %s: %+v", p.Device, name, w))
	}
	if strangers != len(now) {
		return errWrong{fmt.Errorf("panel %s holds %d rows that are not ours, it held %d", p.Device, strangers, len(now))}
	}
	return errors.Join(errs...)
}

// same compares two JSON values without their spacing.
func same(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && x.String() == y.String()
}

func get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	if text, ok := into.(*string); ok || err != nil {
		if ok {
			*text = string(raw)
		}
		return err
	}
	return json.Unmarshal(raw, into)
}
