package acme

import (
	"context"
	"fmt"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/acme/api"
	"github.com/go-acme/lego/v5/challenge"
)

// order opens an order for names, has the CA look at dns-persist-01 of each at
// once and returns why it says no, or nil if it says yes to all.
//
// It leaves out what lego does before it bothers a CA: look for the record
// itself. So the answer is the CA's own.
func (c *client) order(ctx context.Context, names ...string) (*acme.ProblemDetails, error) {
	core, err := api.New(c.http, "", c.ca.directory(), c.uri(), c.key)
	if err != nil {
		return nil, err
	}
	pending, err := c.pending(ctx, core, names)
	if err != nil {
		return nil, err
	}
	for _, authorization := range pending {
		problem, err := c.validate(ctx, core, authorization)
		if problem != nil || err != nil {
			return problem, err
		}
	}
	return nil, nil
}

// pending opens an order for names and returns its authorizations, all of which the
// CA has still to give: now and then Pebble takes one that it has given before, even
// where PEBBLE_AUTHZREUSE is 0, and is asked anew.
func (c *client) pending(ctx context.Context, core *api.Core, names []string) ([]acme.Authorization, error) {
	var pending []acme.Authorization
	err := c.ca.Retry(ctx, func(ctx context.Context) error {
		order, err := core.Orders.New(ctx, names, nil)
		if err != nil {
			return err
		}
		pending = pending[:0]
		for _, url := range order.Authorizations {
			authorization, err := core.Authorizations.Get(ctx, url)
			if err != nil {
				return err
			}
			if authorization.Status == acme.StatusValid {
				return fmt.Errorf("%s is already authorized", authorization.Identifier.Value)
			}
			pending = append(pending, authorization)
		}
		return nil
	})
	return pending, err
}

// validate asks for the validation of one authorization and waits for its end.
func (c *client) validate(ctx context.Context, core *api.Core, authorization acme.Authorization) (*acme.ProblemDetails, error) {
	chosen, err := challenge.FindChallenge(challenge.DNSPersist01, authorization)
	if err != nil {
		return nil, err
	}
	if _, err := core.Challenges.New(ctx, chosen.URL); err != nil {
		return nil, err
	}
	var problem *acme.ProblemDetails
	err = c.ca.Retry(ctx, func(ctx context.Context) error {
		state, err := core.Challenges.Get(ctx, chosen.URL)
		if err != nil {
			return err
		}
		problem = state.Error
		if state.Status != acme.StatusValid && state.Status != acme.StatusInvalid {
			return fmt.Errorf("the challenge is %s", state.Status)
		}
		return nil
	})
	return problem, err
}
