// Package config reads the agent's one TOML file. It is strict: an unknown key, a wrong type or a
// value that cannot be is an error, and all of them are named at once, so that an installer mends
// the file in one go.
//
// Only the assembly reads it; no other package knows that there is a file.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Config is the agent's settings with defaults filled in.
type Config struct {
	StateDir  string        // where the databases and keys live
	Force     bool          // use StateDir also where files do not last
	Listen    string        // status page, /metrics and /healthz; "" for none
	OnSite    string        // page on which staff act while the cloud is away; "" for none
	Events    string        // address that devices call when something happens; "" for none
	LogLevel  slog.Level    //
	Hello     time.Duration // how often to say hello to the cloud
	Audit     time.Duration // how often every panel is read back as a whole
	Reconnect time.Duration // the longest wait between attempts to reach the cloud
	Devices   []Device
	// Socket is where the running agent is asked; "": in StateDir. No key of the file: the command line says it.
	Socket string
}

// Device is one [[device]] table.
type Device struct {
	ID           access.DeviceID
	Kind         string
	Name         string
	URL          string
	Host         string
	User         string
	PasswordFile string
	TokenFile    string
	InsecureTLS  bool
	TLSPin       string
	Pace         time.Duration // < 0: none; 0: the kind's default
	Timeout      time.Duration
	Model        string
	Buttons      int  // named buttons of a panel that calls people; 0: a directory is searched
	Report       bool // mode = "report": plan and audit, write nothing
	Doors        map[access.DoorID]string
	WebPort      int // of Host; 0: the kind's default
	IconaPort    int // of Host, comelit's bridge; 0: the kind's default

	// Of a device that was paired on site and stands in no file: its secrets themselves, and why they are missing.
	Paired          bool
	Password, Token access.Secret
	Locked          string
}

// Default is what a file that says nothing means.
func Default() Config {
	return Config{StateDir: "/var/lib/gatehouse", Listen: "127.0.0.1:9464", Hello: 5 * time.Minute, Audit: 24 * time.Hour, Reconnect: 2 * time.Minute}
}

const maxFile = 1 << 20

// Load reads a file. The error joins one error a wrong key, each on one line; it is Invalid. Beside
// such an error stands what could be read, for more to be found wrong in it.
// Relative paths in the file are taken from the file's own folder.
func Load(path string) (Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fault.New(fault.Invalid, "read", path, "%w", err).WithRemedy("Give the file's path with --config.")
	}
	if info.Size() > maxFile {
		return Config{}, fault.New(fault.Invalid, "read", path, "%d bytes are too many for a configuration", info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Wrap(fault.Invalid, "read", path, err)
	}
	c, err := Parse(string(b), filepath.Dir(path))
	if err != nil {
		return c, fault.New(fault.Invalid, "read", path, "%w", err)
	}
	return c, nil
}

// Parse reads a file's text; dir is what relative paths in it start from.
func Parse(text, dir string) (Config, error) {
	var raw map[string]any
	if _, err := toml.Decode(text, &raw); err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return Config{}, fmt.Errorf("line %d: %s", pe.Position.Line, pe.Message)
		}
		return Config{}, err
	}
	c := Default()
	r := &reader{dir: dir}
	r.table("", raw, fields{
		"state_dir":       r.path(&c.StateDir),
		"force_state_dir": r.truth(&c.Force),
		"onsite_listen":   r.address(&c.OnSite),
		"listen":          r.address(&c.Listen),
		"events_listen":   r.home(&c.Events),
		"log_level":       r.level(&c.LogLevel),
		"hello_every":     r.duration(&c.Hello, time.Second, 24*time.Hour),
		"audit_every":     r.duration(&c.Audit, time.Minute, 30*24*time.Hour),
		"reconnect_max":   r.duration(&c.Reconnect, 100*time.Millisecond, time.Hour),
		"device":          r.devices(&c.Devices),
	})
	if c.StateDir == "" {
		r.bad("state_dir", "is empty")
	}
	return c, errors.Join(r.errs...)
}

// fields says how each key of a table is read.
type fields map[string]func(key string, v any)

// reader collects every complaint.
type reader struct {
	dir  string
	errs []error
}

func (r *reader) bad(key, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s %s", key, fmt.Sprintf(format, args...)))
}

func (r *reader) table(prefix string, raw map[string]any, fs fields) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		read, ok := fs[key]
		if !ok {
			r.bad(prefix+key, "is not a key here; known are %s", strings.Join(slices.Sorted(maps.Keys(fs)), ", "))
			continue
		}
		read(prefix+key, raw[key])
	}
}

func typed[T any](r *reader, key string, v any, want string, use func(T)) {
	t, ok := v.(T)
	if !ok {
		r.bad(key, "is %s, want %s", describe(v), want)
		return
	}
	use(t)
}

func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprintf("%v", v)
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return fmt.Sprintf("a %T", v)
}

func (r *reader) text(dst *string) func(string, any) {
	return func(key string, v any) { typed(r, key, v, `a text in quotes`, func(s string) { *dst = s }) }
}

func (r *reader) path(dst *string) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, `a path in quotes`, func(s string) {
			if s != "" && !filepath.IsAbs(s) {
				s = filepath.Join(r.dir, s)
			}
			*dst = s
		})
	}
}

func (r *reader) truth(dst *bool) func(string, any) {
	return func(key string, v any) { typed(r, key, v, "true or false", func(b bool) { *dst = b }) }
}

func (r *reader) port(dst *int) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, "a number from 1 to 65535", func(n int64) {
			if n < 1 || n > 65535 {
				r.bad(key, "is %d, want 1 to 65535", n)
			}
			*dst = int(n)
		})
	}
}

func (r *reader) address(dst *string) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, `"host:port" in quotes`, func(s string) {
			if _, _, err := net.SplitHostPort(s); err != nil && s != "" {
				r.bad(key, "is %q, want host:port such as 127.0.0.1:9464, or \"\" for none", s)
			}
			*dst = s
		})
	}
}

// home reads an address that devices are told: one that says at which of the box's own addresses.
func (r *reader) home(dst *string) func(string, any) {
	return func(key string, v any) {
		r.address(dst)(key, v)
		host, _, err := net.SplitHostPort(*dst)
		if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
			r.bad(key, "is %q, want the box's own address at the property, which its devices are told: such as 192.0.2.5:9470", *dst)
		}
	}
}

func (r *reader) level(dst *slog.Level) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, `"debug", "info", "warn" or "error"`, func(s string) {
			if err := dst.UnmarshalText([]byte(s)); err != nil {
				r.bad(key, "is %q, want debug, info, warn or error", s)
			}
		})
	}
}

// duration reads "250ms"; "0" means none and is stored as -1 where none is allowed (min 0).
func (r *reader) duration(dst *time.Duration, min, max time.Duration) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, `a duration in quotes such as "5s"`, func(s string) {
			d, err := time.ParseDuration(s)
			switch {
			case err != nil:
				r.bad(key, "is %q, want a duration such as 250ms, 5s or 1h", s)
			case d < min || d > max:
				r.bad(key, "is %s, want %s to %s", s, min, max)
			case d == 0:
				*dst = -1
			default:
				*dst = d
			}
		})
	}
}

// count reads a whole number from 0 to most.
func (r *reader) count(dst *int, most int64) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, "a whole number", func(n int64) {
			if *dst = int(n); n < 0 || n > most {
				r.bad(key, "is %d, want 0 to %d", n, most)
			}
		})
	}
}

func (r *reader) devices(dst *[]Device) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, "[[device]] tables", func(list []map[string]any) {
			seen := map[access.DeviceID]bool{}
			for i, raw := range list {
				d := r.device(fmt.Sprintf("device %d: ", i+1), raw)
				if seen[d.ID] {
					r.bad(fmt.Sprintf("device %d: id", i+1), "%q is used twice", d.ID)
				}
				seen[d.ID] = true
				*dst = append(*dst, d)
			}
		})
	}
}

func (r *reader) device(prefix string, raw map[string]any) Device {
	var d Device
	var id, mode string
	r.table(prefix, raw, fields{
		"id": r.text(&id), "kind": r.text(&d.Kind), "name": r.text(&d.Name), "url": r.text(&d.URL),
		"host": r.text(&d.Host), "user": r.text(&d.User), "password_file": r.path(&d.PasswordFile),
		"token_file": r.path(&d.TokenFile), "insecure_tls": r.truth(&d.InsecureTLS), "tls_pin": r.text(&d.TLSPin),
		"pace": r.duration(&d.Pace, 0, time.Minute), "timeout": r.duration(&d.Timeout, time.Second, 5*time.Minute),
		"model": r.text(&d.Model), "buttons": r.count(&d.Buttons, 1000), "mode": r.text(&mode), "doors": r.doors(&d.Doors),
		"web_port": r.port(&d.WebPort), "icona_port": r.port(&d.IconaPort),
	})
	d.ID, d.Report = access.DeviceID(id), mode == "report"
	if !access.ValidID(id) {
		r.bad(prefix+"id", "is %q, want 1 to 40 letters, digits, '-', '_' or '.'", id)
	}
	if d.Kind == "" {
		r.bad(prefix+"kind", "is missing, for example kind = \"akuvox\"")
	}
	if mode != "" && mode != "manage" && mode != "report" {
		r.bad(prefix+"mode", "is %q, want manage or report", mode)
	}
	if u, err := url.Parse(d.URL); d.URL != "" && (err != nil || (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") && (u.Scheme != "file" || u.Path == "")) {
		r.bad(prefix+"url", "is %q, want http://host:port or https://host:port", d.URL)
	}
	if d.URL == "" && d.Host == "" {
		r.bad(prefix+"url", "is missing: where is the device? for example url = \"http://192.0.2.10\"")
	}
	return d
}

func (r *reader) doors(dst *map[access.DoorID]string) func(string, any) {
	return func(key string, v any) {
		typed(r, key, v, `a table such as { lobby = "A" }`, func(raw map[string]any) {
			*dst = map[access.DoorID]string{}
			for _, door := range slices.Sorted(maps.Keys(raw)) {
				if !access.ValidID(door) {
					r.bad(key, "names door %q, which is no id", door)
				}
				typed(r, key+"."+door, raw[door], `a relay such as "A"`, func(relay string) { (*dst)[access.DoorID(door)] = relay })
			}
		})
	}
}

// Secret reads a secret's file, without the newline that editors leave. The file must not be
// readable by others. "" gives no secret.
func Secret(path string) (access.Secret, error) {
	if path == "" {
		return access.Secret{}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return access.Secret{}, unread(path, err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return access.Secret{}, fault.New(fault.Denied, "read", path, "everybody on this machine can read it (mode %o)", info.Mode().Perm()).
			WithRemedy("Make it private with: chmod 640 %s; for the service its group is gatehouse", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return access.Secret{}, unread(path, err)
	}
	return access.NewSecret(strings.TrimRight(string(b), "\r\n")), nil
}

// unread says what to do about a secret's file that is not there or not for this user.
func unread(path string, err error) error {
	f := fault.New(fault.Invalid, "read", path, "%w", err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.WithRemedy("Write the secret into that file, on one line, and make it private with: chmod 640 %s; for the service its group is gatehouse", path)
	case errors.Is(err, fs.ErrPermission):
		return f.WithRemedy("Let the user of this program read it; for the service: chgrp gatehouse %s && chmod 640 %s", path, path)
	}
	return f
}
