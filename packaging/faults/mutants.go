package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// mutant is the product with one line made wrong, and how many rounds the checker gets to see it.
type mutant struct {
	name, file, from, to string
	rounds               int
	day                  func(h *house, ctx context.Context, n int) (verdict, error) // one round
}

// mutants are the lines that matter most. A skipped fsync is not among them: no killed process shows it, and crash does.
func mutants() []mutant {
	return []mutant{
		{"a removal dropped", "agent/internal/plan/plan.go", "\tfor _, r := range rows {\n\t\tm.goes++\n", "\tfor _, r := range rows[:0] {\n\t\tm.goes++\n", 8, (*house).calm},
		{"an event doubled", "agent/internal/outbox/outbox.go", "\tfor _, e := range evs {\n\t\te.Number,", "\tfor _, e := range append(evs, evs[len(evs)-1]) {\n\t\te.Number,", 2, (*house).calm},
		{"additions before removals", "agent/internal/reconcile/evaluate.go", "\tcase access.OpRemove:\n\t\treturn 0\n", "\tcase access.OpRemove:\n\t\treturn 3\n", 8, (*house).calm},
		{"an update whose commit failed is taken for known", "agent/internal/store/apply.go", "\t\tout.Everybody = w.unsure.Swap(false)\n", "\t\tw.unsure.Store(false)\n", 8, (*house).failedCommit},
	}
}

// top is the top of the repository: the program runs there, its test two folders below.
func top() (string, error) {
	for _, dir := range []string{".", "../.."} {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", fmt.Errorf("run it at the top of the repository")
}

// overlay writes the file that tells the compiler to take the mutant's text, which differs in exactly one place.
func (m mutant) overlay(dir string) (string, error) {
	root, err := top()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, filepath.FromSlash(m.file))
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(text, []byte(m.from)); n != 1 {
		return "", fmt.Errorf("mutant %q: %s has %d places like %q, must be 1; adapt the mutant", m.name, m.file, n, m.from)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, bytes.Replace(text, []byte(m.from), []byte(m.to), 1), 0o600); err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	return list, saveJSON(list, map[string]map[string]string{"Replace": {path: changed}})
}

// mutant builds one and lets it live in a calm house until the checker sees what is wrong.
func (r *run) mutant(ctx context.Context, n int, m mutant) error {
	dir := filepath.Join(r.dir, fmt.Sprintf("mutant%d", n))
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	list, err := m.overlay(dir)
	if err != nil {
		return err
	}
	if _, err := build(ctx, bin, []string{"-overlay", list}, "gatehouse-agent", "box"); err != nil {
		return err
	}
	for _, name := range []string{"gatehouse-sim", "gatehouse-cloud", "checker"} {
		if err := os.Link(filepath.Join(r.bin, name), filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	h, err := newHouse(ctx, filepath.Join(dir, "house"), bin, rand.New(rand.NewPCG(r.seed+uint64(n), 2)), false)
	if err != nil {
		return err
	}
	defer h.close()
	began := time.Now()
	err = h.movedIn(ctx, "10s")
	for i := 0; i <= m.rounds && ctx.Err() == nil; i++ {
		if err != nil {
			r.caught++
			fmt.Fprintf(r.out, "mutant %q caught in round %d, %s: %.300s\n", m.name, i, time.Since(began).Round(time.Millisecond), err)
			return nil
		}
		_, err = m.day(h, ctx, i)
	}
	fmt.Fprintf(r.out, "WRONG: mutant %q lived through %d rounds unseen; files in %s\n", m.name, m.rounds, dir)
	return ctx.Err()
}

// calm is a round in which nothing fails, people are put out, and many move in with the same export.
func (h *house) calm(ctx context.Context, _ int) (verdict, error) {
	h.watch.follow(h.town)
	h.town.revoke()
	for range 5 {
		h.town.moveIn()
	}
	h.watch.follow(h.town)
	if err := h.imports(ctx, 6); err != nil {
		return verdict{}, err
	}
	return h.check(ctx, "5s")
}

// failedCommit is a calm round in which one of the first syncs of the wanted state fails: of the two of a commit now the
// second, behind which all of it is in the file, now the first.
func (h *house) failedCommit(ctx context.Context, n int) (verdict, error) {
	t := troubleEntry{What: "a commit fails and stands", From: time.Now()}
	at := len(h.journal.Troubles)
	h.journal.Troubles = append(h.journal.Troubles, t)
	if err := h.spoil(ctx, badDisk{"fdatasync", "EIO", "wanted.db", fmt.Sprint(2 - n%2)}); err != nil {
		return verdict{}, err
	}
	if err := h.healthy(ctx); err != nil {
		return verdict{}, err
	}
	v, err := h.calm(ctx, n)
	h.journal.Troubles[at].To = time.Now()
	return v, err
}
