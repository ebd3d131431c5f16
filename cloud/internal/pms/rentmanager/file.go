package rentmanager

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// file is the PMS config file of the command line for this vendor.
type file struct {
	URL          string                  `toml:"url"`
	Username     string                  `toml:"username"`
	PasswordFile string                  `toml:"password_file"`
	LocationID   number                  `toml:"location_id"`
	Property     number                  `toml:"property"`
	Properties   []number                `toml:"properties"`
	Zone         string                  `toml:"zone"`
	PINField     string                  `toml:"pin_field"`
	CardField    string                  `toml:"card_field"`
	PINDigits    int                     `toml:"pin_digits"`
	PerProperty  map[string]propertyFile `toml:"per_property"`
}

type propertyFile struct {
	Zone      string `toml:"zone"`
	PINField  string `toml:"pin_field"`
	CardField string `toml:"card_field"`
	PINDigits int    `toml:"pin_digits"`
}

// number is an id of the vendor's, written 12 or "12".
type number string

// UnmarshalTOML implements toml.Unmarshaler.
func (n *number) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case int64:
		*n = number(fmt.Sprint(v))
	case string:
		*n = number(strings.TrimSpace(v))
	default:
		return errors.New("want a number")
	}
	return nil
}

const (
	maxFile     = 1 << 20
	maxPassword = 4096
)

// ReadConfig reads a PMS config file (TOML) and the password file it names, which is looked for
// beside it unless its path is absolute. It is strict: a key it does not know, a wrong type and a
// value that cannot be are errors of kind invalid that name the key. The password's last line end
// is not part of it.
func ReadConfig(path string) (Config, error) {
	b, err := readFile(path, maxFile)
	if err != nil {
		return Config{}, err
	}
	c, passwordFile, err := parse(string(b))
	if err != nil {
		return Config{}, fault.New(fault.Invalid, "read", path, "%w", err)
	}
	c.File = filepath.Base(path)
	if passwordFile != "" {
		if !filepath.IsAbs(passwordFile) {
			passwordFile = filepath.Join(filepath.Dir(path), passwordFile)
		}
		pw, err := readFile(passwordFile, maxPassword)
		if err != nil {
			return Config{}, err
		}
		c.Password = access.NewSecret(strings.TrimRight(string(pw), "\r\n"))
	}
	if _, err := c.check(); err != nil {
		return Config{}, fault.New(fault.Invalid, "read", path, "%w", errors.Unwrap(err))
	}
	return c, nil
}

// parse reads the text, and names the password file in it.
func parse(text string) (Config, string, error) {
	var f file
	md, err := toml.Decode(text, &f)
	if err != nil {
		return Config{}, "", errors.New(words(err))
	}
	var errs []error
	for _, k := range md.Undecoded() {
		errs = append(errs, fmt.Errorf("%s is not a key here", k))
	}
	c, err := f.config()
	return c, f.PasswordFile, errors.Join(append(errs, err)...)
}

func words(err error) string {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return strings.TrimPrefix(err.Error(), "toml: ")
	}
	if pe.LastKey != "" {
		return fmt.Sprintf("line %d, %s: %s", pe.Position.Line, pe.LastKey, pe.Message)
	}
	return fmt.Sprintf("line %d: %s", pe.Position.Line, pe.Message)
}

func (f file) config() (Config, error) {
	c := Config{URL: f.URL, Username: f.Username,
		Defaults: Settings{Zone: f.Zone, PINField: f.PINField, CardField: f.CardField, PINDigits: f.PINDigits}}
	if f.LocationID != "" {
		if _, err := fmt.Sscanf(string(f.LocationID)+"\n", "%d\n", &c.LocationID); err != nil || c.LocationID < 1 {
			return c, fmt.Errorf("location_id: %.40q is no location: want its number", string(f.LocationID))
		}
	}
	if f.Property != "" && len(f.Properties) > 0 {
		return c, errors.New("property and properties: want one of them")
	}
	if f.Property != "" {
		f.Properties = []number{f.Property}
	}
	for _, p := range f.Properties {
		c.Properties = append(c.Properties, string(p))
	}
	for id, p := range f.PerProperty {
		if c.Property == nil {
			c.Property = map[string]Settings{}
		}
		c.Property[id] = Settings(p)
	}
	return c, nil
}

func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "open", path, errors.Unwrap(err))
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "read", path, err)
	}
	if int64(len(b)) > most {
		return nil, fault.New(fault.Invalid, "read", path, "it has more than %d bytes; is it the right file?", most)
	}
	return b, nil
}
