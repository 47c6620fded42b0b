package store

import (
	"bytes"
	"crypto/sha256"
	"hash/maphash"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// answers remembers by a hash what Vault has answered. Most answers say what is
// known already, and to hash one costs little beside decoding it.
type answers struct {
	mu    sync.Mutex
	known map[string]known // by path; guarded by mu
}

// known is an answer. What comes before its data is the request's own.
type known struct {
	hash     uint64 // of the answer from its data on
	size     int    // of that
	from, to int    // where in it the body of the document is
	secret   secret // without it
}

// seed makes a hash that nobody else can know, to tell an answer from the last one
// for the same path. Documents are told apart by SHA-256.
var seed = maphash.MakeSeed()

// read reads the data of an answer for path. Of a document whose body is that of
// one that is known, which may be nil, it makes no copy.
func (a *answers) read(path string, body io.Reader, document *Document) (*secret, error) {
	text := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(text)
	text.Reset()
	if _, err := text.ReadFrom(body); err != nil {
		return nil, err
	}
	lasting := fromData(text.Bytes())
	hash := maphash.Bytes(seed, lasting)
	if k, ok := a.recall(path); ok && k.hash == hash && k.size == len(lasting) {
		s := k.secret
		if s.isKnown = document != nil && s.says(document); !s.isKnown {
			s.Data = jsontext.Value(lasting[k.from:k.to]).Clone()
		}
		return &s, nil
	}
	s, err := decode(text.Bytes())
	if err != nil {
		return nil, err
	}
	s.sum = sha256.Sum256(s.Data)
	a.remember(path, hash, lasting, *s)
	return s, nil
}

// fromData returns an answer from its data on, which follow what Vault makes up
// for each request; nothing where there are none.
func fromData(text []byte) []byte {
	const name = `"data":`
	if i := bytes.Index(text, []byte(name)); i >= 0 {
		return text[i:]
	}
	return nil
}

func (a *answers) recall(path string) (known, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.known[path]
	return k, ok
}

// remember remembers an answer that holds a document.
func (a *answers) remember(path string, hash uint64, lasting []byte, s secret) {
	from := bytes.Index(lasting, s.Data)
	if s.Metadata == nil || from < 0 {
		return
	}
	k := known{hash: hash, size: len(lasting), from: from, to: from + len(s.Data), secret: s}
	k.secret.Data = nil
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[string]known{}
	}
	a.known[path] = k
}
