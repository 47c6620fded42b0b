package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// reads stands between the server and Vault, and knows when the server has read
// which document.
type reads struct {
	*httptest.Server

	mu    sync.Mutex
	count map[string]int       // by path; guarded by mu
	last  map[string]time.Time // by path; guarded by mu
}

func newReads(vault string) (*reads, error) {
	to, err := url.Parse(vault)
	if err != nil {
		return nil, err
	}
	r := &reads{count: map[string]int{}, last: map[string]time.Time{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		proxy.ServeHTTP(w, req)
		if path, ok := strings.CutPrefix(req.URL.Path, "/v1/"+mount+"/data/"); ok {
			r.note(path)
		}
	}))
	return r, nil
}

func (r *reads) note(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[path]++
	r.last[path] = time.Now()
}

// of returns how often a document has been read, and when it was the last time.
func (r *reads) of(path string) (int, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[path], r.last[path]
}
