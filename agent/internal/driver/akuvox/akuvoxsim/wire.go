package akuvoxsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Messages as the panels spell them, mistakes included (reference §5.3).
const (
	msgOK          = "OK"
	msgFailed      = "Failed"
	msgError       = "Error"
	msgParam       = "error param"
	msgUnsupported = "unsupport action"
	msgNoHandler   = "No hanlders for this request"
)

// Negative return codes (reference §5.3).
const (
	codeFailed = -1
	codeParam  = -100
	codeVendor = -200
)

// call is one request taken apart.
type call struct {
	method       string
	target, verb string // of the path /api/<target>/<verb>
	query        url.Values
	badBody      bool // there is a body and it is not a JSON object
	body         envelope
}

// envelope is what a request body holds.
type envelope struct {
	Target, Action string
	Data           json.RawMessage
}

// readEnvelope takes the three keys exactly as spelt, which encoding/json alone would not insist on.
func readEnvelope(body []byte) (envelope, bool) {
	var e envelope
	var keys map[string]json.RawMessage
	if json.Unmarshal(body, &keys) != nil || keys == nil {
		return e, false
	}
	e.Data = keys["data"]
	for key, to := range map[string]*string{"target": &e.Target, "action": &e.Action} {
		if raw, ok := keys[key]; ok && json.Unmarshal(raw, to) != nil {
			return envelope{}, false
		}
	}
	return e, true
}

// reply is an answer before it is written out.
type reply struct {
	status  int // 0 means 200
	retcode int
	action  string
	message string
	data    any            // left out when nil
	beside  map[string]any // further keys beside retcode
}

// apiError is a refusal with its return code and message.
type apiError struct {
	code    int
	message string
}

func failed() *apiError   { return &apiError{codeFailed, msgFailed} }
func badParam() *apiError { return &apiError{codeParam, msgParam} }

func (e *apiError) reply(action string) reply {
	return reply{retcode: e.code, action: action, message: e.message}
}

func unsupported(action string) reply {
	return reply{retcode: codeFailed, action: action, message: msgUnsupported}
}

// readCall takes a request apart. Any content type is taken, the body must be JSON (reference §1).
// ok is false when the path is not of the API.
func readCall(r *http.Request, body []byte) (c call, ok bool) {
	c.method, c.query = r.Method, r.URL.Query()
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		return c, false
	}
	c.target, c.verb, _ = strings.Cut(rest, "/")
	if len(body) > 0 {
		c.body, ok = readEnvelope(body)
		c.badBody = !ok
	}
	return c, true
}

// changes says whether the call asks for a change of the panel.
func (c *call) changes() bool {
	if c.method == http.MethodGet {
		return false
	}
	switch c.verb {
	case "get", "info", "status":
		return false
	}
	return true
}

// action is what to do to a collection: on `/api/x/set` the body decides, on `/api/x/add|set|del` the path
// does and the body must not disagree (reference §2.3). It is empty when the two do not fit.
func (c *call) action() string {
	switch {
	case c.method != http.MethodPost || c.body.Action == "":
		return ""
	case c.verb == "set" || c.verb == c.body.Action:
		return c.body.Action
	}
	return ""
}

// items returns the collection of the body; every value must be a string (reference §2).
func (c *call) items() ([]map[string]string, error) {
	var data map[string]json.RawMessage
	if err := json.Unmarshal(c.body.Data, &data); err != nil {
		return nil, err
	}
	var texts []map[string]*string
	if err := json.Unmarshal(data["item"], &texts); err != nil {
		return nil, err
	}
	items := []map[string]string{}
	for _, it := range texts {
		item := map[string]string{}
		for k, v := range it {
			if v == nil {
				return nil, errors.New("a null value")
			}
			item[k] = *v
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errors.New("no item")
	}
	return items, nil
}

// idents picks the IDs and UserIDs for the record, as far as the body can be read.
func (c *call) idents() (ids, userIDs []string) {
	items, err := c.items()
	if err != nil {
		return nil, nil
	}
	for _, it := range items {
		if v := it[keyID]; v != "" {
			ids = append(ids, v)
		}
		if v := it[keyUserID]; v != "" {
			userIDs = append(userIDs, v)
		}
	}
	return ids, userIDs
}

// argument is a parameter of a list call: in the query of a GET, in the data of a POST.
func (c *call) argument(name string) string {
	if c.method == http.MethodGet {
		return c.query.Get(name)
	}
	var data map[string]any
	if json.Unmarshal(c.body.Data, &data) != nil {
		return ""
	}
	switch v := data[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// encode writes the envelope out, with the faults that live in its bytes.
func (p *Panel) encode(r reply) []byte {
	env := map[string]any{"retcode": r.retcode, "action": r.action, "message": r.message}
	for k, v := range r.beside {
		env[k] = v
	}
	if r.data != nil {
		env["data"] = r.data
	}
	b, err := json.Marshal(env)
	if err != nil {
		return nil // cannot happen: strings, numbers and maps of them
	}
	if p.bites(FaultBadUTF8) {
		b = []byte(strings.Replace(string(b), `"message":"`, "\"message\":\"\xff", 1))
	}
	if named := []byte(`"Name":"`); bytes.Contains(b, named) && p.bites(FaultBadUTF8Rows) {
		b = bytes.ReplaceAll(b, named, []byte("\"Name\":\"\xff"))
	}
	if p.bites(FaultTrailingBytes) {
		b = append(b, "\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{\"retcode\":-1}"...)
	}
	return b
}
