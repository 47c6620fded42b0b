// Package docs runs what the README and the guides tell people to type, and
// holds what they state against the code.
package docs
