package store

import (
	"context"

	"github.com/hashicorp/vault/api"
)

// Whoami names whoever the token was given to, as Vault's audit does: by the
// display name and, where there is one, the entity.
func (v *Vault) Whoami(ctx context.Context) (string, error) {
	var name, entity string
	err := v.do(ctx, request{"read", "auth", "token", "lookup-self"}, func(ctx context.Context, c *api.Client) error {
		token, err := c.Auth().Token().LookupSelfWithContext(ctx)
		if err == nil && token != nil {
			name, _ = token.Data["display_name"].(string)
			entity, _ = token.Data["entity_id"].(string)
		}
		return err
	})
	if err == nil && entity != "" {
		name += " (entity " + entity + ")"
	}
	return name, err
}
