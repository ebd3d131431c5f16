package akuvox

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/protocol/access/fault"
)

// readFailed is a read that brought no answer: Timeout when the unit let it wait, else Unreachable.
func (l *link) readFailed(op string, a *ask, err error) error {
	if errors.Is(err, errTooLarge) {
		return fault.New(fault.Invalid, op, l.subject, "%w", err).WithRemedy("%s", remedyEmpty)
	}
	if a.manner.sent.Load() && timedOut(err) {
		return fault.New(fault.Timeout, op, l.subject, "no answer in time: %w", err).
			WithRemedy("Check that the panel is not overloaded by another system, then try again.")
	}
	return l.notSent(op, err)
}

// writeFailed is a write that brought no answer. Once it went out nobody knows what became of it.
func (l *link) writeFailed(op string, a *ask, err error) error {
	if a.manner.sent.Load() {
		return l.unknown(op, err)
	}
	return l.notSent(op, err)
}

// unknown is a write that went out and was not answered as it should be.
func (l *link) unknown(op string, err error) error {
	return fault.New(fault.Timeout, op, l.subject, "sent, but not answered properly, so the outcome is unknown: %w", err).
		WithRemedy("Read the panel before doing it again.")
}

// notSent is a request that did nothing: no connection, or no trust in the certificate.
func (l *link) notSent(op string, err error) error {
	if print, yes := distrusted(err); yes {
		return fault.New(fault.Denied, op, l.subject, "the panel's certificate is not trusted: %w", err).
			WithRemedy("If the panel shows this fingerprint too, set it as the TLS pin: %s.", orUnknown(print))
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return fault.New(fault.Unreachable, op, l.subject, "%w", err).WithRemedy("The panel speaks plain HTTP at this port: give the address as http://.")
	}
	return fault.New(fault.Unreachable, op, l.subject, "%w", err).
		WithRemedy("Check power, cable and address of the panel, and that nothing between blocks the port.")
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// notAPI is a read answered 200 with something that is not the API's JSON (§1).
func (l *link) notAPI(op string, err error) error {
	if errors.Is(err, errEmpty) {
		return fault.New(fault.Unreachable, op, l.subject, "%w: no working HTTP API behind it", err).WithRemedy("%s", remedyEmpty)
	}
	return fault.New(fault.Invalid, op, l.subject, "%w", err).WithRemedy("%s", remedyWeb)
}

// refusedByHTTP turns a status other than success into a fault, nil for success. A server error on
// a write leaves the outcome unknown.
func (l *link) refusedByHTTP(op string, a answer, write bool) error {
	say := func(k fault.Kind, remedy, format string, args ...any) error {
		return fault.New(k, op, l.subject, format, args...).WithRemedy("%s", remedy)
	}
	switch {
	case a.status >= 200 && a.status < 300:
		return nil
	case a.status >= 300 && a.status < 400:
		return l.redirected(op, a)
	case a.status == http.StatusUnauthorized:
		return l.unauthorized(op, a)
	case a.status == http.StatusForbidden:
		return say(fault.Denied, remedyForbidden, "refused with HTTP 403")
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
		return say(fault.Unsupported, remedyAbsent, "the panel has no such call (HTTP %d)", a.status)
	case a.status >= 500 && write:
		return l.unknown(op, fmt.Errorf("HTTP %d", a.status))
	case a.status >= 500:
		return say(fault.Unreachable, "Restart the panel if this lasts, and update its firmware: some versions fail so on every read.", "the panel failed with HTTP %d", a.status)
	}
	return say(fault.Invalid, "If the address is of an HTTPS port, give it as https://; else update the panel's firmware.", "refused with HTTP %d", a.status)
}

// redirected explains a 30x: HTTPS only, or a unit of the /api/web dialect (read first, §1).
func (l *link) redirected(op string, a answer) error {
	to, err := url.Parse(a.header.Get("Location"))
	if err == nil && to.Scheme == "https" && l.base.Scheme == "http" && to.Hostname() == l.base.Hostname() {
		return fault.New(fault.Unsupported, op, l.subject, "the panel answers here by HTTPS only (HTTP %d)", a.status).
			WithRemedy("Give the address as https://%s, with the certificate's fingerprint as TLS pin. If that shows no API either: %s", tidy(to.Host), remedySPA)
	}
	return fault.New(fault.Unsupported, op, l.subject, "the panel leads elsewhere (HTTP %d); redirects are not followed", a.status).WithRemedy("%s", remedySPA)
}

func (l *link) unauthorized(op string, a answer) error {
	d, basic := challenges(a.header)
	f := fault.New(fault.Denied, op, l.subject, "the panel refuses the user and password of its HTTP API")
	switch {
	case l.login.user == "":
		f = fault.New(fault.Denied, op, l.subject, "the panel's HTTP API wants a user and password")
	case d == nil && !basic:
		f = fault.New(fault.Denied, op, l.subject, "the panel wants a login of a kind that is not supported")
	}
	return f.WithRemedy("%s", remedyLogin)
}

// refusedByCode turns a negative retcode, or a failed item, into a fault; nil for success. Any
// retcode from zero up is success (§2.3), messages decide the kind (§5.3).
func (l *link) refusedByCode(op string, r reply) error {
	ret, failed := failedItem(r.data)
	if r.code >= 0 && !failed {
		return nil
	}
	k, remedy := judge(r.code, r.message, ret, failed)
	detail := ""
	if failed {
		detail = fmt.Sprintf(" (Ret %d)", ret)
	}
	var why error = refusal{r.code, tidy(r.message) + detail}
	if k == fault.Invalid && r.code == -1 && !failed {
		why = fmt.Errorf("%w: %w", errNoReason, why)
	}
	return fault.New(k, op, l.subject, "%w", why).WithRemedy("%s", remedy)
}

// errNoReason marks a refusal that says no more than "Failed".
var errNoReason = errors.New("the panel gives no reason")

// refusal is the unit's own word.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the panel refuses: retcode %d, %q", r.code, r.text)
}

// judge is §5.3 as a table. Codes are vague where messages speak, so messages go first.
func judge(code int, message string, ret int, failed bool) (fault.Kind, string) {
	m := strings.ToLower(message)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(m, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("unsupport", "no handler", "no hanlder"): //nolint:misspell // as the unit spells it
		return fault.Unsupported, remedyAbsent
	case has("exist", "duplicate", "repeat", "conflict"):
		return fault.Conflict, "Find who else on the panel has the same PIN, card or id."
	case has("full", "exceed", "limit", "no space", "maximum"):
		return fault.Full, remedyFull
	case failed && (ret == -4 || ret == -7):
		return fault.Conflict, "The row is gone or was changed on the panel: read it again."
	case code == -100, has("param"):
		return fault.Invalid, "The panel does not take one of the values: check PIN length and card format against its manual."
	}
	return fault.Invalid, "The panel gives no reason: check whether it is full, and whether PIN and card are of the form it takes."
}

// failedItem finds the Ret of the first item that failed: negative, or 14 for an empty name (§5.3).
func failedItem(data json.RawMessage) (ret int, failed bool) {
	pg, err := decodePage(data)
	if err != nil {
		return 0, false
	}
	for _, r := range pg.rows {
		if n, ok := number(r["Ret"]); ok && (n < 0 || n == 14) {
			return n, true
		}
	}
	return 0, false
}
