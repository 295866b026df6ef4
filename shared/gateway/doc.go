// Package gateway puts an http.Handler behind API Gateway's HTTP API, in the payload format 2.0 of its Lambda
// integration.
//
// The package guarantees: the body that the handler reads is byte for byte what the client sent; the path is the one that
// API Gateway matched, in no way cleaned; which route that was, and whether IAM authorised the call, comes from API
// Gateway alone and cannot be given by a client. The URL's Scheme is https, which is how the client came.
//
// API Gateway changes requests before, and nothing here can undo that: header names arrive in lower case and repeats of a
// header as one value with commas; percent-encoding in the path arrives decoded (not in the query), and a "?" so decoded
// cuts the path off. The API's stage must be $default, because any other stands in the path.
//
// Format: AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway". An answer is at most 6 MB (Lambda's
// limit), and nothing of it is streamed.
package gateway
