package industrystd

// Outcome is how a job ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"    // the lock system says so
	Refused Outcome = "refused" // it was not done, for certain; it may be sent again when the reason is gone
	Unknown Outcome = "unknown" // it may have been done. Never send it again unseen: read the card, or ask a person
)

// Cause is why a job was not done.
type Cause string

// The causes.
const (
	NoCause   Cause = ""
	Limit     Cause = "limit"     // refused before the wire
	Busy      Cause = "busy"      // the lock system answers ENQ with NAK
	NotTaken  Cause = "not_taken" // NAK to every copy of the frame: never accepted
	Code      Cause = "code"      // an error code, in Result.Answer
	Silent    Cause = "silent"    // no byte in time
	Noisy     Cause = "noisy"     // nothing but noise
	Garbled   Cause = "garbled"   // an answer with a wrong checksum, or one that cannot be understood
	HungUp    Cause = "hung_up"   // the line is gone
	Cancelled Cause = "cancelled" // the caller's context ended
	Held      Cause = "held"      // Session.Sending did not let it go
)

// Result is the end of a job.
type Result struct {
	Outcome Outcome
	Cause   Cause
	Code    string // the lock system's error code, also when the outcome is unknown
	Message string // what happened, to what, and what to do; empty when done
	Answer  Answer
	Record  Transcript
	Err     error // what the link, the check or Sending returned, for errors.Is; nil otherwise
}
