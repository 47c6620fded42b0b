package store

import "context"

// identity is how the server proves to Vault who it is.
type identity interface {
	// Token returns the token to send now.
	Token(ctx context.Context) (string, error)
	// Refused is told that Vault did not take token, because it is not valid or
	// because it does not allow enough. It reports whether to try again.
	Refused(token string, invalid bool) (again bool)
	// Close gives back what was obtained.
	Close(ctx context.Context) error
}

// fixedToken is somebody else's token. Where it is empty, an agent in between
// adds its own to every request.
type fixedToken string

// Token implements identity.
func (t fixedToken) Token(context.Context) (string, error) { return string(t), nil }

// Refused implements identity.
func (t fixedToken) Refused(string, bool) bool { return false }

// Close implements identity.
func (t fixedToken) Close(context.Context) error { return nil }
