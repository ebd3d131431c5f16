package akuvox

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"gatehouse/agent/internal/driver/model"
)

// reply is the envelope of every answer (§1).
type reply struct {
	code    int
	message string
	data    json.RawMessage // nil when the answer has none
	status  json.RawMessage // system/info of some X916S, beside the retcode (§2.1)
}

var (
	errEmpty  = errors.New("the answer is empty")
	errNoJSON = errors.New("the answer is not the API's JSON")
)

// decode reads the first JSON value of a body and ignores what follows: some units append bytes of
// HTTP text (§1). Bytes that are not UTF-8 are tolerated inside strings.
func decode(body []byte) (reply, error) {
	body = bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf"))
	if len(body) == 0 {
		return reply{}, errEmpty
	}
	var e struct {
		Retcode json.RawMessage `json:"retcode"`
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
		Status  json.RawMessage `json:"Status"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil {
		return reply{}, errNoJSON
	}
	code, ok := number(e.Retcode)
	if !ok {
		return reply{}, errNoJSON
	}
	return reply{code: code, message: text(e.Message), data: present(e.Data), status: present(e.Status)}, nil
}

// present turns a JSON null into nothing.
func present(m json.RawMessage) json.RawMessage {
	if string(m) == "null" {
		return nil
	}
	return m
}

// text is the text of a scalar: strings and numbers are used for the same values (§2). Anything
// else, and nothing at all, is "".
func text(m json.RawMessage) string {
	var s string
	switch {
	case len(m) == 0:
		return ""
	case m[0] == '"':
		_ = json.Unmarshal(m, &s) // it was valid JSON a moment ago; else ""
		return s
	case m[0] == '{', m[0] == '[', string(m) == "null":
		return ""
	}
	return string(m)
}

func number(m json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text(m)))
	return n, err == nil
}

// row is one item of a list with every field the unit showed, known to us or not.
type row map[string]json.RawMessage

// get is the text of the first of the named fields that has any, spelt in any case.
func (r row) get(names ...string) string {
	for _, n := range names {
		if s := text(r.find(n)); s != "" {
			return s
		}
	}
	return ""
}

func (r row) find(name string) json.RawMessage {
	if v, ok := r[name]; ok {
		return v
	}
	for k, v := range r {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// page is one answer of a list call. num is the total the unit claims, -1 when it claims none.
type page struct {
	rows []row
	num  int
}

// decodePage reads the data of a list call. An item that is no list counts as empty (§2); data that
// is missing altogether does not: silence is no proof of an empty panel.
func decodePage(data json.RawMessage) (page, error) {
	var fields row
	if json.Unmarshal(data, &fields) != nil || fields == nil {
		return page{}, errors.New("the answer holds no list")
	}
	pg := page{num: -1}
	if n, ok := number(fields.find("num")); ok && n >= 0 {
		pg.num = n
	}
	items := fields.find("item")
	if len(items) == 0 || items[0] != '[' {
		return pg, nil
	}
	dec := json.NewDecoder(bytes.NewReader(items))
	_, _ = dec.Token()                          // the bracket that was just seen
	for dec.More() && len(pg.rows) <= maxRows { // one too many is told; millions would cost the memory of the box
		var r row
		if dec.Decode(&r) != nil || r == nil {
			return page{}, errors.New("the list holds something that is not a row")
		}
		pg.rows = append(pg.rows, r)
	}
	return pg, nil
}

// identity reads system/info; ok is false when no model is named.
func identity(r reply) (id model.Identity, ok bool) {
	for _, at := range []json.RawMessage{under(r.data, "Status"), r.status, r.data} {
		var s row
		if json.Unmarshal(at, &s) != nil {
			continue
		}
		id = model.Identity{Model: tidy(s.get("Model")), Firmware: tidy(s.get("FirmwareVersion")), MAC: tidy(s.get("MAC"))}
		if id.Model != "" {
			return id, true
		}
	}
	return id, false
}

func under(data json.RawMessage, name string) json.RawMessage {
	var fields row
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	return fields.find(name)
}

// tidy makes a device's text fit to show: what a panel says of itself is hostile input (§7).
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if rs := []rune(s); len(rs) > 80 {
		return string(rs[:80]) + "…"
	}
	return s
}

// request is the envelope of every write (§1).
type request struct {
	Target string `json:"target"`
	Action string `json:"action"`
	Data   any    `json:"data"`
}

// items is the collection inside a write (§2).
type items struct {
	Item []map[string]string `json:"item"`
}
