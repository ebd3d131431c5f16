package rentmanagersim

import (
	"net/http"
	"strconv"
	"time"
)

// window counts the requests of one minute, from its first. It goes by real time, not by the movable clock.
type window struct {
	from time.Time
	used int
}

// spend counts a request and says whether it is within the limit.
func (w *window) spend(now time.Time, limit int) bool {
	if now.Sub(w.from) >= time.Minute || now.Before(w.from) {
		*w = window{from: now}
	}
	w.used++
	return limit < 0 || w.used <= limit
}

func (w *window) left(now time.Time) int {
	return max(0, int((time.Minute-now.Sub(w.from)+time.Second-1)/time.Second))
}

// rateHeaders adds the family that is switched on (reference pms.md §1.3). Without a limit there are none.
func (s *Server) rateHeaders(h http.Header) {
	if s.opt.RateLimit < 0 || s.on(FaultRateNone) {
		return
	}
	now := s.opt.Now()
	left := s.rate.left(now)
	remaining := strconv.Itoa(max(0, s.opt.RateLimit-s.rate.used))
	if s.on(FaultRateOther) {
		h.Set("X-RateLimit", strconv.Itoa(s.opt.RateLimit))
		h.Set("X-RateRemaining", remaining)
		h.Set("X-RateTimeLeft", strconv.Itoa(left))
		return
	}
	reset := int64(left)
	if s.on(FaultRateEpoch) {
		reset = now.Unix() + int64(left)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.opt.RateLimit))
	h.Set("X-RateLimit-Remaining", remaining)
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
}
