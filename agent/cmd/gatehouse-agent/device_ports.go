package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"

	"gatehouse/firmware-bridge/serialport"
	"gatehouse/protocol/access/fault"
)

// devicePort is a line that an encoder may hang on.
type devicePort struct {
	Address string `json:"address"`          // as an encoder's configuration takes it
	Device  string `json:"device,omitempty"` // the system's own name, which changes with replugging
	State   string `json:"state"`            // free, taken, denied, unusable
	Detail  string `json:"detail,omitempty"`
}

// devicePorts does `device ports`: it asks no panel, so it has flags of its own.
func devicePorts(ctx context.Context, cmd deviceCommand, args []string) deviceAnswer {
	fl := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	address := fl.String("address", "", "only this `line`, opened as an encoder would: tcp://HOST:PORT or serial:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1")
	fl.Bool("json", false, "answer with one JSON object")
	switch err := fl.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return deviceAnswer{help: func(w io.Writer) { cmd.describe(fl, w) }}
	case err != nil:
		return deviceUsage("%v; gatehouse-agent device ports --help lists the flags", err)
	case fl.NArg() > 0:
		return deviceUsage("%q is not a flag; gatehouse-agent device ports --help lists them", fl.Arg(0))
	case *address != "":
		return devicePortAt(ctx, *address)
	}
	return devicePortsIn(serialport.Devices)
}

// devicePortAt opens one line and closes it. Nothing is sent.
func devicePortAt(ctx context.Context, text string) deviceAnswer {
	a, err := serialport.ParseAddress(text)
	if err != nil {
		return deviceFailed(deviceLineFault(err)).ours()
	}
	l, err := serialport.Open(ctx, a, serialport.Options{})
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return deviceFailed(deviceLineFault(err)).ours()
	}
	return devicePortsTold([]devicePort{{Address: a.String(), Device: a.Device, State: "free"}})
}

// devicePortsIn lists what is there and can be used, or could if nobody else had it.
func devicePortsIn(dev string) deviceAnswer {
	all, err := serialport.List(dev)
	if err != nil {
		return deviceFailed(deviceLineFault(err))
	}
	ports := []devicePort{}
	for _, c := range all {
		p := devicePort{Address: serialport.At(c.Name).String(), Device: c.Device, State: "free"}
		switch err := serialport.Probe(c.Name); {
		case errors.Is(err, serialport.ErrUnplugged):
			continue // a number without hardware
		case err != nil:
			p.State, p.Detail = deviceLineState(err), devicePrintable(err.Error())
		}
		ports = append(ports, p)
	}
	return devicePortsTold(ports)
}

func devicePortsTold(ports []devicePort) deviceAnswer {
	a := deviceAnswer{Ports: ports, text: "No serial port is there. Plug the adapter in, or use a device server: --address tcp://HOST:PORT.\n"}
	if len(ports) == 0 {
		return a
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STATE\tDEVICE\tADDRESS")
	for _, p := range ports {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.State, devicePrintable(p.Device), devicePrintable(p.Address))
	}
	_ = w.Flush() // into memory
	a.text = text.String()
	return a
}

func deviceLineState(err error) string {
	switch {
	case errors.Is(err, serialport.ErrBusy):
		return "taken"
	case errors.Is(err, fs.ErrPermission):
		return "denied"
	}
	return "unusable"
}

// deviceLineFault gives a line's error the kind that decides the exit code.
func deviceLineFault(err error) error {
	kind := fault.Invalid // what was named is no port, or cannot be set so
	for _, k := range []struct {
		is   error
		kind fault.Kind
	}{
		{serialport.ErrBusy, fault.Conflict}, {serialport.ErrUnplugged, fault.Unreachable}, {serialport.ErrTimeout, fault.Timeout},
		{fs.ErrPermission, fault.Denied}, {errors.ErrUnsupported, fault.Unsupported}, {context.Canceled, fault.Timeout},
	} {
		if errors.Is(err, k.is) {
			kind = k.kind
			break
		}
	}
	f := fault.New(kind, "use", "the line", "%w", err)
	var e *serialport.Error
	if errors.As(err, &e) && e.Remedy != "" {
		return f.WithRemedy("%s", e.Remedy)
	}
	return f
}
