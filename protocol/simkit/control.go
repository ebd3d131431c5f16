package simkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxControl bounds a request body of a control side.
const maxControl = 1 << 20

// Conflict is an error for what cannot be done just now: the control side answers 409.
type Conflict string

func (c Conflict) Error() string { return string(c) }

// Away is an error of a device that is switched off or restarting: the control side answers 503.
type Away string

func (a Away) Error() string { return string(a) }

// Help serves the words of a control side at its root.
func Help(words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, words) // a caller that left is its own business
	}
}

// Show serves what get returns, as JSON.
func Show[Out any](get func() Out) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { AnswerJSON(w, get()) }
}

// Act serves one kind of request: one JSON object with known fields only, then what do returns. An error is a 400 with
// its words, a Conflict a 409, an Away a 503.
func Act[In, Out any](do func(In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := strictJSON(r.Body, &in)
		var out Out
		if err == nil {
			out, err = do(in)
		}
		if err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		AnswerJSON(w, out)
	}
}

func statusOf(err error) int {
	switch {
	case errors.As(err, new(Conflict)):
		return http.StatusConflict
	case errors.As(err, new(Away)):
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

// ShowFaults serves a list and what of it is on.
func ShowFaults(l List, on func() []FaultSetting) http.HandlerFunc {
	return Show(func() any { return map[string]any{"faults": l.Faults, "on": on()} })
}

// AnswerJSON writes v.
func AnswerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that left is its own business
}

func strictJSON(r io.Reader, to any) error {
	d := json.NewDecoder(io.LimitReader(r, maxControl))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("the body is not what this call takes: %w; GET / shows it", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body holds more than one JSON value; send one")
	}
	return nil
}

// faultRequest wants on or off said, so that a forgotten key does not switch something off.
type faultRequest struct {
	FaultSetting
	On *bool `json:"on"`
}

// Switch serves the switching of faults.
func Switch(set func(FaultSetting) error) http.HandlerFunc {
	return Act(func(in faultRequest) (FaultSetting, error) {
		if in.On == nil {
			return FaultSetting{}, errors.New(`say "on":true or "on":false`)
		}
		in.FaultSetting.On = *in.On
		return in.FaultSetting, set(in.FaultSetting)
	})
}
