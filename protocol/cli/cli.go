// Package cli keeps the command-line contract that every program of the house shares: one table of
// commands, exit codes by fault kind, exactly one JSON object with --json, one line on stderr that
// says what happened and what to do.
//
// It stands below protocol because scripts rely on it like on any other wire format. Main packages
// import it, and nothing else does; it imports access/fault only.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/protocol/access/fault"
)

// Exit codes.
const (
	Done        = 0
	Failed      = 1
	WrongUsage  = 2
	Refused     = 3 // by the other side: credentials, rights, capacity, policy
	Unreachable = 4 // or timed out
	Unknown     = 5 // sent, no answer; nothing was sent twice
	Unsupported = 6
)

// Exit is the exit code of a fault on the other side.
func Exit(k fault.Kind) int {
	switch k {
	case fault.Denied, fault.Full, fault.Conflict:
		return Refused
	case fault.Unreachable, fault.Timeout:
		return Unreachable
	case fault.Unsupported:
		return Unsupported
	}
	return Failed
}

// Program is a program's name and what it can do.
type Program struct {
	Name     string
	What     string // one sentence
	Commands []Command
}

// Command is one command. SetUp registers its flags and returns what does the work once they are
// parsed. An error of kind Invalid is taken for our own input and exits with WrongUsage.
type Command struct {
	Name    string // may have two words, "enroll request"
	Summary string
	Example string
	Args    int // how many arguments follow the flags; -1: any number
	SetUp   func(*Call) func() error
	// Endless commands run until they are told to stop: they print no result, and --json is for a failure.
	Endless bool
	// Raw does the command by itself, flags and answer included; SetUp is not used then.
	Raw func(c *Call, args []string) int
}

// Call is one command being carried out.
type Call struct {
	context.Context // a call is what its context is for

	Flags  *flag.FlagSet
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	JSON   bool // --json was given
}

// Error is the error object of --json.
type Error struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// ErrorOf is the error object of an error.
func ErrorOf(err error) Error {
	return Error{fault.KindOf(err).String(), err.Error(), fault.RemedyOf(err)}
}

type usageError struct{ error }

// Usagef is wrong usage.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// IsUsage says whether an error is wrong usage.
func IsUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// theirsError is a fault of the other side's input: Invalid exits with Failed and not WrongUsage.
type theirsError struct{ error }

func (e theirsError) Unwrap() error { return e.error }

// Theirs marks a failure as the other side's: an answer that cannot be right is no wrong usage.
func Theirs(err error) error {
	if err == nil {
		return nil
	}
	return theirsError{err}
}

// toldError is a failure whose JSON object was already printed.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// TellFailure prints v with "ok": false and the error in it, when --json was given, and returns err
// for the command to return: a failure that has more to say than the error alone.
func (c *Call) TellFailure(v any, err error) error {
	if !c.JSON {
		return err
	}
	raw, merr := json.Marshal(v)
	if merr != nil {
		return err
	}
	object := map[string]any{}
	if json.Unmarshal(raw, &object) != nil {
		return err
	}
	object["ok"], object["error"] = false, ErrorOf(err)
	if json.NewEncoder(c.Stdout).Encode(object) != nil {
		return err
	}
	return toldError{err}
}

// WantsJSON looks for --json among raw arguments, so that wrong usage is answered in JSON too.
func WantsJSON(args []string) bool {
	for _, a := range args {
		switch a {
		case "--json", "-json", "--json=true", "-json=true", "--json=1", "-json=1":
			return true
		}
	}
	return false
}

// Run does one command and returns the exit code.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &Call{Context: ctx, Stdin: stdin, Stdout: stdout, Stderr: stderr, JSON: WantsJSON(args)}
	if len(args) == 0 {
		p.help(stderr)
		return WrongUsage
	}
	switch args[0] {
	case "help", "--help", "-help", "-h":
		p.help(stdout)
		return Done
	}
	if p.helpOn(args, stdout) {
		return Done
	}
	cmd, rest, ok := p.find(args)
	if ok && cmd.Raw != nil {
		return cmd.Raw(c, rest)
	}
	var err error
	if ok {
		err = p.do(c, cmd, rest)
	} else {
		err = Usagef("there is no command %q; %s --help lists them", commandIn(args), p.Name)
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return Done
	}
	return p.fail(c, args[0], err)
}

func (p Program) do(c *Call, cmd Command, args []string) error {
	c.Flags = flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	c.Flags.SetOutput(io.Discard)
	usage := "print exactly one JSON object"
	if cmd.Endless {
		usage = "print a failure as one JSON object; there is no other result, and logs go to stderr"
	}
	c.Flags.BoolVar(&c.JSON, "json", c.JSON, usage)
	work := cmd.SetUp(c)
	switch err := parse(c.Flags, args); {
	case errors.Is(err, flag.ErrHelp):
		p.describe(c, cmd)
		return err
	case err != nil:
		return Usagef("%w; %s %s --help lists the flags", err, p.Name, cmd.Name)
	case cmd.Args >= 0 && c.Flags.NArg() != cmd.Args:
		return Usagef("%d arguments follow the flags, want %d; for example: %s", c.Flags.NArg(), cmd.Args, cmd.Example)
	}
	return work()
}

// parse lets flags stand behind arguments too. After "--" there are only arguments.
func parse(flags *flag.FlagSet, args []string) error {
	var words []string
	for {
		if err := flags.Parse(args); err != nil {
			return err
		}
		rest := flags.Args()
		if len(rest) == 0 || len(args) > len(rest) && args[len(args)-len(rest)-1] == "--" {
			return flags.Parse(append(append([]string{"--"}, words...), rest...))
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

// commandIn is what was meant for a command among arguments: one or two words, without flags.
func commandIn(args []string) string {
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		return args[0] + " " + args[1]
	}
	return args[0]
}

func (p Program) find(args []string) (Command, []string, bool) {
	for _, cmd := range p.Commands {
		words := strings.Fields(cmd.Name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == cmd.Name {
			return cmd, args[len(words):], true
		}
	}
	return Command{}, nil, false
}

func (p Program) fail(c *Call, name string, err error) int {
	e, code := ErrorOf(err), Exit(fault.KindOf(err))
	var (
		usage  usageError
		theirs theirsError
		told   toldError
	)
	if errors.As(err, &usage) {
		e.Kind = fault.Invalid.String()
	}
	if e.Kind == fault.Invalid.String() && !errors.As(err, &theirs) {
		code = WrongUsage
	}
	if c.JSON && !errors.As(err, &told) {
		_ = json.NewEncoder(c.Stdout).Encode(map[string]any{"ok": false, "error": e}) // nobody else to tell
	}
	line := strings.TrimSpace(strings.TrimSuffix(e.Message, ".") + ". " + e.Remedy)
	fmt.Fprintf(c.Stderr, "%s %s: %s\n", p.Name, name, strings.ReplaceAll(line, "\n", "; "))
	return code
}

func (p Program) help(w io.Writer) {
	fmt.Fprintf(w, "%s %s\n\n", p.Name, p.What)
	for _, cmd := range p.Commands {
		if cmd.Summary != "" {
			fmt.Fprintf(w, "  %-15s %s\n", cmd.Name, cmd.Summary)
		}
	}
	fmt.Fprintf(w, "\n%s COMMAND --help shows the flags and an example.\n", p.Name)
}

// helpOn answers `prog enroll --help`: the commands that begin with a word that alone is none.
func (p Program) helpOn(args []string, w io.Writer) bool {
	if _, _, ok := p.find(args); ok || len(args) < 2 || !slices.Contains([]string{"--help", "-help", "-h", "help"}, args[1]) {
		return false
	}
	found := false
	for _, cmd := range p.Commands {
		if strings.HasPrefix(cmd.Name, args[0]+" ") {
			fmt.Fprintf(w, "  %-15s %s\n", cmd.Name, cmd.Summary)
			found = true
		}
	}
	return found
}

func (p Program) describe(c *Call, cmd Command) {
	fmt.Fprintf(c.Stdout, "%s %s %s.\n\nexample: %s\n\n", p.Name, cmd.Name, cmd.Summary, cmd.Example)
	c.Flags.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(c.Stdout, "  --%s %s\n        %s", f.Name, arg, usage)
		if f.DefValue != "" && f.DefValue != "false" {
			fmt.Fprintf(c.Stdout, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(c.Stdout)
	})
}

// Tell says that all went well: v for --json, a sentence otherwise.
func (c *Call) Tell(v any, format string, args ...any) error {
	if c.JSON {
		return json.NewEncoder(c.Stdout).Encode(v)
	}
	_, err := fmt.Fprintf(c.Stdout, format+"\n", args...)
	return err
}

// Print writes JSON as it is for --json, indented for people otherwise.
func (c *Call) Print(raw []byte) error {
	if c.JSON {
		_, err := fmt.Fprintln(c.Stdout, strings.TrimSpace(string(raw)))
		return err
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	e := json.NewEncoder(c.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
