// Package limits asks for the most that a caller can ask of one call, by the real handlers, and prints what it costs. The cost
// may grow with the size of what is asked, and no faster.
package limits
