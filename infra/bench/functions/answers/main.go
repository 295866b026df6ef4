// Command answers is the receiver of the measurements, in a process of its own, so that its processor time is not counted.
// It prints its address, reads each request, waits for as long as the request's path says ("/50ms"), and answers 200.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "answers:", err)
		os.Exit(1)
	}
}

func run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return (&http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(answer)}).Serve(listener)
}

func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if wait, err := time.ParseDuration(strings.TrimPrefix(r.URL.Path, "/")); err == nil {
		time.Sleep(wait)
	}
	_, _ = io.WriteString(w, "ok")
}
