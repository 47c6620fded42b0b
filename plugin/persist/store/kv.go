package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hashicorp/vault/api"
)

// ErrConflict means that a secret is not at the version it was to replace.
var ErrConflict = errors.New("somebody else has written it")

// secret is the data of a KV version 2 answer. The body is taken as Vault
// wrote it, in the order of its member names: the client's KVv2 would decode
// it, and takes a mount that is not there for a secret that is not there.
type secret struct {
	Data     jsontext.Value `json:"data"` // null where deleted or destroyed
	Metadata *struct {
		Version   int       `json:"version"`
		Created   time.Time `json:"created_time"`
		Deleted   string    `json:"deletion_time"` // empty: it is not, and not to be
		Destroyed bool      `json:"destroyed"`
	} `json:"metadata"`
	Keys []string `json:"keys"` // of a LIST

	sum     [32]byte // SHA-256 of Data
	isKnown bool     // Data is left out: it is the body of the document that is known
}

// Read implements [Source].
func (v *Vault) Read(ctx context.Context, path string) (*Document, error) {
	return v.Reread(ctx, path, nil)
}

// Reread is Read for whoever knows a version of the document, which may be nil:
// where the newest one is the same, the body is that of the known one, even
// where it has been released.
func (v *Vault) Reread(ctx context.Context, path string, known *Document) (*Document, error) {
	s, err := v.readSecret(ctx, v.mount, path, known)
	if errors.Is(err, ErrNotFound) && path == ConfigPath {
		err = v.explainMount(ctx, v.mount, err)
	}
	if err != nil {
		return nil, err
	}
	d := &Document{Path: path, Version: strconv.Itoa(s.Metadata.Version), Created: s.Metadata.Created}
	d.Deleted, _ = time.Parse(time.RFC3339Nano, s.Metadata.Deleted) // zero where it is empty
	switch {
	case s.isKnown:
		d.Body, d.Hash = known.Body, known.Hash
	case s.withdrawn():
		d.Withdrawn = true
		if !s.Metadata.Destroyed {
			d.Undelete = fmt.Sprintf("vault kv undelete -mount=%s -versions=%s %s", v.mount, d.Version, path)
		}
		d.seal()
	default:
		d.Body, d.Hash = s.Data, s.sum
	}
	return d, nil
}

// withdrawn reports whether the version is deleted or destroyed. A deletion
// time in the future is neither: Vault still answers with the data.
func (s *secret) withdrawn() bool {
	return s.Metadata.Destroyed || len(s.Data) == 0 || s.Data.Kind() == jsontext.KindNull
}

// says reports whether d is the version that the answer is of: one with the same
// body is not, since what another version says may have to be read anew.
func (s *secret) says(d *Document) bool {
	return !d.Withdrawn && d.Hash == s.sum && d.Version == strconv.Itoa(s.Metadata.Version) && d.Created.Equal(s.Metadata.Created)
}

// List implements [Source].
func (v *Vault) List(ctx context.Context, folder string) ([]string, error) {
	s, err := v.get(ctx, request{"list", v.mount, "metadata", folder}, map[string][]string{"list": {"true"}}, nil)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(s.Keys)
	return s.Keys, nil
}

// ReadSecret returns the data of the newest version of a secret, which is a
// JSON object, from any KV version 2 mount.
func (v *Vault) ReadSecret(ctx context.Context, mount, path string) ([]byte, error) {
	data, _, err := v.ReadSecretVersion(ctx, mount, path)
	return data, err
}

// ReadSecretVersion is ReadSecret, and returns the version too, for
// [Vault.WriteSecret] to replace it.
func (v *Vault) ReadSecretVersion(ctx context.Context, mount, path string) (data []byte, version int, err error) {
	s, err := v.readSecret(ctx, mount, path, nil)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, 0, v.explainMount(ctx, mount, err)
	case err != nil:
		return nil, 0, err
	case s.withdrawn():
		return nil, 0, fmt.Errorf("read %s/data/%s: %w: version %d is deleted", mount, path, ErrNotFound, s.Metadata.Version)
	}
	return s.Data, s.Metadata.Version, nil
}

// WriteSecret writes data, a JSON object, as the version after replaces, which
// is 0 where there must be none yet. It fails with [ErrConflict] where there is
// another one, and with [ErrNoVersions] where the mount keeps none: in KV version 1 it
// would replace whatever is there.
func (v *Vault) WriteSecret(ctx context.Context, mount, path string, data []byte, replaces int) error {
	body, err := json.Marshal(map[string]any{
		"data":    json.RawMessage(data),
		"options": map[string]int{"cas": replaces},
	})
	if err != nil {
		return fmt.Errorf("write %s/data/%s: the data is no JSON", mount, path)
	}
	r := request{"write", mount, "data", path}
	if err := v.versions(ctx, r); err != nil {
		return err
	}
	var made *api.Secret
	err = v.do(ctx, r, func(ctx context.Context, c *api.Client) error {
		made, err = c.Logical().WriteBytesWithContext(ctx, r.path(), body)
		return err
	})
	if err == nil && (made == nil || made.Data["version"] == nil) {
		return v.fail(r, fmt.Errorf("the answer has no version, so it may be written over what was there: mount %s %w: look at what is there now", mount, ErrNoVersions))
	}
	return err
}

func (v *Vault) readSecret(ctx context.Context, mount, path string, known *Document) (*secret, error) {
	r := request{"read", mount, "data", path}
	s, err := v.get(ctx, r, nil, known)
	if err != nil {
		return nil, err
	}
	if s.Metadata == nil || s.Metadata.Version == 0 {
		return nil, v.fail(r, errors.New("the answer has no version: is the mount KV version 2?"))
	}
	v.versioned.LoadOrStore(mount, true)
	if len(s.Data) > MaxDocument {
		return nil, v.fail(r, fmt.Errorf("it has %d octets, and a document may have %d: split it into several", len(s.Data), MaxDocument))
	}
	return s, nil
}

// get performs a GET request and decodes the data of the answer; see
// [answers.read] for what known is.
func (v *Vault) get(ctx context.Context, r request, query map[string][]string, known *Document) (s *secret, err error) {
	err = v.do(ctx, r, func(ctx context.Context, c *api.Client) error {
		resp, err := c.Logical().ReadRawWithDataWithContext(ctx, r.path(), query)
		if resp != nil {
			defer resp.Body.Close()
			v.note(resp.Header)
		}
		switch {
		case statusIs(err, http.StatusTooManyRequests):
			return throttled(resp.Header, v.now())
		case err != nil && !statusIs(err, http.StatusNotFound):
			return err
		}
		got, broken := v.answers.read(r.path(), resp.Body, known)
		if got == nil {
			return cmp.Or(err, broken)
		}
		s = got // a 404 with data is a deleted or destroyed version
		return nil
	})
	return s, err
}

// buffers are for answers, of which most say what is known already.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decode reads the data of an answer.
func decode(text []byte) (*secret, error) {
	var answer struct {
		Data *secret `json:"data"`
	}
	if err := jsonv2.Unmarshal(text, &answer, jsontext.AllowDuplicateNames(true)); err != nil || answer.Data == nil {
		return nil, errGarbled
	}
	return answer.Data, nil
}
