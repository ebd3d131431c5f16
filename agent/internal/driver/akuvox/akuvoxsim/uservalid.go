package akuvoxsim

import (
	"slices"
	"strings"
	"unicode"
)

// maxText bounds UserID and Name in characters (assumptions.md).
const maxText = 63

// readUser checks an item of add or set as the device would and turns it into a row without ID.
func (p *Panel) readUser(it map[string]string) (User, *apiError) {
	u := User{UserID: it[keyUserID], Name: it[keyName], PIN: it[keyPIN], Fields: map[string]string{}}
	for _, need := range []string{keyUserID, keyName, keyScheduleRelay, keyWebRelay, keyLift} {
		if it[need] == "" {
			return u, failed()
		}
	}
	if p.model.Twin && it[keyTwin] != it[keyScheduleRelay] {
		return u, failed()
	}
	if _, ok := it[keyFace]; ok || !plainText(u.UserID) || !plainText(u.Name) || !p.pinOK(u.PIN) {
		return u, badParam()
	}
	var ok bool
	if u.Cards, ok = readCards(it[keyCard]); !ok {
		return u, badParam()
	}
	if u.ScheduleRelay, ok = p.readScheduleRelay(it[keyScheduleRelay]); !ok {
		return u, badParam()
	}
	p.keepFields(&u, it)
	if p.on(FaultRefuseDuplicates) && p.duplicate(&u, it[keyID]) {
		p.bites(FaultRefuseDuplicates)
		return u, failed()
	}
	return u, nil
}

// keepFields stores the optional fields this model knows; everything else is silently dropped.
func (p *Panel) keepFields(u *User, it map[string]string) {
	for _, k := range keptFields() {
		if v, ok := it[k]; ok {
			u.Fields[k] = v
		}
	}
	if v, ok := it[keySRelayTwin]; ok && !p.model.DropsSRelay {
		u.Fields[keySRelay] = v
	}
}

// plainText allows 1 to 63 printable characters.
func plainText(s string) bool {
	n := 0
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
		n++
	}
	return n >= 1 && n <= maxText
}

// pinOK checks length and alphabet. Letters are stored, though no keypad can type them (reference §2.3).
func (p *Panel) pinOK(pin string) bool {
	if pin == "" {
		return true
	}
	return len(pin) >= p.model.PINMin && len(pin) <= p.model.PINMax && alphanumeric(pin)
}

func alphanumeric(s string) bool {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return false
		}
	}
	return s != ""
}

// splitList cuts at either separator and drops the empty end a trailing one leaves.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' })
}

// readCards takes up to five hexadecimal numbers of 1 to 16 digits.
func readCards(s string) ([]string, bool) {
	cards := splitList(s)
	if len(cards) > maxCards {
		return nil, false
	}
	for _, c := range cards {
		if len(c) > 16 || strings.Trim(c, "0123456789abcdefABCDEF") != "" {
			return nil, false
		}
	}
	return cards, true
}

// readScheduleRelay checks `<schedule>-<relays>` pairs against the schedules and relays there are, and returns
// them joined by comma.
func (p *Panel) readScheduleRelay(s string) (string, bool) {
	if p.on(FaultStrictSeparator) && strings.Trim(s, "0123456789-"+p.model.Separator) != "" {
		return "", false
	}
	pairs := splitList(s)
	for _, pair := range pairs {
		id, relays, ok := strings.Cut(pair, "-")
		if !ok || p.findSchedule(id) < 0 || !p.relaysOK(relays) {
			return "", false
		}
	}
	return strings.Join(pairs, ","), len(pairs) > 0
}

// relaysOK wants digits of relays this model has, each once.
func (p *Panel) relaysOK(digits string) bool {
	for i, d := range digits {
		if d < '1' || int(d-'0') > p.model.Relays || strings.ContainsRune(digits[:i], d) {
			return false
		}
	}
	return digits != ""
}

// duplicate says whether another row has the UserID, the PIN or one of the cards.
func (p *Panel) duplicate(u *User, ownID string) bool {
	for i := range p.users {
		o := &p.users[i]
		if o.ID == ownID {
			continue
		}
		if o.UserID == u.UserID || u.PIN != "" && o.PIN == u.PIN || slices.ContainsFunc(u.Cards, o.hasCard) {
			return true
		}
	}
	return false
}

// hasCard compares without case: which case a reader yields is unknown.
func (u *User) hasCard(card string) bool {
	return slices.ContainsFunc(u.Cards, func(c string) bool { return strings.EqualFold(c, card) })
}
