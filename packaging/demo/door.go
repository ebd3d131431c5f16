package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// panel is a simulated panel.
type panel struct {
	name, model string
	doors       []string // by relay
	simulator
	before []key // of everybody on it before the bad day
}

// key is what somebody shows at a door, one of the two.
type key struct {
	PIN  string `json:"pin,omitempty"`
	Card string `json:"card,omitempty"`
}

// refused shows keys to the panel and returns how many its own door log then says were refused.
func (p *panel) refused(ctx context.Context, keys ...key) (n int, err error) {
	lines := 0
	for _, k := range keys {
		var told struct{ Doors []string } // each door that opens is a line of the log
		if err := call(ctx, p.control+"/present", k, &told); err != nil {
			return 0, err
		}
		lines += max(1, len(told.Doors))
	}
	var log []struct{ Granted bool }
	if err := call(ctx, p.control+"/doorlog", nil, &log); err != nil {
		return 0, err
	}
	if len(log) < lines {
		return 0, fmt.Errorf("the %s's door log has %d lines after %d keys", p.name, len(log), len(keys))
	}
	for _, line := range log[len(log)-lines:] {
		if !line.Granted {
			n++
		}
	}
	return n, nil
}

// keys is one key of everybody on the panel.
func (p *panel) keys(ctx context.Context) (all []key, err error) {
	var users []struct {
		PIN   string
		Cards []string
	}
	err = call(ctx, p.control+"/users", nil, &users)
	for _, u := range users {
		k := key{PIN: u.PIN}
		if k.PIN == "" && len(u.Cards) > 0 {
			k.Card = u.Cards[0]
		}
		all = append(all, k)
	}
	return all, err
}

// opens is nil when people's PINs open at every panel of the property, or none does where that is wanted.
func (p *property) opens(ctx context.Context, want bool, people ...resident) error {
	var keys []key
	for _, r := range people {
		keys = append(keys, key{PIN: r.PIN})
	}
	for _, d := range p.panels {
		n, err := d.refused(ctx, keys...)
		if err != nil {
			return err
		}
		if want && n > 0 || !want && n < len(keys) {
			return fmt.Errorf("the %s of %s refuses %d of %d PINs of %s's household, should open: %v", d.name, p.name, n, len(keys), people[0].name(), want)
		}
	}
	return nil
}

var client = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// fetch returns what an address answers with 200; a nil body is a GET, any other is sent as JSON.
func fetch(ctx context.Context, url string, body any) ([]byte, error) {
	method, send := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		method, send = http.MethodPost, bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, send)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(raw))
	}
	return raw, err
}

// call asks for JSON; a nil answer is not read.
func call(ctx context.Context, url string, body, answer any) error {
	raw, err := fetch(ctx, url, body)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// silent is nil when nobody answers at an address.
func silent(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := fetch(ctx, url, nil); err == nil {
		return fmt.Errorf("%s still answers", url)
	}
	return nil
}

// eventually asks until what is true, or says after a while what it last was.
func eventually(ctx context.Context, what string, within time.Duration, ask func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s: not within %s: %w", what, within, err)
		}
		if err := sleep(ctx, 150*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
