package main

import (
	"context"
	"fmt"
	"os"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// deviceRedeem turns an activation code into a token. The file for it is made first: a code serves once, and a token that
// cannot be kept would be lost with it. Neither is ever shown.
func deviceRedeem(ctx context.Context, c *deviceCall) (a deviceAnswer) {
	const op = "redeem an activation code on"
	r, ok := c.panel.(driver.Redeemer)
	if !ok {
		return deviceFailed(fault.New(fault.Unsupported, op, "device", "this kind of device has none"))
	}
	f, err := os.OpenFile(c.flags.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return deviceFailed(deviceWrong("--out: "+err.Error(), "Name a file that does not exist, in a folder that this user can write to.")).ours()
	}
	token, err := r.Redeem(ctx, c.flags.code, "Gatehouse")
	kept := false
	if err == nil {
		kept, err = true, deviceKeep(f, token)
	}
	if bad := f.Close(); err == nil && bad != nil {
		err = fault.New(fault.Internal, "write", c.flags.out, "%w", bad)
	}
	if !kept && os.Remove(c.flags.out) != nil {
		return deviceFailed(fault.New(fault.KindOf(err), op, "device", "%w; %s stays, empty", err, c.flags.out).WithRemedy("%s", fault.RemedyOf(err)))
	}
	if err != nil {
		return deviceFailed(err)
	}
	return deviceAnswer{Out: c.flags.out, text: fmt.Sprintf("the token is in %s; name it as token_file of the device\n", c.flags.out)}
}

// deviceKeep writes a token so that it outlives a power cut.
func deviceKeep(f *os.File, token access.Secret) error {
	_, err := f.WriteString(token.Reveal() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fault.New(fault.Internal, "write the token to", f.Name(), "%w", err).WithRemedy("Make room, and redeem a new activation code.")
	}
	return nil
}
