package osservice

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access/fault"
)

// notifier speaks sd_notify(3): one datagram a message to the socket that the manager names. The zero
// notifier, without a socket, says nothing and never fails.
type notifier struct {
	socket   string
	watchdog time.Duration // how long the manager waits for a ping; 0 none is wanted
}

// notifierOf reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as systemd sets them. A watchdog that
// is meant for another process, such as the one that started us, is none.
func notifierOf(getenv func(string) string) notifier {
	n := notifier{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if n.socket != "" && err == nil && usec > 0 && usec <= int64(24*time.Hour/time.Microsecond) && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// send says these fields in one message. A name that starts with @ is in Linux's abstract namespace,
// which package net knows.
func (n notifier) send(fields ...string) error {
	if n.socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fault.Wrap(fault.Internal, "tell", "the service manager", err)
	}
	defer func() { _ = conn.Close() }()
	// The queue of such a socket is short, and a manager that does not read must not hold up a door.
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return fault.Wrap(fault.Internal, "tell", "the service manager", err)
	}
	_, err = conn.Write([]byte(strings.Join(fields, "\n")))
	return fault.Wrap(fault.Internal, "tell", "the service manager", err)
}

// status is the line that `systemctl status` shows; a newline in it would begin another field.
func status(text string) string {
	return "STATUS=" + strings.Join(strings.Fields(text), " ")
}
