package industrystd

import (
	"fmt"
	"slices"
	"strconv"
)

// Build turns a job into the message to send, or refuses it with a *LimitError before anything is sent.
// Status has no message: it is a bare ENQ, which Session knows.
func Build(d Dialect, j Job) (Message, error) {
	if _, err := ParseDialect(string(d)); err != nil {
		return nil, err
	}
	row, known := commands[j.Command]
	if !known || row.only != "" && row.only != d {
		return nil, limit(fmt.Sprintf("command %q", j.Command), fmt.Sprint(d.Commands()), "is not known in the %s dialect", d)
	}
	for _, check := range row.check {
		if err := check(d, j); err != nil {
			return nil, err
		}
	}
	m := row.fields(d, row.code, j)
	if d.trims() {
		m = trimmed(m)
	}
	if _, err := Encode(m); err != nil { // too long as a whole
		return nil, err
	}
	return m, nil
}

// Commands are those of the dialect, in alphabetical order.
func (d Dialect) Commands() []Command {
	all := []Command{Status}
	for c, row := range commands {
		if row.only == "" || row.only == d {
			all = append(all, c)
		}
	}
	slices.Sort(all)
	return all
}

func trimmed(m Message) Message {
	for len(m) > 1 && m[len(m)-1] == "" {
		m = m[:len(m)-1]
	}
	return m
}

// texts is how many texts a key job may carry: lines to print, or tracks (§1.3) [T].
func (d Dialect) texts() int {
	if d == Onity {
		return 2
	}
	return 3
}

// keyFields is CN, CC and CA; "CN2" makes two cards (§1.3) [T].
func keyFields(d Dialect, code string, j Job) Message {
	if j.Keys > 1 {
		code += strconv.Itoa(j.Keys)
	}
	m := append(Message{code, j.Encoder, eject(j)}, stay(d, j)...)
	for i := range d.texts() {
		m = append(m, plainText(at(j.Texts, i)))
	}
	if d == Salto {
		m = append(m, serialReturn(j.ReturnSerials))
	}
	return m
}

// stay is rooms, authorisations, validity and operator, in the order all kinds of key share.
func stay(d Dialect, j Job) Message {
	start, end := j.Validity(d)
	return Message{
		at(j.Rooms, 0), at(j.Rooms, 1), at(j.Rooms, 2), at(j.Rooms, 3),
		d.authorisations(j.Granted), d.authorisations(j.Denied), d.time(start), d.time(end), plainText(j.Operator),
	}
}

func checkOutFields(_ Dialect, code string, j Job) Message {
	if j.Encoder == "" {
		return Message{code, "0", at(j.Rooms, 0)}
	}
	return Message{code, j.Encoder, at(j.Rooms, 0)}
}

func cardFields(_ Dialect, code string, j Job) Message { return Message{code, j.Encoder, eject(j)} }

func encoderFields(_ Dialect, code string, j Job) Message { return Message{code, j.Encoder} }

func trackFields(_ Dialect, code string, j Job) Message {
	return Message{code + strconv.Itoa(j.Track), j.Encoder, eject(j)}
}

func writeTrackFields(_ Dialect, code string, j Job) Message {
	return Message{code + strconv.Itoa(j.Track), j.Encoder, eject(j), j.Text}
}

func stayFields(d Dialect, code string, j Job) Message {
	_, end := j.Validity(d)
	return Message{code, at(j.Rooms, 0), at(j.Rooms, 1), d.time(end), j.AuthCode}
}

// mobileFields is CNM and CCM: fields 11 to 13 stay empty (§1.3) [T].
func mobileFields(d Dialect, code string, j Job) Message {
	m := append(Message{code, j.Phone}, stay(d, j)...)
	return append(m, "", "", "", plainText(j.Text), j.AuthCode)
}

func blobFields(d Dialect, code string, j Job) Message {
	m := append(Message{code, j.Phone}, stay(d, j)...)
	if j.Installation {
		return append(m, "", "", "", "1")
	}
	return append(m, "", "", "", "0")
}

func doorFields(_ Dialect, code string, j Job) Message { return Message{code, j.Door} }

// eject is E, the encoder waits until the card is taken, or R. T, ejection at the rear, acts as E and is not used (§1.3) [T].
func eject(j Job) string {
	if j.Retain {
		return "R"
	}
	return "E"
}

func serialReturn(s Serials) string {
	switch s {
	case LastSerial:
		return "1"
	case EverySerial:
		return "2"
	}
	return "0"
}

// plainText is what plainly gives for text that a check has let pass.
func plainText(text string) string {
	out, _ := plainly("", text)
	return out
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}
