package cloud

import (
	"context"
	"io"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// longestReason keeps a run's name readable on the page.
const longestReason = 200

// Release reads a property's live source again because its newest run is held, and lets that one run
// pass the brake: a person saw who would lose access and agrees. What the source says by now counts,
// not what it said then. The reason stands in the run history. A property that is not held is a
// Conflict; one whose exports are imported is Unsupported and told how.
func (c *Cloud) Release(ctx context.Context, property access.PropertyID, reason string) (SyncReport, error) {
	p, err := c.property(property)
	if err != nil {
		return SyncReport{}, err
	}
	if reason, err = c.releasable(ctx, property, reason); err != nil {
		return SyncReport{}, err
	}
	if p.PMS == nil {
		return SyncReport{}, fault.New(fault.Unsupported, "release", string(property), "it has no live source that could be read again").
			WithRemedy("Give the export again: gatehouse-cloud import --property %s --file FILE --release --reason REASON", property)
	}
	return c.syncLive(ctx, property, "", reason)
}

// ImportReleased is Import of an export that a person lets pass the brake; see Release.
func (c *Cloud) ImportReleased(ctx context.Context, property access.PropertyID, format, name, reason string, r io.Reader) (SyncReport, error) {
	if _, err := c.property(property); err != nil {
		return SyncReport{}, err
	}
	reason, err := c.releasable(ctx, property, reason)
	if err != nil {
		return SyncReport{}, err
	}
	return c.importFile(ctx, property, format, name, reason, r)
}

// releasable says whether there is anything to release, and tidies the reason.
func (c *Cloud) releasable(ctx context.Context, property access.PropertyID, reason string) (string, error) {
	reason = strings.Join(strings.Fields(reason), " ")
	if reason == "" || len(reason) > longestReason {
		return "", fault.New(fault.Invalid, "release", string(property), "the reason has %d bytes, want 1 to %d", len(reason), longestReason).
			WithRemedy(`Say why with --reason, such as --reason "block C is empty since Monday, asked Ms. Ortega".`)
	}
	open, err := c.store.Conflicts(ctx, property)
	if err != nil {
		return "", err
	}
	for _, o := range open {
		if o.Kind == "held" {
			return reason, nil
		}
	}
	return "", fault.New(fault.Conflict, "release", string(property), "none of its runs is held").
		WithRemedy("Look at the property's page: who lost access and who did not, and why.")
}

// named is a run's source as the history shows it, with the word that released it.
func named(source, released string) string {
	if released == "" {
		return source
	}
	return source + ", released: " + released
}
