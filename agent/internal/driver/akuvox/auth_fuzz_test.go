package akuvox

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzChallenges: whatever a panel asks for in a 401, the next request is signed, or sent unsigned, or refused in words.
func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="api", nonce="1a2b", qop="auth,auth-int", algorithm=MD5, stale=TRUE`, `Basic realm="api"`)
	f.Add(`Basic realm="x", Digest realm="api", nonce="1a2b", basic realm="y"`, "")
	f.Add("digest ", "Digest realm=\"\xff\xfe\"")
	f.Fuzz(func(t *testing.T, one, two string) {
		l := &login{user: "gate", password: "secret"}
		usable, _ := l.hear(http.Header{"Www-Authenticate": {one, two}})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://192.0.2.1/api/user/get", nil)
		if err != nil {
			t.Fatal(err)
		}
		out, scheme, err := l.sign(req, new(manner))
		if err != nil {
			return
		}
		sent := out.Header.Get("Authorization")
		if (scheme == "") != (sent == "") || !usable && sent != "" {
			t.Errorf("usable %v, scheme %q, sent %q", usable, scheme, sent)
		}
		if scheme == "Digest" && strings.Contains(sent, "secret") {
			t.Errorf("the password goes out: %q", sent)
		}
	})
}
