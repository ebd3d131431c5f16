package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access/fault"
)

func TestLogsAreInWords(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := Logger(&b, slog.LevelWarn)
	log.Info("not shown")
	log.Warn("shown", "kind", fault.Denied, "retry_in", 1123456789*time.Nanosecond, "took", 1234567*time.Nanosecond)
	for _, want := range []string{`"msg":"shown"`, `"kind":"denied"`, `"retry_in":"1.1s"`, `"took":"1.235ms"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %s", b.String(), want)
		}
	}
	if strings.Contains(b.String(), "not shown") {
		t.Error("the level is not kept")
	}
}
