// Package config reads gatehouse-cloud's one TOML file. It is strict: an unknown key, a wrong type
// or a value that cannot be is an error in words. Without a file everything has a default that
// works on one machine.
//
// Only the assembly reads it; no other package knows that there is a file.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// Config is the cloud's settings with defaults filled in.
type Config struct {
	StateDir      string     `toml:"state_dir"`      // database, keys and certificates
	Database      string     `toml:"database"`       // sqlite:///path or postgres://…; "": SQLite in StateDir
	Listen        string     `toml:"listen"`         // status page, /healthz
	Broker        string     `toml:"broker"`         // an outside broker that the cloud joins, tls://host:port; "": the embedded one
	BrokerListen  string     `toml:"broker_listen"`  // the embedded broker; "" with an outside one: nothing listens
	BrokerAddress string     `toml:"broker_address"` // what gateways dial, tls://host:port; "": Broker, else BrokerListen
	LogLevel      slog.Level `toml:"log_level"`
	Properties    []Property `toml:"property"`
}

// Property is one [[property]] table.
type Property struct {
	ID          access.PropertyID `toml:"id"`
	Name        string            `toml:"name"`
	Zone        string            `toml:"zone"`
	Source      string            `toml:"source"`         // ref of the property in its source; "": the only one there
	Begin       string            `toml:"begin"`          // "move_in" or "lease_start"
	End         []string          `toml:"end"`            // any of "move_out", "status", "lease_end"
	MoveInTime  string            `toml:"move_in_time"`   // "15:00"
	MoveOutTime string            `toml:"move_out_time"`  // "11:00"
	Types       []string          `toml:"types"`          // types that get access; []: every type; absent: residents and occupants
	Mobile      bool              `toml:"mobile_access"`  // everybody with access is called by panels that call
	Names       string            `toml:"directory_name"` // form of names in panels' directories; "": rules.DefaultNameForm
	PMS         *PMS              `toml:"pms"`            // nil: only files are imported
	Gateway     *Gateway          `toml:"gateway"`        // nil: gateways follow their own files
	Doors       []Door            `toml:"door"`
	Groups      []Group           `toml:"group"`
}

// PMS is the [property.pms] table: a live source.
type PMS struct {
	Kind  string        `toml:"kind"`   // "rentmanager"
	File  string        `toml:"config"` // the vendor's own file: address, account, fields
	Every time.Duration `toml:"every"`  // how often it is read; 0: DefaultEvery

	Ignore []string `toml:"ignore"` // refs of the account's other properties that are not wanted
}

// DefaultEvery is how often a live source is read unless the property says otherwise.
const DefaultEvery = 5 * time.Minute

// Door is one [[property.door]] table.
type Door struct {
	ID   access.DoorID `toml:"id"`
	Name string        `toml:"name"`
}

// Group is one [[property.group]] table. A property without groups gets one of all its doors,
// Residents Entrance, common to all residents.
type Group struct {
	ID        access.GroupID  `toml:"id"`
	Name      string          `toml:"name"`
	Doors     []access.DoorID `toml:"doors"`
	Common    bool            `toml:"common"`
	Shareable bool            `toml:"shareable"`
}

// Default is what no file means: everything in ./gatehouse-cloud, on loopback.
func Default() Config {
	return Config{StateDir: "gatehouse-cloud", Listen: "127.0.0.1:8080", BrokerListen: "127.0.0.1:8883"}
}

const maxFile = 1 << 20

// Load reads a file; "" gives the defaults. The error is Invalid and names every key that is wrong,
// each on a line; beside it stands what could be read, for more to be found wrong in it. Relative paths are taken from the file's own folder.
func Load(path string) (Config, error) {
	c, dir := Default(), "."
	if path != "" {
		b, err := read(path)
		if err != nil {
			return Config{}, err
		}
		dir = filepath.Dir(path)
		md, err := toml.Decode(string(b), &c)
		if err != nil {
			return Config{}, fault.New(fault.Invalid, "read", path, "%s", words(err))
		}
		if c.Broker != "" && !md.IsDefined("broker_listen") {
			c.BrokerListen = ""
		}
		if err := errors.Join(unknown(md), c.check()); err != nil {
			return c, errors.Join(fault.New(fault.Invalid, "read", path, "%w", err), c.complete(dir))
		}
	}
	return c, c.complete(dir)
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "read", path, "%w", err).WithRemedy("Give the file's path with --config.")
	}
	if info.Size() > maxFile {
		return nil, fault.New(fault.Invalid, "read", path, "%d bytes are too many for a configuration", info.Size())
	}
	b, err := os.ReadFile(path)
	return b, fault.Wrap(fault.Invalid, "read", path, err)
}

func words(err error) string {
	var pe toml.ParseError
	if errors.As(err, &pe) {
		if pe.LastKey != "" {
			return fmt.Sprintf("line %d, %s: %s", pe.Position.Line, pe.LastKey, pe.Message)
		}
		return fmt.Sprintf("line %d: %s", pe.Position.Line, pe.Message)
	}
	return strings.TrimPrefix(err.Error(), "toml: ")
}

func unknown(md toml.MetaData) error {
	var errs []error
	for _, k := range md.Undecoded() {
		errs = append(errs, fmt.Errorf("%s is not a key here", k))
	}
	return errors.Join(errs...)
}

func (c *Config) complete(dir string) error {
	if !filepath.IsAbs(c.StateDir) {
		c.StateDir = filepath.Join(dir, c.StateDir)
	}
	abs, err := filepath.Abs(c.StateDir)
	if err != nil {
		return fault.Wrap(fault.Invalid, "find", c.StateDir, err)
	}
	c.StateDir = abs
	if c.Database == "" {
		c.Database = "sqlite://" + filepath.Join(abs, "cloud.db")
	}
	if c.BrokerAddress == "" {
		c.BrokerAddress = cmp.Or(c.Broker, "tls://"+c.BrokerListen)
	}
	for i := range c.Properties {
		if p := c.Properties[i].PMS; p != nil {
			if p.File != "" && !filepath.IsAbs(p.File) {
				p.File = filepath.Join(dir, p.File)
			}
			if p.Every == 0 {
				p.Every = DefaultEvery
			}
		}
	}
	return nil
}

// check names everything that cannot be.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.StateDir == "" {
		bad("state_dir is empty")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen is %q, want host:port such as 127.0.0.1:8080", c.Listen)
	}
	errs = append(errs, c.checkBroker()...)
	seen := map[access.PropertyID]bool{}
	for i := range c.Properties {
		p := &c.Properties[i]
		if seen[p.ID] {
			bad("property %q stands twice", p.ID)
		}
		seen[p.ID] = true
		for _, err := range p.check() {
			bad("property %d (%s): %w", i+1, p.ID, err)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// checkBroker names what cannot be about the broker, embedded or not.
func (c *Config) checkBroker() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for key, v := range map[string]string{"broker": c.Broker, "broker_address": c.BrokerAddress} {
		if v != "" && !dialable(v) {
			bad("%s is %q, want tls://host:port", key, withoutPassword(v))
		}
	}
	if c.Broker != "" {
		if c.BrokerListen != "" {
			bad("broker and broker_listen contradict each other: with broker = %q the cloud joins that one and nothing listens on %q; remove one of the two", c.Broker, c.BrokerListen)
		}
		return errs
	}
	host, _, err := net.SplitHostPort(c.BrokerListen)
	if err != nil {
		bad("broker_listen is %q, want host:port such as 127.0.0.1:8883", c.BrokerListen)
	} else if c.BrokerAddress == "" && (host == "" || net.ParseIP(host).IsUnspecified()) {
		bad("broker_address is missing: broker_listen %q is no address that a gateway can dial", c.BrokerListen)
	}
	return errs
}

// dialable says whether an address is tls://host:port and nothing else, and leads somewhere.
func dialable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" {
		return false
	}
	return u.String() == "tls://"+u.Host && !net.ParseIP(u.Hostname()).IsUnspecified()
}

// withoutPassword is an address as it may be printed.
func withoutPassword(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}

func (p *Property) check() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := p.Access().Validate(); err != nil {
		errs = append(errs, err)
	}
	if p.Begin != "" && p.Begin != string(model.BeginMoveIn) && p.Begin != string(model.BeginLeaseStart) {
		bad("begin is %q, want move_in or lease_start", p.Begin)
	}
	for _, e := range p.End {
		if !slices.Contains([]string{"move_out", "status", "lease_end"}, e) {
			bad("end names %q, want move_out, status or lease_end", e)
		}
	}
	for key, hm := range map[string]string{"move_in_time": p.MoveInTime, "move_out_time": p.MoveOutTime} {
		if _, err := time.Parse("15:04", hm); hm != "" && err != nil {
			bad("%s is %q, want HH:MM such as 15:00", key, hm)
		}
	}
	if err := rules.CheckNameForm(p.Names); err != nil {
		bad("directory_name: %w. %s", err, fault.RemedyOf(err))
	}
	if p.PMS != nil {
		if p.PMS.Kind == "" {
			bad("pms.kind is missing, for example kind = \"rentmanager\"")
		}
		if p.PMS.File == "" {
			bad("pms.config is missing: the vendor's own file")
		}
		if p.PMS.Every < 0 || p.PMS.Every > 0 && (p.PMS.Every < time.Second || p.PMS.Every > 24*time.Hour) {
			bad("pms.every is %s, want 1s to 24h", p.PMS.Every)
		}
	}
	doors := map[access.DoorID]bool{}
	for _, d := range p.Doors {
		if err := (access.Door{ID: d.ID, Name: d.Name}).Validate(); err != nil {
			errs = append(errs, err)
		}
		if doors[d.ID] {
			bad("door %q stands twice", d.ID)
		}
		doors[d.ID] = true
	}
	errs = append(errs, p.checkGateway(doors)...)
	groups := map[access.GroupID]bool{}
	for _, g := range p.Groups {
		if groups[g.ID] {
			bad("group %q stands twice", g.ID)
		}
		groups[g.ID] = true
		if err := (access.Group{ID: g.ID, Doors: g.Doors}).Validate(); err != nil {
			errs = append(errs, err)
		}
		for _, d := range g.Doors {
			if !doors[d] {
				bad("group %q names door %q, which is no [[property.door]]", g.ID, d)
			}
		}
	}
	return errs
}

// Access is the property as gateways know it.
func (p *Property) Access() access.Property {
	name := p.Name
	if name == "" {
		name = string(p.ID)
	}
	return access.Property{ID: p.ID, Name: name, Zone: p.Zone}
}

// Settings is the property's policy, defaults filled in.
func (p *Property) Settings() model.Settings {
	s := model.DefaultSettings()
	if p.Begin != "" {
		s.Begin = model.Trigger(p.Begin)
	}
	if p.End != nil {
		s.EndMoveOut, s.EndStatus, s.EndLeaseEnd = slices.Contains(p.End, "move_out"), slices.Contains(p.End, "status"), slices.Contains(p.End, "lease_end")
	}
	if p.MoveInTime != "" {
		s.MoveInTime = p.MoveInTime
	}
	if p.MoveOutTime != "" {
		s.MoveOutTime = p.MoveOutTime
	}
	if p.Types != nil {
		s.Types = p.Types
	}
	s.Mobile = p.Mobile
	s.Names = p.Names
	return s
}

// Places are the property's doors and groups.
func (p *Property) Places() (doors []access.Door, groups []access.Group) {
	var all []access.DoorID
	for _, d := range p.Doors {
		name := d.Name
		if name == "" {
			name = string(d.ID)
		}
		doors, all = append(doors, access.Door{ID: d.ID, Name: name}), append(all, d.ID)
	}
	for _, g := range p.Groups {
		groups = append(groups, access.Group{ID: g.ID, Name: g.Name, Doors: g.Doors, Common: g.Common, Shareable: g.Shareable})
	}
	if len(groups) == 0 && len(all) > 0 {
		groups = []access.Group{{ID: "entrance", Name: "Residents Entrance", Doors: all, Common: true}}
	}
	return doors, groups
}
