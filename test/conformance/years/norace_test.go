//go:build !race

package years

const shortened = false
