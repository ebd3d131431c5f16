package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asProgram makes the test binary play the program itself.
const asProgram = "GATEHOUSE_SIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The whole program as a process: it says where it listens, serves, and ends with 0 on either signal.
func TestTheProcessEndsCleanlyOnASignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "akuvox", "--listen", "127.0.0.1:0")
			cmd.Env = append(os.Environ(), asProgram+"=1")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadBytes('\n')
			var at map[string]string
			if err != nil || json.Unmarshal(line, &at) != nil || len(at) != 1 {
				t.Fatalf("printed %q: %v", line, err)
			}
			resp, err := http.Get("http://" + at["listen"] + "/api/system/info")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after %v: %v", sig, err)
			}
		})
	}
}

func TestTheProcessHandsTheExitCodeOut(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "akuvox", "--listen", "0.0.0.0:0")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "only loopback") {
		t.Errorf("exit %d, %v: %s", cmd.ProcessState.ExitCode(), err, out)
	}
}

// A caller that waits on a slow reply does not keep the program alive for longer than its grace.
func TestStopDoesNotWaitForASlowReply(t *testing.T) {
	t.Parallel()
	r := start(t, "akuvox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--fault", "slow=1h")
	gone := make(chan error, 1)
	go func() {
		resp, err := http.Post(r.listen+"/api/relay/trig", "text/plain",
			strings.NewReader(`{"target":"relay","action":"trig","data":{"num":1,"mode":0,"level":0,"delay":1}}`))
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	for body := ""; !strings.Contains(body, `"api"`); { // until it is carried out and only the reply is due
		_, body = r.call("GET", r.control+"/doorlog", "")
	}
	r.stop()
	if err := <-gone; err == nil {
		t.Error("the slow reply came after all")
	}
}
