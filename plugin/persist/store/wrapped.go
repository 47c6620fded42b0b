package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"
)

// unwrapped are the secret IDs that this process has unwrapped, by the file in
// which the wrapping token is. Such a token can be used once, and neither a
// login after the first nor a Corefile that is loaded anew is a reason to need
// another one.
var unwrapped = struct {
	sync.Mutex
	byFile map[string]secretID
}{byFile: map[string]secretID{}}

// secretID is a secret ID and the wrapping token that it came in.
type secretID struct{ wrapping, id string }

// unwrap returns the secret ID that is wrapped in the token in a file.
func (v *Vault) unwrap(ctx context.Context, mount, file string) (string, error) {
	wrapping, err := readLine(file, "write a wrapping token there, by "+wrapCommand(mount))
	if err != nil {
		return "", err
	}
	unwrapped.Lock()
	defer unwrapped.Unlock()
	if known := unwrapped.byFile[file]; known.wrapping == wrapping {
		return known.id, nil
	}
	if err := v.checkWrapping(ctx, mount, file, wrapping); err != nil {
		return "", err
	}
	r := request{"write", "sys", "wrapping", "unwrap"}
	made, err := v.authorized(wrapping).Logical().UnwrapWithContext(ctx, "")
	switch {
	case err != nil:
		return "", v.explainWrapping(ctx, r, mount, file, err)
	case made == nil:
		return "", v.explain(ctx, r, errGarbled)
	}
	id, _ := made.Data["secret_id"].(string)
	unwrapped.byFile[file] = secretID{wrapping, id}
	return id, nil
}

// checkWrapping looks, without using it, whether a wrapping token is good and
// was made of a secret ID: whoever can replace it could hand out one of
// something else.
func (v *Vault) checkWrapping(ctx context.Context, mount, file, wrapping string) error {
	r := request{"write", "sys", "wrapping", "lookup"}
	about, err := v.authorized("").Logical().WriteWithContext(ctx, r.path(), map[string]any{"token": wrapping})
	switch {
	case err != nil:
		return v.explainWrapping(ctx, r, mount, file, err)
	case about == nil:
		return v.explain(ctx, r, errGarbled)
	}
	from, _ := about.Data["creation_path"].(string)
	if ok, _ := path.Match("auth/"+mount+"/role/*/secret-id", from); !ok {
		return fmt.Errorf("the token in %s wraps what was made at %q, and not a secret ID of auth/%s: somebody may have exchanged it", file, from, mount)
	}
	return nil
}

// explainWrapping says what to do where a wrapping token is used up.
func (v *Vault) explainWrapping(ctx context.Context, r request, mount, file string, err error) error {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || asksForTLS(err) || answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusForbidden {
		return v.explain(ctx, r, err)
	}
	return fmt.Errorf("the wrapping token in %s was used already, or has run out (%s): write another one, by %s; "+
		"where neither this server, before it was started anew, nor its lifetime is the reason, somebody else has the secret ID: destroy it", file, strings.Join(answer.Errors, "; "), wrapCommand(mount))
}

// wrapCommand makes a wrapping token of a secret ID.
func wrapCommand(mount string) string {
	return fmt.Sprintf("vault write -wrap-ttl=1h -field=wrapping_token -f auth/%s/role/ROLE/secret-id", mount)
}
