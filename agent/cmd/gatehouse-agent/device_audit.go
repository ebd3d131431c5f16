package main

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/agent/internal/driver/model"
)

// deviceRow is a row that is not plainly ours, and why.
type deviceRow struct {
	Native string   `json:"native"`
	Ref    string   `json:"ref"`
	Name   string   `json:"name"`
	Why    []string `json:"why"` // stranger, cloud, double, same_pin, same_card, hidden, unproven, test
}

// deviceAudit lists rows that are not ours as far as the device alone can show it: which of the rows with a
// reference of our form the gateway really wrote, only the gateway knows.
func deviceAudit(ctx context.Context, c *deviceCall) deviceAnswer {
	rows, err := c.panel.List(ctx)
	if err != nil {
		return deviceFailed(err)
	}
	a := deviceAnswer{Rows: []deviceRow{}}
	var text strings.Builder
	seen := holders(rows)
	for _, r := range rows {
		why := oddities(r, seen)
		if len(why) == 0 {
			continue
		}
		a.Rows = append(a.Rows, deviceRow{r.Native, string(r.Ref), r.Name, why})
		fmt.Fprintf(&text, "%s  %s\n", devicePrintable(r.Native+"  "+string(r.Ref)+"  "+r.Name), strings.Join(why, ", "))
	}
	a.Count = len(rows)
	a.text = text.String() + fmt.Sprintf("%d of %d rows are not plainly ours\n", len(a.Rows), len(rows))
	return a
}

// holders counts the rows that have each reference, PIN and card. It holds secrets and is never shown.
func holders(rows []model.Record) map[string]int {
	n := map[string]int{}
	for _, r := range rows {
		for _, key := range keysOf(r) {
			n[key]++
		}
	}
	return n
}

// keysOf is the reference, the PIN and the cards of a row; "" for what it has not.
func keysOf(r model.Record) []string {
	out := []string{"", ""}
	if r.Ref != "" {
		out[0] = "ref " + string(r.Ref)
	}
	if !r.PIN.IsZero() {
		out[1] = "pin " + r.PIN.Reveal()
	}
	for _, c := range r.Cards {
		out = append(out, "card "+c.Reveal())
	}
	return out
}

func oddities(r model.Record, seen map[string]int) (why []string) {
	note := func(so bool, word string) {
		if so {
			why = append(why, word)
		}
	}
	keys := keysOf(r)
	note(!r.Ref.Ours(), "stranger")
	note(r.ReadOnly, "cloud")
	note(strings.HasPrefix(string(r.Ref), model.RefPrefix+"test-"), "test")
	note(keys[0] != "" && seen[keys[0]] > 1, "double")
	note(keys[1] != "" && seen[keys[1]] > 1, "same_pin")
	same := false
	for _, k := range keys[2:] {
		same = same || seen[k] > 1
	}
	note(same, "same_card")
	note(r.Hidden, "hidden")
	note(r.Unproven, "unproven")
	return why
}
