package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"gatehouse/protocol/access/fault"
)

// retries is every kind with its name on the wire and whether the same request may succeed later.
var retries = []struct {
	kind  fault.Kind
	name  string
	retry bool
}{
	{fault.Internal, "internal", true}, {fault.Unreachable, "unreachable", true}, {fault.Timeout, "timeout", true}, {fault.Denied, "denied", false},
	{fault.Full, "full", false}, {fault.Unsupported, "unsupported", false}, {fault.Conflict, "conflict", false}, {fault.Invalid, "invalid", false},
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for i, c := range retries {
		if int(c.kind) != i || c.kind.String() != c.name || fault.Parse(c.name) != c.kind || fault.Retry(c.kind) != c.retry {
			t.Errorf("%d %s: parses as %s, retry %v", c.kind, c.kind, fault.Parse(c.name), fault.Retry(c.kind))
		}
	}
	for _, k := range []fault.Kind{-1, fault.Kind(len(retries)), 1 << 30} {
		if k.String() != "internal" || fault.Retry(k) {
			t.Errorf("%d is %s, retry %v", int(k), k, fault.Retry(k))
		}
	}
	for _, name := range []string{"", "Timeout", "no such kind"} {
		if k := fault.Parse(name); k != fault.Internal {
			t.Errorf("%q parses as %s", name, k)
		}
	}
}

func TestErrorReadsAsOneLine(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"read users panel lobby-1: no route to host":  fault.New(fault.Unreachable, "read users", "panel lobby-1", "no route to %s", "host"),
		"read users: no room":                         fault.New(fault.Full, "read users", "", "no room"),
		"read users: denied":                          &fault.Error{Kind: fault.Denied, Op: "read users"},
		"read users panel: denied":                    &fault.Error{Kind: fault.Denied, Op: "read users", Subject: "panel"},
		"load a: open b: EOF":                         fault.Wrap(fault.Internal, "load", "a", fault.Wrap(fault.Internal, "open", "b", io.EOF)),
		"check pin: too long (its remedy is not here": fault.New(fault.Invalid, "check", "pin", "too long (its remedy is not here").WithRemedy("Shorten it."),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	full := fault.New(fault.Full, "add", "user", "no room")
	for name, c := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":                       {nil, fault.Internal},
		"a foreign error":           {io.EOF, fault.Internal},
		"a fault":                   {full, fault.Full},
		"below fmt":                 {fmt.Errorf("loop: %w", full), fault.Full},
		"joined":                    {errors.Join(io.EOF, full), fault.Full},
		"a context that ran out":    {fmt.Errorf("get: %w", context.DeadlineExceeded), fault.Timeout},
		"a context that was ended":  {context.Canceled, fault.Internal},
		"a kind beats the deadline": {fault.Wrap(fault.Unreachable, "get", "", context.DeadlineExceeded), fault.Unreachable},
		"the first to see it knows": {fault.Wrap(fault.Internal, "apply", "x", fault.Wrap(fault.Timeout, "put", "y", full)), fault.Full},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	if err := fault.Wrap(fault.Timeout, "get", "x", nil); err != nil {
		t.Errorf("nil became %v", err)
	}
	err := fault.Wrap(fault.Timeout, "get", "x", fmt.Errorf("read: %w", io.ErrUnexpectedEOF))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Timeout || f.Op != "get" || f.Subject != "x" {
		t.Errorf("%+v", f)
	}
	if cause := errors.New("x"); !errors.Is(fault.New(fault.Invalid, "a", "b", "c: %w", cause), cause) {
		t.Error("New loses a cause given with %w")
	}
}

func TestRemedyOf(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.Full, "add", "user", "no room").WithRemedy("Make room for %d people.", 3)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":             {nil, ""},
		"a foreign error": {io.EOF, ""},
		"a fault without": {fault.New(fault.Full, "add", "", "x"), ""},
		"direct":          {inner, "Make room for 3 people."},
		"two layers down": {fault.Wrap(fault.Full, "apply", "x", fmt.Errorf("step: %w", inner)), "Make room for 3 people."},
		"outermost first": {(&fault.Error{Op: "apply", Err: inner}).WithRemedy("Call us."), "Call us."},
	} {
		if got := fault.RemedyOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWithRemedyLeavesTheOriginal(t *testing.T) {
	t.Parallel()
	a := fault.New(fault.Denied, "log in", "panel", "wrong password")
	b := a.WithRemedy("Type it again.")
	if a.Remedy != "" || b.Remedy != "Type it again." || b.Kind != a.Kind || b.Error() != a.Error() {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	one := fault.New(fault.Denied, "read", "a", "no").WithRemedy("Ask.")
	if err := fault.All("check", "f", nil, nil); err != nil {
		t.Errorf("nothing wrong gives %v", err)
	}
	if err := fault.All("check", "f", nil, one); !errors.Is(err, one) || err.Error() != one.Error() {
		t.Errorf("one error gives %v, want it as it is", err)
	}
	err := fault.All("check", "f", one, io.EOF)
	if fault.KindOf(err) != fault.Denied || err.Error() != "check f: read a: no (Ask)\nEOF" || fault.RemedyOf(err) != "" {
		t.Errorf("two give %v, kind %v, remedy %q", err, fault.KindOf(err), fault.RemedyOf(err))
	}
}
