package rentmanagersim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ReadData reads books that WriteData or a person wrote. Unknown keys, doubled ids, references to nothing and
// unknown zones are errors that name the place.
func ReadData(r io.Reader) (*Data, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var d Data
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("the data is not in the shape of testdata/pms/sample: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the data holds more than one JSON value; keep the first")
	}
	return &d, d.check()
}

// WriteData writes books so that a person can read and compare them: a line for each unit, household and order.
func WriteData(w io.Writer, d *Data) error {
	var flat, out bytes.Buffer
	enc := json.NewEncoder(&flat)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return err
	}
	lineBreaks(&out, flat.Bytes())
	_, err := w.Write(out.Bytes())
	return err
}

// lineBreaks starts a line before every object of depth 2 (property, vendor) and 3 (unit, household, order).
func lineBreaks(out *bytes.Buffer, flat []byte) {
	depth, quoted, escaped := 0, false, false
	for _, c := range flat {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{':
			if depth++; depth == 2 || depth == 3 {
				out.WriteString("\n" + "    "[:2*(depth-1)])
			}
		case c == '}':
			depth--
		}
		out.WriteByte(c)
	}
}

// check finds what would make the simulator contradict itself.
func (d *Data) check() error {
	c := checker{seen: map[string]bool{}}
	if len(d.Properties) == 0 {
		c.wrong("there is no property")
	}
	for _, v := range d.Vendors {
		c.id("contact", v.ID)
	}
	for _, p := range d.Properties {
		c.property(p)
	}
	return errors.Join(c.errs...)
}

type checker struct {
	seen map[string]bool
	errs []error
}

func (c *checker) wrong(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) id(kind string, id int) {
	key := fmt.Sprintf("%s %d", kind, id)
	if id < 1 || c.seen[key] {
		c.wrong("%s: the id must be positive and its own", key)
	}
	c.seen[key] = true
}

func (c *checker) property(p *Property) {
	c.id("property", p.ID)
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "" {
		c.wrong("property %d: zone %q is not a known IANA zone", p.ID, p.Zone)
	}
	units, names := map[int]bool{}, map[string]bool{}
	for _, u := range p.Units {
		c.id("unit", u.ID)
		if u.Name == "" || names[u.Name] {
			c.wrong("property %d: unit name %q must be given and its own", p.ID, u.Name)
		}
		units[u.ID], names[u.Name] = true, true
	}
	homes := map[int]bool{0: true}
	for _, h := range p.Households {
		c.household(h, units)
		homes[h.ID] = true
	}
	for _, w := range p.WorkOrders {
		c.id("work order", w.ID)
		if !homes[w.Household] {
			c.wrong("work order %d: household %d is not of property %d", w.ID, w.Household, p.ID)
		}
	}
}

func (c *checker) household(h *Household, units map[int]bool) {
	c.id("household", h.ID)
	for _, m := range h.Members {
		c.id("contact", m.ID)
	}
	for _, l := range h.Leases {
		c.id("lease", l.ID)
		if !units[l.Unit] {
			c.wrong("lease %d: unit %d is not of its property", l.ID, l.Unit)
		}
	}
}
