package icona

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CodeOK is the one response code with a known meaning; every other is a refusal (§1.4) [R].
const CodeOK = 200

// Refusal is an answer that says no. What its codes mean is unknown (§1.4).
type Refusal struct{ Code int }

func (r Refusal) Error() string { return "refused with code " + strconv.Itoa(r.Code) }

// ErrAnswer says that an answer cannot be read: no JSON, cut short, or of other types than §1.4's.
var ErrAnswer = errors.New("the answer cannot be read")

// request is every request of §1.4 that is sent.
type request struct {
	Message     string `json:"message"`
	Type        string `json:"message-type"`
	ID          int    `json:"message-id"`
	Token       string `json:"user-token,omitempty"`
	Books       string `json:"addressbooks,omitempty"`
	Code        string `json:"activation-code,omitempty"`
	Description string `json:"description,omitempty"`
}

// envelope is what every answer begins with.
type envelope struct {
	Message string `json:"message"`
	Type    string `json:"message-type"`
	ID      int    `json:"message-id"`
	Code    int    `json:"response-code"`
}

// unpack reads an answer into v. Some peers end JSON with a line feed or a NUL.
func unpack(body []byte, v any) error {
	if json.Unmarshal(bytes.TrimRight(body, "\x00\r\n "), v) != nil {
		return ErrAnswer // not the decoder's words: they quote the answer, and it may carry a token
	}
	return nil
}

// Server is what the device says of itself on INFO (§1.4).
type Server struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Serial  string `json:"serial-code"`
}

// Door is one output of an entrance, or of an I/O module.
type Door struct {
	Name    string
	Address Address
	Module  int // of an actuator; -1 of an entrance
	Output  byte
}

// Actuator says whether the door is an output of an I/O module.
func (d Door) Actuator() bool { return d.Module >= 0 }

// Key names the door by what the device knows it by: SB100001/1, SBIO0255/255/1.
func (d Door) Key() string {
	key := d.Address.String()
	if d.Actuator() {
		key += "/" + strconv.Itoa(d.Module)
	}
	return key + "/" + strconv.Itoa(int(d.Output))
}

// Configuration is what one slot sees (§1.4): neither residents nor other users.
type Configuration struct {
	Unit        string // ViP address of the apartment
	Sub         int    // sub-address, the slot's number
	Description string // of the apartment
	User        string // the slot's name
	Doors       []Door // of entrances in the device's order, then actuators
}

// Own is the slot's own address: the apartment and the sub-address in digits (§4) [R].
func (c Configuration) Own() (Address, bool) {
	if c.Sub < 0 || c.Sub > 99 {
		return Address{}, false
	}
	return MakeAddress(c.Unit + strconv.Itoa(c.Sub))
}

// maxDoors bounds an address book.
const maxDoors = 256

// entry is a line of an address book (§1.4).
type entry struct {
	Name    string `json:"name"`
	Address string `json:"apt-address"`
	Module  int    `json:"module-index"`
	Output  int    `json:"output-index"`
}

func (e entry) door(actuator bool) (Door, bool) {
	d := Door{Name: clean(e.Name), Module: -1, Output: byte(e.Output)}
	if actuator {
		d.Module = e.Module
	}
	var ok bool
	d.Address, ok = MakeAddress(e.Address)
	return d, ok && e.Output >= 0 && e.Output <= 255 && d.Actuator() == actuator && d.Module <= 255
}

// ParseConfiguration reads the answer to get-configuration (§1.4). Lines that name no address or no output are passed over.
func ParseConfiguration(body []byte) (Configuration, error) {
	var in struct {
		Client struct {
			Description string `json:"description"`
		} `json:"viper-client"`
		ViP struct {
			Address string `json:"apt-address"`
			Sub     int    `json:"apt-subaddress"`
			Config  struct {
				Description string `json:"description"`
			} `json:"apt-config"`
			Parameters struct {
				Doors     []entry `json:"opendoor-address-book"`
				Actuators []entry `json:"actuator-address-book"`
			} `json:"user-parameters"`
		} `json:"vip"`
	}
	if err := unpack(body, &in); err != nil {
		return Configuration{}, err
	}
	c := Configuration{Unit: in.ViP.Address, Sub: in.ViP.Sub, Description: clean(in.ViP.Config.Description), User: clean(in.Client.Description)}
	if _, ok := c.Own(); !ok {
		return Configuration{}, ErrAnswer
	}
	books := [][]entry{in.ViP.Parameters.Doors, in.ViP.Parameters.Actuators}
	for i, book := range books {
		for _, e := range book {
			if d, ok := e.door(i == 1); ok && len(c.Doors) < maxDoors {
				c.Doors = append(c.Doors, d)
			}
		}
	}
	return c, nil
}

// clean makes a device's text fit to be shown: no control characters, no bytes that are not UTF-8, at most 64 characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if utf8.RuneCountInString(s) > 64 {
		s = string([]rune(s)[:64])
	}
	return s
}
