package parts

import (
	"context"
	"fmt"
	"time"
)

// limit is how long to wait for what a program should do within seconds.
const limit = 30 * time.Second

// Retry tries again and again until try succeeds. It gives up, with what try
// failed with last and the output of the program, when the program ends, when
// ctx does, and after half a minute.
func (p *Process) Retry(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended (%v) with the output:\n%s", p.cmd.Path, p.cmd.ProcessState, p.Output())
		case <-ctx.Done():
			return fmt.Errorf("%w; output of %s:\n%s", err, p.cmd.Path, p.Output())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
