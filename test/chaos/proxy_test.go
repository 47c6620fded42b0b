package chaos

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// mood is what a proxy does with requests.
type mood int

const (
	pass     mood = iota
	cut           // closes connections
	hang          // answers nothing
	throttle      // refuses all as too many
	delay         // takes its time
)

// lateness is how long a request takes that is delayed.
const lateness = 5 * time.Second

// proxy stands between a server and Vault, and notes what gets through.
type proxy struct {
	*httptest.Server
	vault string
	now   func() moment

	mu      sync.Mutex
	mood    mood
	changed chan struct{}     // closed when the mood changes
	reads   map[string][]read // by path; listings by path and a slash
	refused int               // requests that got no answer, a late one, or one that is none
}

func newProxy(t *testing.T, vault string, now func() moment) *proxy {
	t.Helper()
	p := &proxy{vault: vault, now: now, changed: make(chan struct{}), reads: map[string][]read{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.set(cut)
		p.Close()
	})
	return p
}

func (p *proxy) set(m mood) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mood = m
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *proxy) feel() (mood, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mood, p.changed
}

func (p *proxy) refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused++
}

// ServeHTTP forwards a request as the mood is. Connections are cut also while a
// request is under way.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := p.now()
	mood, changed := p.feel()
	if mood != pass {
		p.refuse()
	}
	switch mood {
	case cut:
		panic(http.ErrAbortHandler) // which closes the connection
	case throttle:
		http.Error(w, `{"errors": ["request path rate limit quota exceeded"]}`, http.StatusTooManyRequests)
		return
	case hang:
		p.stay(r, changed, time.Hour)
		panic(http.ErrAbortHandler)
	case delay:
		p.stay(r, nil, lateness/2)
	}
	resp, body, err := p.forward(r)
	if err != nil {
		p.refuse()
		panic(http.ErrAbortHandler)
	}
	if mood == delay {
		p.stay(r, nil, lateness/2)
	}
	if now, _ := p.feel(); now == cut || now == hang {
		p.refuse()
		panic(http.ErrAbortHandler)
	}
	p.deliver(w, r, resp, body, asked)
}

// stay waits, until the mood changes or the client goes away.
func (p *proxy) stay(r *http.Request, changed <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-r.Context().Done():
	}
}

// forward asks Vault.
func (p *proxy) forward(r *http.Request) (*http.Response, []byte, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.vault+r.URL.RequestURI(), r.Body)
	if err != nil {
		return nil, nil, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // we read what comes back
	out.ContentLength = r.ContentLength
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// deliver answers, and notes what with and when.
func (p *proxy) deliver(w http.ResponseWriter, r *http.Request, resp *http.Response, body []byte, asked moment) {
	for name, values := range resp.Header {
		if name != "Content-Length" && name != "Content-Encoding" {
			w.Header()[name] = values
		}
	}
	got := read{asked: asked, from: p.now()}
	w.WriteHeader(resp.StatusCode)
	_, err := io.Copy(w, bytes.NewReader(body))
	got.to = p.now()
	path, isRead := p.interpret(r, resp, body, &got)
	p.mu.Lock()
	defer p.mu.Unlock()
	if isRead && err == nil {
		p.reads[path] = append(p.reads[path], got)
	} else if resp.StatusCode >= http.StatusBadRequest && resp.StatusCode != http.StatusNotFound { // there is no index
		p.refused++
	}
}

// interpret notes in got what of a document or of a listing was read.
func (p *proxy) interpret(r *http.Request, resp *http.Response, body []byte, got *read) (path string, ok bool) {
	if folder, found := strings.CutPrefix(r.URL.Path, "/v1/"+mount+"/metadata/"); found {
		return strings.TrimSuffix(folder, "/") + "/", resp.StatusCode == http.StatusOK
	}
	path, found := strings.CutPrefix(r.URL.Path, "/v1/"+mount+"/data/")
	if !found || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		return "", false
	}
	var answer struct {
		Data *struct {
			Metadata struct {
				Version  int    `json:"version"`
				Deletion string `json:"deletion_time"`
			} `json:"metadata"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Data == nil || answer.Data.Metadata.Version == 0 {
		return "", false
	}
	got.version, got.deleted = answer.Data.Metadata.Version, answer.Data.Metadata.Deletion != ""
	return path, true
}
