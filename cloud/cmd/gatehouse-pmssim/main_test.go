package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"gatehouse/protocol/cli"
)

// asProgram makes the test binary play the program itself.
const asProgram = "GATEHOUSE_PMSSIM_TEST_AS_PROGRAM"

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
			cmd := exec.CommandContext(t.Context(), os.Args[0], "rentmanager", "--listen", "127.0.0.1:0")
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
			resp, err := http.Get("http://" + at["listen"] + "/Tenants")
			if err != nil || resp.StatusCode != 401 {
				t.Fatalf("%v %v", resp, err)
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
	cmd := exec.CommandContext(t.Context(), os.Args[0], "rentmanager", "--listen", "0.0.0.0:0")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != cli.WrongUsage || !strings.Contains(string(out), "only loopback") {
		t.Errorf("exit %d, %v: %s", cmd.ProcessState.ExitCode(), err, out)
	}
}

// running is the program as a test sees it.
type running struct {
	t       *testing.T
	listen  string
	control string
	cancel  context.CancelFunc
	code    chan int
	stderr  *bytes.Buffer
}

// start runs the program until it has printed its addresses. The test must call stop.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, cancel: cancel, code: make(chan int, 1), stderr: &bytes.Buffer{}}
	out, in := io.Pipe()
	go func() {
		code := run(ctx, args, strings.NewReader(""), in, r.stderr)
		_ = in.Close()
		r.code <- code
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		cancel()
		t.Fatalf("no line on stdout: %v; exit %d: %s", err, <-r.code, r.stderr)
	}
	var at struct{ Listen, Control string }
	if err := json.Unmarshal(line, &at); err != nil || at.Listen == "" {
		t.Fatalf("the line is %q: %v", line, err)
	}
	r.listen, r.control = "http://"+at.Listen, "http://"+at.Control
	return r
}

// stop ends the program as a signal would and wants exit 0 and silence on stderr.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if code := <-r.code; code != cli.Done || r.stderr.Len() != 0 {
		r.t.Errorf("exit %d, stderr %q", code, r.stderr)
	}
}

func (r *running) call(method, url, body, token string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("X-RM12Api-ApiToken", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// login signs in and returns the token.
func (r *running) login(user, password string) string {
	r.t.Helper()
	code, body := r.call("POST", r.listen+"/Authentication/AuthorizeUser", `{"Username":"`+user+`","Password":"`+password+`"}`, "")
	var token string
	if err := json.Unmarshal([]byte(body), &token); code != 200 || err != nil {
		r.t.Fatalf("sign-in: %d %s", code, body)
	}
	return token
}
