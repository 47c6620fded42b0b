package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"
)

// unread says of everything in a store that a snapshot of it, nil for none,
// lacks why it cannot be read. It looks again, because a watcher speaks to a
// log: it leaves out what comes after some lines, or after what keeps a server
// from starting.
func unread(ctx context.Context, source store.Source, snapshot *store.Snapshot) []string {
	troubles := whyUnread(ctx, source, snapshot, store.ControlPath)
	for _, folder := range []string{"accounts", "issuers", "teams"} {
		troubles = append(troubles, unreadIn(ctx, source, snapshot, folder)...)
	}
	return troubles
}

// unreadIn is unread for a folder and those in it.
func unreadIn(ctx context.Context, source store.Source, snapshot *store.Snapshot, folder string) []string {
	names, err := source.List(ctx, folder)
	if err != nil {
		return []string{fmt.Sprintf("%s/: %v", folder, err)}
	}
	var troubles []string
	for _, name := range names {
		path := folder + "/" + name
		switch inner, ok := strings.CutSuffix(path, "/"); {
		case ok && holdsFolders(folder):
			troubles = append(troubles, unreadIn(ctx, source, snapshot, inner)...)
		case ok:
			troubles = append(troubles, path+" is a folder where only documents count: move what is in it up, or away")
		default:
			troubles = append(troubles, whyUnread(ctx, source, snapshot, path)...)
		}
	}
	return troubles
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
