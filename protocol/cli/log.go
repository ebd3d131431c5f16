package cli

import (
	"io"
	"log/slog"
	"time"
)

// Logger writes one JSON object a line, as every program of the house does, with durations in words
// ("1.1s"): they are for people, and metrics have the numbers.
func Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(tidy(a.Value.Duration()).String())
		}
		return a
	}}))
}

// tidy leaves no more digits than a reader wants.
func tidy(d time.Duration) time.Duration {
	if d.Abs() >= time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Microsecond)
}
