package comelitsim

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// Response codes. Only 200 is known; the failures are assumed (assumptions.md) and a client must not tell them apart.
const (
	codeOK      = 200
	codeBad     = 400
	codeRefused = 401
	codeDenied  = 403
)

// request is a JSON message of a client (§1.4), the fields of all messages in one.
type request struct {
	Message      string      `json:"message"`
	Type         string      `json:"message-type"`
	ID           json.Number `json:"message-id"`
	UserToken    string      `json:"user-token"`
	AddressBooks string      `json:"addressbooks"`
	Code         string      `json:"activation-code"`
	Description  string      `json:"description"`
	AptAddress   string      `json:"apt-address"`
	AptSub       json.Number `json:"apt-subaddress"`
	BundleID     string      `json:"bundle-id"`
	OSType       string      `json:"os-type"`
	ProfileID    string      `json:"profile-id"`
	DeviceToken  string      `json:"device-token"`
}

// response is an answer before its envelope.
type response struct {
	code   int
	text   string
	fields map[string]any
	late   time.Duration
}

func ok(fields map[string]any) response { return response{code: codeOK, text: "OK", fields: fields} }

func refuse(code int, text string) response { return response{code: code, text: text} }

// json handles a JSON body. What is no request, or belongs on another channel, is passed over.
func (p *Panel) json(c *conn, channel string, f viper.Frame) {
	var r request
	d := json.NewDecoder(strings.NewReader(strings.TrimRight(string(f.Body), "\x00\n")))
	d.UseNumber()
	err := d.Decode(&r)
	if _, whole := r.ID.Int64(); err != nil || d.More() || r.Type != "request" || whole != nil {
		p.ignore("bad message")
		return
	}
	out, known := p.answer(c, channel, &r)
	if !known {
		p.ignore("message on " + channel)
		return
	}
	p.stats.Bridge[r.Message]++
	if p.bites(FaultNoise) {
		p.send(c, viper.Frame{Handle: f.Handle, Body: noise()})
	}
	p.sendLate(c, viper.Frame{Handle: f.Handle, Body: p.encode(&r, out)}, out.late)
}

// answer does what a message asks; known is false when the channel does not have it (§1.3).
func (p *Panel) answer(c *conn, channel string, r *request) (out response, known bool) {
	switch channel + " " + r.Message {
	case "UAUT access":
		return p.access(c, r), true
	case "UAUT user-activation":
		return p.redeem(r), true
	case "INFO server-info":
		return ok(serverInfo()), true
	case "UCFG get-configuration":
		return p.getConfiguration(c, r), true
	case "PUSH push-info":
		return p.pushInfo(c, r), true
	case "FRCG rcg-get-params":
		return ok(nil), true
	}
	return response{}, false
}

// encode writes the envelope, with the faults that live in it.
func (p *Panel) encode(r *request, out response) []byte {
	id, _ := r.ID.Int64() // checked when it came in
	if p.bites(FaultWrongID) {
		id++
	}
	env := map[string]any{}
	for k, v := range out.fields {
		env[k] = v
	}
	env["message"], env["message-type"], env["message-id"] = r.Message, "response", id
	env["response-code"], env["response-string"] = out.code, out.text
	var v any = env
	if p.bites(FaultWrongTypes) {
		v = twist(env)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // cannot happen: strings, numbers and maps of them
	}
	if p.bites(FaultBadJSON) {
		b = b[:len(b)/2]
	}
	return b
}

// twist turns text into numbers and numbers into text.
func twist(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = twist(x)
		}
		return out
	case []map[string]any:
		out := []any{}
		for _, x := range v {
			out = append(out, twist(x))
		}
		return out
	case string:
		return len(v)
	case bool:
		return "yes"
	case nil:
		return []int{}
	}
	return "7"
}

// noise is a notification nobody asked for (§1.3, FRCG).
func noise() []byte {
	return []byte(`{"message":"rcg-detected-recognition","message-type":"notification","message-id":0,"notification-code":200}`)
}
