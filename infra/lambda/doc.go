// Package lambda runs a compiled Lambda function on this machine: it starts the executable in an execution environment
// and speaks the runtime API to it (version 2018-06-01), so that what is tested is the program that is deployed.
//
// It behaves as Lambda does in what can go wrong: a panic ends the process and the next call starts another; a call
// that outlasts the function's time limit is killed and the environment with it; a process that ends before it answers,
// or before it first asks for work, is Runtime.ExitError; an error of the handler leaves the process alive. The
// process sees Lambda's variables and those it is given, and nothing of this machine's.
//
// It can hold the process to a share of a core. It does not freeze it between calls, bound its memory, or run more than one call at a time.
package lambda
