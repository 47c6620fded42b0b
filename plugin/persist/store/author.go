package store

import (
	"context"
	"net/http"
	"strconv"
)

// Author is who wrote a version of a document, as KV version 2 of Vault 1.21 and
// later tells.
type Author struct {
	Actor     string `json:"actor,omitempty"`     // the display name of the token
	EntityID  string `json:"entity_id,omitempty"` // of Vault's identity
	ClientID  string `json:"client_id,omitempty"`
	Operation string `json:"operation,omitempty"` // create, update, patch, delete and the like
}

// LastUpdatedBy returns who wrote, or deleted, a version of the document at path,
// nil where Vault does not tell. It needs read on metadata, which a server need
// not have: to be denied it has no other consequence than [ErrDenied].
func (v *Vault) LastUpdatedBy(ctx context.Context, path, version string) (*Author, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, v.timeout, errNoAnswer{v.timeout})
	defer cancel()
	held, err := v.identity.Token(ctx)
	if err != nil {
		return nil, err
	}
	r := request{"read", v.mount, "metadata", path}
	var answer struct {
		Data struct {
			Current int     `json:"current_version"`
			By      *Author `json:"last_updated_by"`
			Each    map[string]struct {
				By *Author `json:"created_by"`
			} `json:"versions"`
		} `json:"data"`
	}
	resp, err := v.authorized(held).Logical().ReadRawWithContext(ctx, r.path())
	if resp != nil {
		defer resp.Body.Close()
	}
	switch {
	case statusIs(err, http.StatusNotFound):
		return nil, v.fail(r, ErrNotFound)
	case err != nil:
		return nil, v.explain(ctx, r, err)
	}
	if err := resp.DecodeJSON(&answer); err != nil {
		return nil, v.fail(r, errGarbled)
	}
	by := answer.Data.Each[version].By
	if strconv.Itoa(answer.Data.Current) == version {
		by = answer.Data.By
	}
	if by == nil || *by == (Author{}) {
		return nil, nil
	}
	return by, nil
}
