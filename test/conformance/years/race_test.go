//go:build race

package years

// shortened is set where the race detector makes everything ten times slower.
// The simulation has one goroutine per world: there is little to detect.
const shortened = true
