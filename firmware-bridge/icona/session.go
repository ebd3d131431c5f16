package icona

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Options of a session. The zero value is fit for use.
type Options struct {
	Patience time.Duration // for an answer to JSON, which is slow; 0: 30 s (§7.4)
	Answer   time.Duration // for an answer to a packet; 0: 10 s
	Renew    time.Duration // after which the registration is asked for anew; 0: 50 min of the hour it lasts (§1.5)
	// Tell hears of rings. It is called by the session's own goroutine and must not block, nor call the session.
	Tell func(Event)
}

// Event is a ring, or its end.
type Event struct {
	Ring
	Ended bool
	Cause int // of an end, as RELEASE gives it; -1: the device never said, as it never does when nobody answers (§1.5)
}

// Errors of a session, for errors.Is. A session is over when a method failed with any but a Refusal or ErrDetached, or
// when its context ended before its turn.
var (
	ErrEnded      = errors.New("the session has ended")
	ErrUnanswered = errors.New("sent, and not answered") // what was asked for may have happened
	ErrClosed     = errors.New("the device closed the channel")
	ErrSilent     = errors.New("the device does not answer")
	ErrLapsed     = errors.New("the device does not renew the registration")
	ErrDetached   = errors.New("packets need the slot's own address: Attach or Register first")
)

// Session is one connection to a bridge: the owner's goroutine does all that is read and decided on it, callers ask one
// at a time. Its methods are safe for concurrent use. An error ends it, since after a missing answer the state of the
// channels is unknown (§7.2): close it and open another.
type Session struct {
	conn net.Conn
	opt  Options
	turn chan struct{} // of 1: the caller whose turn it is
	jobs chan *job
	quit chan struct{}
	once sync.Once
	err  error // set before quit is closed
	done chan struct{}

	// Of the caller whose turn it is.
	handles map[string]uint16
	lastID  int
	own, to Address // of packets; set by Register or Attach
}

// NewSession takes over a connection; Close gives it up.
func NewSession(conn net.Conn, opt Options) *Session {
	opt.Patience = cmp.Or(opt.Patience, 30*time.Second)
	opt.Answer = cmp.Or(opt.Answer, 10*time.Second)
	opt.Renew = cmp.Or(opt.Renew, 50*time.Minute)
	s := &Session{
		conn: conn, opt: opt, turn: make(chan struct{}, 1), jobs: make(chan *job), quit: make(chan struct{}), done: make(chan struct{}),
		handles: map[string]uint16{},
	}
	go newOwner(s).run()
	return s
}

// fail ends the session; the first reason stays.
func (s *Session) fail(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.quit)
		_ = s.conn.Close() // the owner's reading and writing end by it
	})
}

// Done is closed when the session has begun to end.
func (s *Session) Done() <-chan struct{} { return s.quit }

// Err is why the session ended; nil while it stands.
func (s *Session) Err() error {
	select {
	case <-s.quit:
		return s.err
	default:
		return nil
	}
}

// Close says good-bye on CTPP when nothing is under way, so that the device's one session is free at once (§7.1), closes
// the connection and waits for the owner.
func (s *Session) Close() {
	select {
	case s.turn <- struct{}{}:
		if h := s.handles[CTPP]; h != 0 && s.Err() == nil {
			_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // best effort, all three
			_, _ = s.conn.Write(Frame{Body: Manage{Verb: Close, Handle: h}.Bytes()}.Bytes())
		}
		<-s.turn
	default:
	}
	s.fail(ErrEnded)
	<-s.done
}

// begin waits for the caller's turn.
func (s *Session) begin(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return s.err
	}
	if err := s.Err(); err != nil {
		s.end()
		return err
	}
	return nil
}

func (s *Session) end() { <-s.turn }

// do has the owner send what a job holds and waits for its answer. Once it is sent, every error is ErrUnanswered too.
func (s *Session) do(ctx context.Context, patience time.Duration, j *job) (answer, error) {
	j.got = make(chan answer, 1)
	select {
	case s.jobs <- j:
	case <-s.quit:
		return answer{}, s.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-j.got:
		if a.err != nil {
			s.fail(a.err) // the owner is about to
		}
		return a, a.err
	case <-timer.C:
		s.fail(ErrSilent)
	case <-ctx.Done():
		s.fail(ctx.Err())
	case <-s.quit:
	}
	select {
	case a := <-j.got: // it came together with the end
		return a, a.err
	default:
		return answer{}, fmt.Errorf("%w: %w", ErrUnanswered, s.Err())
	}
}

// channel opens a channel, or gives the handle of the open one: a second one of a kind would not be answered (§1.3).
func (s *Session) channel(ctx context.Context, name, argument string) (uint16, error) {
	if h := s.handles[name]; h != 0 {
		return h, nil
	}
	h := firstHandle + uint16(len(s.handles))
	m := Manage{Verb: Open, Channel: name, Handle: h, Argument: argument}
	if _, err := s.do(ctx, s.opt.Patience, &job{kind: opening, handle: h, packets: name == CTPP, body: m.Bytes()}); err != nil {
		return 0, err
	}
	s.handles[name] = h
	return h, nil
}

// firstHandle is where the app's handles begin (§1.2) [R].
const firstHandle uint16 = 0x7474

// ask sends a request on a channel and reads its answer into out.
func (s *Session) ask(ctx context.Context, channel string, r request) ([]byte, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	h, err := s.channel(ctx, channel, "")
	if err != nil {
		return nil, err
	}
	s.lastID++
	r.Type, r.ID = "request", s.lastID
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	a, err := s.do(ctx, s.opt.Patience, &job{kind: asking, handle: h, message: r.Message, id: r.ID, body: body})
	if err != nil {
		return nil, err
	}
	if a.code != CodeOK {
		return nil, Refusal{a.code}
	}
	return a.body, nil
}

// Login logs in with the token of a slot. A Refusal may also mean that the slot is in use elsewhere (§1.4).
func (s *Session) Login(ctx context.Context, token string) error {
	_, err := s.ask(ctx, UAUT, request{Message: "access", Token: token})
	return err
}

// Redeem turns an activation code into a token, which every other method needs: the caller logs in with it on another
// session, since a second UAUT on one connection is not answered (§1.3, §1.4).
func (s *Session) Redeem(ctx context.Context, code, description string) (token string, err error) {
	body, err := s.ask(ctx, UAUT, request{Message: "user-activation", Code: code, Description: description})
	if err != nil {
		return "", err
	}
	var out struct {
		Token string `json:"user-token"`
	}
	if err := unpack(body, &out); err != nil || !isToken(out.Token) {
		return "", ErrAnswer
	}
	return out.Token, nil
}

// isToken says whether a text is 32 hexadecimal digits, not all zero (§3).
func isToken(s string) bool {
	zeros := true
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F') {
			return false
		}
		zeros = zeros && r == '0'
	}
	return len(s) == 32 && !zeros
}

// Server asks what the device is; no login is needed.
func (s *Session) Server(ctx context.Context) (Server, error) {
	var out Server
	body, err := s.ask(ctx, INFO, request{Message: "server-info"})
	if err == nil {
		err = unpack(body, &out)
	}
	return Server{clean(out.Model), clean(out.Version), clean(out.Serial)}, err
}

// Configuration asks what the slot sees; it is the slowest request (§7.4).
func (s *Session) Configuration(ctx context.Context) (Configuration, error) {
	body, err := s.ask(ctx, UCFG, request{Message: "get-configuration", Books: "all"})
	if err != nil {
		return Configuration{}, err
	}
	return ParseConfiguration(body)
}
