// Package access has the attacks on the console and on what is stored: forms from elsewhere, sessions that have ended, stored
// texts that would be code, and secrets that can be read. The authorisation matrix of the API is in shared/httpapi, beside
// the table of calls.
package access
