package main

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/agent"
)

// deviceSelftest proves on a test person that the device can be written, read, changed and cleared.
func deviceSelftest(ctx context.Context, c *deviceCall) deviceAnswer {
	t := &agent.SelfTest{Panel: c.panel, Unit: c.flags.unit}
	t.Run(ctx)
	var a deviceAnswer
	if t.Err != nil {
		a = deviceFailed(t.Err)
	}
	if t.NoUnit() {
		a = a.ours()
	}
	a.Identity, a.Steps = t.ID, t.Steps
	var text strings.Builder
	for _, s := range t.Steps {
		text.WriteString(stepLine(s))
	}
	a.text = text.String()
	return a
}

// stepLine is a step for people.
func stepLine(s agent.Step) string {
	mark := "ok    "
	if !s.OK {
		mark = "FAILED"
	}
	return fmt.Sprintf("%s  %-18s %s\n", mark, s.Name, devicePrintable(s.Detail))
}
