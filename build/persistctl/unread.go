package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// unreads are what cannot be read in a store.
type unreads struct {
	documents []string // and why; what is served is not known then
	strays    []string // folders that no server looks into, and what to do
}

// unread says of everything in a store that a snapshot of it, nil for none,
// lacks why it cannot be read. It looks again, because a watcher speaks to a
// log: it leaves out what comes after some lines, or after what keeps a server
// from starting.
func unread(ctx context.Context, source store.Source, snapshot *store.Snapshot) unreads {
	u := unreads{documents: whyUnread(ctx, source, snapshot, store.ControlPath)}
	for _, folder := range []string{"accounts", "issuers", "teams"} {
		u.look(ctx, source, snapshot, folder)
	}
	return u
}

// look adds what cannot be read in a folder and those in it.
func (u *unreads) look(ctx context.Context, source store.Source, snapshot *store.Snapshot, folder string) {
	names, err := source.List(ctx, folder)
	if err != nil {
		u.documents = append(u.documents, fmt.Sprintf("%s/: %v", folder, err))
		return
	}
	for _, name := range names {
		path := folder + "/" + name
		switch inner, ok := strings.CutSuffix(path, "/"); {
		case ok && holdsFolders(folder):
			u.look(ctx, source, snapshot, inner)
		case ok:
			u.strays = append(u.strays, path+" is a folder where only documents count, and servers read nothing in it: "+removal(source, path))
		default:
			u.documents = append(u.documents, whyUnread(ctx, source, snapshot, path)...)
		}
	}
}

// removal says how a folder goes. Vault lists what is deleted, and neither a team nor an
// admin of persist may do more than that.
func removal(source store.Source, path string) string {
	v, ok := source.(*store.Vault)
	if !ok {
		return "move what is in it up, or away"
	}
	return fmt.Sprintf("write what is in it to its place, and have an administrator of Vault, which an admin of persist is not by its policy, remove it for good: vault kv metadata delete -mount=%s %sNAME, for each NAME in it", v.Mount(), path)
}

// holdsFolders reports whether folder is accounts or accounts/TEAM.
func holdsFolders(folder string) bool {
	top, rest, _ := strings.Cut(folder, "/")
	return top == "accounts" && !strings.Contains(rest, "/")
}

// whyUnread reads a document that the snapshot lacks.
func whyUnread(ctx context.Context, source store.Source, snapshot *store.Snapshot, path string) []string {
	if snapshot != nil && snapshot.Document(path) != nil {
		return nil
	}
	switch _, err := source.Read(ctx, path); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return []string{fmt.Sprintf("%s: %v", path, err)}
	case snapshot != nil:
		return []string{path + ": was not read at first, and can be read now: try again"}
	}
	return nil
}
