package akuvoxsim_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

// Everything a panel offers, at once; the race detector is the judge, and the counts must come out whole.
func TestAPanelIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p, err := akuvoxsim.New(akuvoxsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 6, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				id := "w" + digits(w) + "-" + digits(i)
				body := envelope("user", "add", person(id, "Name "+id, "1234"))
				p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/api/user/set", strings.NewReader(body)))
				p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/config/get", nil))
				p.Present(akuvoxsim.Credential{PIN: "1234"})
				p.Stats()
				p.Control().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users", nil))
			}
		})
	}
	wg.Wait()
	if got := len(p.Users()); got != workers*rounds {
		t.Errorf("%d users, want %d", got, workers*rounds)
	}
	if s := p.Stats(); s.Requests != 2*workers*rounds || len(s.Mutating) != workers*rounds {
		t.Errorf("%d requests, %d mutating", s.Requests, len(s.Mutating))
	}
	ids := map[string]bool{}
	for _, u := range p.Users() {
		ids[u.ID] = true
	}
	if len(ids) != workers*rounds {
		t.Errorf("%d different IDs", len(ids))
	}
}
