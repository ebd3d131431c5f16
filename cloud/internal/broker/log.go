package broker

import (
	"context"
	"log/slog"
)

// tidy passes on what the MQTT library logs, without the packets: they can be 256 KiB long. It
// gives a message to the lines that have none, which tell why a connection ended.
type tidy struct{ slog.Handler }

// Handle implements slog.Handler.
func (h tidy) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "" {
		r.Message, r.Level = "a connection to the broker ended", slog.LevelInfo
	}
	if !h.Enabled(ctx, r.Level) {
		return nil
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "pk" {
			out.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h tidy) WithAttrs(attrs []slog.Attr) slog.Handler { return tidy{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h tidy) WithGroup(name string) slog.Handler { return tidy{h.Handler.WithGroup(name)} }
