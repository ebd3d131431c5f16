package akuvoxsim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestRequestsAreRecordedInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.get("/api/user/get?page=1")
	r.clock.add(300 * time.Millisecond)
	r.must("user", "add", person("gh-1", "Ada", "1234"))
	r.clock.add(400 * time.Millisecond)
	r.write("user", "del", map[string]string{"ID": "9"})
	at := monday()
	want := []akuvoxsim.Request{
		{
			N: 0, Start: at, End: at, Method: "GET", Path: "/api/user/get", Query: "page=1", Reached: true, Status: 200, Gap: -1,
		},
		{
			N: 1, Start: at.Add(300 * time.Millisecond), End: at.Add(300 * time.Millisecond), Method: "POST", Path: "/api/user/set",
			Target: "user", Action: "add", UserIDs: []string{"gh-1"}, Mutating: true, Reached: true, Status: 200, Retcode: 1,
			Gap: 300 * time.Millisecond,
		},
		{
			N: 2, Start: at.Add(700 * time.Millisecond), End: at.Add(700 * time.Millisecond), Method: "POST", Path: "/api/user/set",
			Target: "user", Action: "del", IDs: []string{"9"}, Mutating: true, Reached: true, Status: 200, Retcode: -1,
			Gap: 400 * time.Millisecond,
		},
	}
	if d := cmp.Diff(want, r.panel.Requests()); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff(want[1:], r.panel.Mutating()); d != "" {
		t.Fatal(d)
	}
}

func TestMutatingLeavesOutWhatNeverReachedTheAPI(t *testing.T) {
	t.Parallel()
	r := digestRig(t)
	body := envelope("user", "add", person("a", "Ada", "1234"))
	l := challenged(t, r.do("POST", "/api/user/set", body))
	l.uri = "/api/user/set"
	r.do("POST", "/api/user/set", body, "Authorization", l.header("POST"))
	r.panel.Reboot()
	dies(t, r, "POST", "/api/user/set", body)
	all, mutating := r.panel.Requests(), r.panel.Mutating()
	if len(all) != 3 || all[0].Status != 401 || all[2].Status != 0 || all[2].Reached {
		t.Errorf("requests %+v", all)
	}
	if len(mutating) != 1 || mutating[0].N != 1 {
		t.Errorf("mutating %+v", mutating)
	}
}

func TestStatsSumUpAndForget(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for range 3 {
		r.get("/api/user/get?page=1")
		r.clock.add(time.Second)
	}
	r.clock.add(-800 * time.Millisecond)
	r.must("user", "add", person("a", "Ada", "1234"))
	s := r.panel.Stats()
	want := []akuvoxsim.PathCount{{Path: "GET /api/user/get", Count: 3}, {Path: "POST /api/user/set", Count: 1}}
	if d := cmp.Diff(want, s.ByPath); d != "" || s.Requests != 4 || s.MinGap != 200*time.Millisecond || s.Overlaps != 0 || len(s.Mutating) != 1 {
		t.Errorf("stats %+v: %s", s, d)
	}
	r.panel.ForgetRequests()
	if s := r.panel.Stats(); s.Requests != 0 || len(s.ByPath) != 0 || s.MinGap >= 0 || len(r.panel.Requests()) != 0 {
		t.Errorf("after forgetting: %+v", s)
	}
	r.get("/api/user/get")
	if got := r.panel.Requests(); len(got) != 1 || got[0].Gap != 0 {
		t.Errorf("the gap goes on counting from before: %+v", got)
	}
}

func TestADroppedReplyIsRecordedWithoutStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fault(akuvoxsim.FaultDropAfter, "")
	dies(t, r, "POST", "/api/user/set", envelope("user", "add", person("a", "Ada", "1234")))
	if got := r.panel.Mutating(); len(got) != 1 || got[0].Status != 0 || got[0].Retcode != 1 || !got[0].Reached {
		t.Errorf("recorded %+v", got)
	}
}
