package rentmanager

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is one account of the Web API and what is read from it.
type Config struct {
	// File is where this was read, for words to people; "" nowhere.
	File string
	// URL is the API's address: https://acme.api.rentmanager.com, with or without a path and the
	// last slash; without https:// too; or the company code alone ("acme", §1.1). Plain http is
	// for loopback only: the password travels with it.
	URL      string
	Username string
	Password access.Secret
	// LocationID is the vendor's location to sign in to; 0 leaves it out (§1.1).
	LocationID int
	// Properties are PropertyIDs; none means all active ones. Active ones that are not chosen
	// are listed in Skipped, so that new ones can be offered (row A1).
	Properties []string
	Defaults   Settings            // of every property
	Property   map[string]Settings // by PropertyID; a field that is not zero replaces the default

	PageSize int // rows a page, 1 to 1000; 0 is 500
	MaxCalls int // requests one pull may spend; 0 is 500
}

// Settings are what a property adds to what Rent Manager says.
type Settings struct {
	// Zone is the property's IANA time zone. Rent Manager's dates have none (§7.7). Without it the
	// day counts as begun, and as over, only where that is so everywhere on Earth.
	Zone      string
	PINField  string // name of the user-defined field of tenants or contacts that holds the PIN; "" none
	CardField string // the same for the card
	PINDigits int    // length of every PIN, where the property has one; 0 unknown (row A3)
}

// The vendor's cap on a page (§1.3) and our defaults.
const (
	maxPageSize     = 1000
	defaultPageSize = 500
	defaultMaxCalls = 500
)

// settings are the property's own over the defaults.
func (c Config) settings(property string) Settings {
	s, own := c.Defaults, c.Property[property]
	if own.Zone != "" {
		s.Zone = own.Zone
	}
	if own.PINField != "" {
		s.PINField, s.PINDigits = own.PINField, own.PINDigits
	}
	if own.PINDigits != 0 {
		s.PINDigits = own.PINDigits
	}
	if own.CardField != "" {
		s.CardField = own.CardField
	}
	return s
}

// check names everything that cannot be, each on a line, and fills in defaults.
func (c *Config) check() (*url.URL, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	base, err := readBase(c.URL)
	if err != nil {
		bad("url: %w", err)
	}
	if c.Username == "" {
		bad("username: is missing")
	}
	if c.Password.IsZero() {
		bad("password_file: holds no password")
	}
	if c.LocationID < 0 {
		bad("location_id: %d is no location", c.LocationID)
	}
	c.checkProperties(bad)
	if c.PageSize < 0 || c.PageSize > maxPageSize || c.MaxCalls < 0 {
		bad("page size %d and call limit %d: want 1 to %d rows, and at least one call", c.PageSize, c.MaxCalls, maxPageSize)
	}
	c.PageSize, c.MaxCalls = orDefault(c.PageSize, defaultPageSize), orDefault(c.MaxCalls, defaultMaxCalls)
	if len(errs) > 0 {
		return nil, fault.New(fault.Invalid, "configure", "Rent Manager", "%w", errors.Join(errs...))
	}
	return base, nil
}

func (c *Config) checkProperties(bad func(string, ...any)) {
	for i, p := range c.Properties {
		switch {
		case !isID(p):
			bad("properties: %.40q is no PropertyID: want its number", p)
		case slices.Contains(c.Properties[:i], p):
			bad("properties: %s stands there twice", p)
		}
	}
	checkSettings("", c.Defaults, bad)
	for p, s := range c.Property {
		if !isID(p) || len(c.Properties) > 0 && !slices.Contains(c.Properties, p) {
			bad("per_property.%.40s: is none of the properties", p)
		}
		checkSettings("per_property."+p+".", s, bad)
	}
}

func checkSettings(where string, s Settings, bad func(string, ...any)) {
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		bad("%szone: %.60q is not a time zone: want an IANA name such as America/Chicago", where, s.Zone)
	}
	if s.PINDigits < 0 || s.PINDigits > 8 {
		bad("%spin_digits: %d: a PIN has 2 to 8 digits", where, s.PINDigits)
	}
	if s.PINField != "" && sameField(s.PINField, s.CardField) {
		bad("%scard_field: is the PIN's field too", where)
	}
}

func isID(s string) bool {
	return s != "" && len(s) <= 18 && strings.Trim(s, "0123456789") == "" && s[0] != '0'
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

var companyCode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// readBase makes the API's root of what people write.
func readBase(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return nil, errors.New("is missing")
	case companyCode.MatchString(s) && s != "localhost":
		s = "https://" + s + ".api.rentmanager.com"
	case !strings.Contains(s, "://"):
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Hostname() == "":
		return nil, errors.New("is no address: want https://COMPANY.api.rentmanager.com") // the cause would quote it, and it may hold a password
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("must hold no user, password, query or fragment")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return nil, fmt.Errorf("%s to %s: want https, because the password travels over it", u.Scheme, u.Hostname())
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
