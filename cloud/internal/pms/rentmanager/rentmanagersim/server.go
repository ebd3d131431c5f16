package rentmanagersim

import (
	"bytes"
	"encoding/json"
	"errors"
	"gatehouse/protocol/simkit"
	"sync"
	"time"
)

// Options is how an account is set up. The zero Options is the sample property behind user "api", password
// "secret".
type Options struct {
	Data     *Data // nil means Sample(); it is copied
	User     string
	Password string
	Location int              // the account's location; 0 means 1
	Now      func() time.Time // nil means time.Now; the movable clock starts here
	Base     string           // civil date the books are relative to; "" means today at each property
	// TokenLife is how long a token is good for; 0 means 15 minutes.
	TokenLife time.Duration
	// RateLimit is how many requests a minute are answered; 0 means 500, negative means no limit.
	RateLimit int
	Faults    []FaultSetting
}

// Server is one account of the vendor's API. It is an http.Handler, safe for concurrent use.
type Server struct {
	opt    Options
	schema schema
	mu     sync.Mutex
	data   *Data
	start  time.Time
	ahead  time.Duration // how far the clock was moved
	next   int           // the next new id
	faults simkit.Switches
	tokens map[string]time.Time // token to end of life
	issued int
	rate   window
	rec    record

	version   int // counts what could change the rows
	forest    forest
	forestKey string
}

// New opens an account. It fails on wrong data or options.
func New(o Options) (*Server, error) {
	if o.Data == nil {
		o.Data = Sample()
	}
	if o.User == "" && o.Password == "" {
		o.User, o.Password = "api", "secret"
	}
	if o.User == "" || o.Password == "" {
		return nil, errors.New("the account needs a user and a password, or neither for api and secret")
	}
	if o.Location == 0 {
		o.Location = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLife == 0 {
		o.TokenLife = 15 * time.Minute
	}
	if o.RateLimit == 0 {
		o.RateLimit = 500
	}
	if _, err := time.Parse(isoDay, o.Base); o.Base != "" && err != nil {
		return nil, errors.New("the base day " + o.Base + " is not a date like 2026-12-31")
	}
	return open(o)
}

func open(o Options) (*Server, error) {
	s := &Server{
		opt: o, schema: newSchema(), start: o.Now(), faults: FaultList().Switches(), tokens: map[string]time.Time{},
		rec: newRecord(),
	}
	flat, err := json.Marshal(o.Data)
	if err != nil {
		return nil, err
	}
	if s.data, err = ReadData(bytes.NewReader(flat)); err != nil {
		return nil, err
	}
	s.next = s.data.highestID() + 1
	for _, f := range o.Faults {
		if err := s.SetFault(f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// highestID is over all kinds, so that a new id was never anybody's.
func (d *Data) highestID() int {
	top := 0
	for _, p := range d.Properties {
		for _, h := range p.Households {
			top = max(top, h.ID)
			for _, m := range h.Members {
				top = max(top, m.ID)
			}
			for _, l := range h.Leases {
				top = max(top, l.ID)
			}
		}
	}
	for _, v := range d.Vendors {
		top = max(top, v.ID)
	}
	return top
}

// newID is an id nobody had. The caller holds the lock.
func (s *Server) newID() int {
	s.next++
	return s.next - 1
}

// changed says that rows may look different now. The caller holds the lock.
func (s *Server) changed() { s.version++ }
