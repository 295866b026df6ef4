package answers

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net"
	"net/http"
	"strings"

	"hookline/shared/webhook"
)

// asked reads one request, and then lets handle answer.
func asked(handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err == nil {
			handle(c)
		}
	}
}

// say reads one request and writes text; then it waits for the client to hang up.
func say(text string) func(net.Conn) {
	return asked(func(c net.Conn) {
		if _, err := io.WriteString(c, text); err == nil {
			_, _ = io.Copy(io.Discard, c)
		}
	})
}

// sayAndClose reads one request, writes text and hangs up.
func sayAndClose(text string) func(net.Conn) {
	return asked(func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

// endless reads one request, writes a beginning and then one text for ever.
func endless(beginning, text string) func(net.Conn) {
	return asked(func(c net.Conn) {
		if _, err := io.WriteString(c, beginning); err == nil {
			flood(c, text)
		}
	})
}

// slow reads one request, writes a beginning and then one text at a byte a second.
func slow(beginning, text string) func(net.Conn) {
	return asked(func(c net.Conn) {
		if _, err := io.WriteString(c, beginning); err == nil {
			drip(c, text)
		}
	})
}

// gzipped and deflated compress text.
func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// inHTTP1 is the receivers that speak HTTP/1.1, or should.
func inHTTP1() []*receiver {
	const (
		ok   = "HTTP/1.1 200 OK\r\n"
		fail = "HTTP/1.1 500 No\r\n"
	)
	zeros := strings.Repeat("\x00", 15<<20)
	bomb := gzipped(zeros)
	encoded := func(name, body string) func(net.Conn) {
		return sayAndClose(fail + "Content-Encoding: " + name + "\r\nConnection: close\r\n\r\n" + body)
	}
	bad := func(name string, answer func(net.Conn)) *receiver {
		return &receiver{name: name, answer: answer, err: webhook.ReasonBadResponse}
	}
	success := func(name, body string, answer func(net.Conn)) *receiver {
		return &receiver{name: name, answer: answer, status: 200, body: body}
	}
	failure := func(name, body string, answer func(net.Conn)) *receiver {
		return &receiver{name: name, answer: answer, status: 500, err: webhook.ReasonBadStatus, body: body}
	}
	silent := func(name string, answer func(net.Conn)) *receiver {
		return &receiver{name: name, answer: answer, stalls: true, err: webhook.ReasonTimeout, detail: webhook.DetailNoAnswer}
	}
	stalling := func(r *receiver) *receiver {
		r.stalls = true
		return r
	}
	closed := func(name string, answer func(net.Conn)) *receiver {
		return &receiver{name: name, answer: answer, err: webhook.ReasonConnect, detail: webhook.DetailConnectionClosed}
	}
	return []*receiver{
		success("endless body", "aaaa", endless(ok+"\r\n", "a")),
		failure("endless body of a failure", "aaaa", endless(fail+"\r\n", "a")),
		failure("endless chunked body", "aaaa", endless(fail+"Transfer-Encoding: chunked\r\n\r\n", "8\r\naaaaaaaa\r\n")),
		failure("body that is not UTF-8", "a\uFFFDa\uFFFD", endless(fail+"\r\n", "a\xff")),
		failure("body cut within a character", "é", endless(fail+"\r\n", "é")),
		stalling(success("body, a byte a second", "a", slow(ok+"Content-Length: 100\r\n\r\n", strings.Repeat("a", 100)))),
		stalling(failure("chunks, a byte a second", "", slow(fail+"Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\na\r\n", 20)))),
		silent("headers, a byte a second", slow("", ok+"\r\n")),
		silent("silence", say("")),
		silent("silence after early hints", say("HTTP/1.1 103 Early Hints\r\n\r\n")),
		failure("gzip bomb", "\x00\x00\x00\x00", encoded("gzip", bomb)),
		failure("gzip bomb within gzip", "", encoded("gzip", gzipped(bomb))),
		failure("gzip, twice", "(", encoded("gzip, gzip", gzipped(bomb))),
		failure("endless gzip of nothing", "", endless(fail+"Content-Encoding: gzip\r\n\r\n", gzipped(""))),
		failure("gzip with an endless name", "(", endless(fail+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff", "n")),
		failure("deflate bomb", "(", encoded("deflate", deflated(zeros))),
		failure("br", "(", encoded("br", bomb)),
		failure("zstd", "(", encoded("zstd", bomb)),
		failure("encoding with a long name", "(", encoded(strings.Repeat("x", 60<<10), "a")),
		bad("flood of early hints", endless("", "HTTP/1.1 103 Early Hints\r\n\r\n")),
		bad("flood of 100", endless("", "HTTP/1.1 100 Continue\r\n\r\n")),
		bad("flood of early hints with headers", endless("", "HTTP/1.1 103 Early Hints\r\nLink: </"+strings.Repeat("x", 8<<10)+">\r\n\r\n")),
		bad("1 MB of headers", say(ok+strings.Repeat("X-Some: "+strings.Repeat("x", 1016)+"\r\n", 1024)+"\r\n")),
		bad("1 MB in a header", say(ok+"X-Some: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")),
		bad("headers without end", endless(ok, "X-Some: x\r\n")),
		bad("header without end", endless(ok+"X-Some: ", "x")),
		failure("40 KB of headers", "no", say(fail+strings.Repeat("X-Some: x\r\n", 2000)+"X-Other: "+strings.Repeat("é", 8<<10)+"\r\nContent-Length: 2\r\n\r\nno")),
		bad("status line without end", endless("HTTP/1.1 200 ", "O")),
		bad("noise", endless("", "\x00\xff\x80")),
		bad("empty lines", endless("", "\r\n")),
		bad("another protocol", say("SSH-2.0-OpenSSH_9.9\r\n")),
		bad("a page without a status", say("<html>\r\n\r\n")),
		bad("status 000", say("HTTP/1.1 000 No\r\n\r\n")),
		bad("status 99999", say("HTTP/1.1 99999 No\r\n\r\n")),
		bad("status -200", say("HTTP/1.1 -200 No\r\n\r\n")),
		bad("a header without a colon", say(ok+"no colon\r\n\r\n")),
		bad("a header with a NUL", say(ok+"X-Some: a\x00b\r\nContent-Length: 0\r\n\r\n")),
		failure("chunk extension without end", "", endless(fail+"Transfer-Encoding: chunked\r\n\r\n1;", "x")),
		failure("chunk extensions, one a byte", "aaaa", endless(fail+"Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("x", 100)+"\r\na\r\n")),
		failure("chunk of more than any number", "", say(fail+"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na")),
		failure("chunk of a negative size", "", say(fail+"Transfer-Encoding: chunked\r\n\r\n-1\r\na")),
		failure("trailers without end", "no", endless(fail+"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n", "X-Some: x\r\n")),
		failure("chunked twice and a length", "", say(fail+"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")),
		bad("an unknown transfer encoding", say(fail+"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
		stalling(failure("length too large, held open", "half", say(fail+"Content-Length: 9\r\n\r\nhalf"))),
		failure("length too large, closed", "half", sayAndClose(fail+"Content-Length: 9\r\n\r\nhalf")),
		failure("length of exabytes", "aaaa", endless(fail+"Content-Length: 9223372036854775807\r\n\r\n", "a")),
		failure("length too small", "no", say(fail+"Content-Length: 2\r\n\r\nnothing of this\r\n"+ok+"\r\n")),
		bad("negative length", say(fail+"Content-Length: -1\r\n\r\nno")),
		bad("length beyond any number", say(fail+"Content-Length: 99999999999999999999\r\n\r\nno")),
		bad("two lengths", say(fail+"Content-Length: 2\r\nContent-Length: 3\r\n\r\nno")),
		bad("length in words", say(fail+"Content-Length: two\r\n\r\nno")),
		failure("answer before the request's body", "no", func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, fail+"Content-Length: 2\r\n\r\nno")
				_, _ = io.Copy(io.Discard, c)
			}
		}),
		silent("request never read", hold),
		closed("closed at once", func(net.Conn) {}),
		closed("closed without an answer", sayAndClose("")),
		closed("closed within the headers", sayAndClose(ok+"X-Some: x\r\n")),
		closed("reset without an answer", asked(reset)),
		failure("reset within the body", "", asked(func(c net.Conn) {
			_, _ = io.WriteString(c, fail+"Content-Length: 9\r\n\r\nhalf")
			reset(c)
		})),
		{name: "redirect to itself", answer: say("HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), status: 307, err: webhook.ReasonRedirect},
		{name: "redirect with an endless body", answer: endless("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "a"), status: 302, err: webhook.ReasonRedirect},
		{name: "upgrade", answer: endless("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "x"), status: 101, err: webhook.ReasonBadStatus},
	}
}

// reset closes a TCP connection without the rest of what was written to it.
func reset(c net.Conn) {
	_ = c.(counted).Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}
