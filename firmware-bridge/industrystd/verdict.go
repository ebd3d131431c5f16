package industrystd

import (
	"errors"
	"fmt"
)

// unsent ends a job of which the peer accepted nothing.
func (x *exchange) unsent(err error) Result {
	stop := asStopped(err)
	return Result{
		Outcome: Refused, Cause: stop.cause, Err: stop.err,
		Message: fmt.Sprintf("%s was not done: %s.", x.subject(), before(stop.cause, stop.err)),
	}
}

// unsure ends a job whose frame is out and was not answered with NAK.
func (x *exchange) unsure(err error) Result {
	stop := asStopped(err)
	return Result{
		Outcome: Unknown, Cause: stop.cause, Err: stop.err,
		Message: fmt.Sprintf("Whether %s was done is not known: %s. %s", x.subject(), after(stop.cause), x.lookFirst()),
	}
}

// read judges a frame; false means that it belongs to something else.
func (x *exchange) read(u Unit) (Result, bool) {
	m, err := Decode(x.s.Dialect, u)
	if err != nil {
		return x.unsure(stopped{Garbled, err}), true
	}
	answer, err := ParseAnswer(x.s.Dialect, x.job, m)
	switch {
	case errors.Is(err, ErrNotOurs):
		return Result{}, false
	case err != nil:
		return x.unsure(stopped{Garbled, err}), true
	case answer.Error != nil:
		return x.refused(answer), true
	}
	return Result{Outcome: Done, Answer: answer}, true
}

// refused is the lock system's own no. Of several cards some may be made already when one fails at the encoder [I].
func (x *exchange) refused(a Answer) Result {
	e := *a.Error
	text := fmt.Sprintf("%s (%s)", e.Text, e.Code)
	if a.Detail != "" {
		text += fmt.Sprintf(": %q", a.Detail)
	}
	if x.job.Keys > 1 && (e.Class == Present || e.Class == Unclear || e.Code == "NC") {
		return Result{
			Outcome: Unknown, Cause: Code, Code: e.Code, Answer: a,
			Message: fmt.Sprintf("How many of the %d cards of %s were made is not known: %s. Read each card at the encoder.", x.job.Keys, x.subject(), text),
		}
	}
	return Result{
		Outcome: Refused, Cause: Code, Code: e.Code, Answer: a,
		Message: fmt.Sprintf("%s was refused: %s. %s", x.subject(), text, e.Remedy),
	}
}

// subject names the job for people.
func (x *exchange) subject() string {
	j := x.job
	switch {
	case j.trail():
		return fmt.Sprintf("%s of door %q", j.Command, j.Door)
	case len(j.Rooms) > 0 && j.Encoder != "":
		return fmt.Sprintf("%s for room %q at encoder %q", j.Command, j.Rooms[0], j.Encoder)
	case len(j.Rooms) > 0:
		return fmt.Sprintf("%s for room %q", j.Command, j.Rooms[0])
	case j.Encoder != "":
		return fmt.Sprintf("%s at encoder %q", j.Command, j.Encoder)
	}
	return string(j.Command)
}

// lookFirst is the remedy of an unknown outcome.
func (x *exchange) lookFirst() string {
	switch {
	case !x.job.Command.Changes():
		return "It changes nothing: it may be asked for again."
	case len(x.job.Rooms) > 0 && x.job.Encoder != "" && x.job.Command != CheckOut:
		return "Do not send it again before the card was read at the encoder: a second new key makes the first worthless."
	}
	return "Look into the lock system before it is sent again."
}

func asStopped(err error) stopped {
	if stop := (stopped{}); errors.As(err, &stop) {
		return stop
	}
	return stopped{HungUp, err}
}

// before says in words why nothing was accepted.
func before(c Cause, err error) string {
	switch c {
	case Busy:
		return "the lock system is busy; wait until the encoder has finished, then try again"
	case NotTaken:
		return fmt.Sprintf("the lock system did not accept the request in %d attempts; check the line for disturbances", frameTries)
	case Silent:
		return "the lock system does not answer; check that it runs and that nothing else holds its line"
	case Noisy:
		return "the line carries nothing but noise; check cable, speed and parity"
	case Cancelled:
		return "it was called off before it was accepted"
	case Held:
		return fmt.Sprintf("it was held back: %v", err)
	}
	return fmt.Sprintf("the line to the lock system is gone (%v); check its cable and power", err)
}

// after says in words why nobody knows.
func after(c Cause) string {
	switch c {
	case Silent:
		return "the request went out and no answer came in time"
	case Garbled:
		return "the answer came garbled"
	case Noisy:
		return "after the request nothing but noise came"
	case Cancelled:
		return "it was called off while the answer was awaited"
	}
	return "the line broke after the request went out"
}
