// Package receiver is a webhook receiver to try deliveries on, for people and for tests. It verifies signatures as any
// dialect's receivers do, prints what comes, remembers it, and fails on request, by the path:
//
//	/500, /503, /410 …   that status, any from 200 to 599
//	/429                 429 with Retry-After: 10; /429/60 with another number of seconds
//	/timeout             no answer until the sender gives up
//	/slow                200 after 5 s; /slow/2 after 2 s
//	/redirect            302 to /redirected
//	/flaky/3             500 for the first 3 attempts of each webhook-id, then 200
//	anything else        200
//
// Chat messages come unsigned, and are printed as such.
//
// GET / is a page of what came last, and GET /received the same as JSON. Attempts are counted by path and webhook-id, so
// that one event on its way to several paths is several. Everything is kept in memory, the latest 1,000 requests with
// their bodies left out. It is no server for production: nothing in it limits who may call.
package receiver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/layout"
)

const (
	maxBody    = 4 << 20
	maxKept    = 1000
	maxOnPage  = 50
	slowAnswer = 5 * time.Second
	retryAfter = 10
	idHeader   = "webhook-id"
)

// Options of a Receiver.
type Options struct {
	Dialect *dialect.Dialect
	Secret  string    // "" leaves signatures unchecked
	Out     io.Writer // nil prints nothing
	Now     func() time.Time
}

// Received is a request that came.
type Received struct {
	ID       string    `json:"id"` // of the event, from webhook-id; "" if there was none
	Type     string    `json:"type"`
	Path     string    `json:"path"`
	Attempt  int       `json:"attempt"`  // how many came to this path with this id, this one included
	Verified *bool     `json:"verified"` // nil: not checked
	Status   int       `json:"status"`   // answered; 0 none
	At       time.Time `json:"at"`
}

// Receiver is an http.Handler.
type Receiver struct {
	check *verifier
	out   io.Writer
	now   func() time.Time

	mu       sync.Mutex
	attempts map[visit]int
	total    int
	kept     []Received // oldest first
	lines    []string   // oldest first, for the page
}

type visit struct{ path, id string }

// New returns a Receiver. A secret that is none in the dialect is an error.
func New(o Options) (*Receiver, error) {
	check, err := newVerifier(o.Dialect, o.Secret)
	if err != nil {
		return nil, err
	}
	r := &Receiver{check: check, out: o.Out, now: o.Now, attempts: make(map[visit]int)}
	if r.out == nil {
		r.out = io.Discard
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r, nil
}

// Received returns the latest requests, oldest first, and how many came in all.
func (r *Receiver) Received() (latest []Received, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Received{}, r.kept...), r.total
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		switch req.URL.Path {
		case "/":
			r.page(w)
			return
		case "/received":
			r.json(w)
			return
		case "/favicon.ico":
			w.WriteHeader(http.StatusNotFound)
			return
		}
	}
	// Only once the body is read does the server notice that the sender hangs up.
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "the body broke off or is too large", http.StatusBadRequest)
		return
	}
	a := r.receive(req, body)
	if a.wait != 0 {
		select {
		case <-req.Context().Done():
			panic(http.ErrAbortHandler) // to return would be to answer 200
		case <-after(a.wait):
		}
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		fmt.Fprintln(w, http.StatusText(a.status))
	}
}

// receive records and prints a request before it is answered, so that one without an answer shows at once.
func (r *Receiver) receive(req *http.Request, body []byte) answer {
	now := r.now()
	got := Received{ID: req.Header.Get(idHeader), Type: r.check.eventType(req.Header, body), Path: req.URL.Path, At: now.UTC()}
	judgement := r.check.judge(req.Header, body, now)
	got.Verified = judgement.verified

	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts[visit{got.Path, got.ID}]++
	got.Attempt = r.attempts[visit{got.Path, got.ID}]
	a := answerTo(got.Path, got.Attempt)
	if a.wait >= 0 {
		got.Status = a.status
	}
	line := printable(fmt.Sprintf("%s  %s %s  %s  %s  attempt %d  %s  → %s",
		now.Format("15:04:05.000"), req.Method, got.Path, cmp.Or(got.Type, "no type"), cmp.Or(got.ID, "no webhook-id"),
		got.Attempt, judgement, a))
	r.total++
	r.kept = append(r.kept, got)
	r.kept = r.kept[max(0, len(r.kept)-maxKept):]
	r.lines = append(r.lines, line)
	r.lines = r.lines[max(0, len(r.lines)-maxOnPage):]
	fmt.Fprint(r.out, line+"\n"+show(req.Header, body))
	return a
}

func (r *Receiver) page(w http.ResponseWriter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprintf(w, "%d received, the latest last (GET /received for JSON)\n\n", r.total)
	for _, line := range r.lines {
		fmt.Fprintln(w, line)
	}
}

func (r *Receiver) json(w http.ResponseWriter) {
	latest, total := r.Received()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"total": total, "data": latest}) // the client may be gone
}

// answer is what a path asks for.
type answer struct {
	status int
	wait   time.Duration // before it; negative: for ever
	header map[string]string
}

func (a answer) String() string {
	switch {
	case a.wait < 0:
		return "no answer"
	case a.wait > 0:
		return fmt.Sprintf("%d after %v", a.status, a.wait)
	}
	return strconv.Itoa(a.status)
}

func answerTo(path string, attempt int) answer {
	name, arg, _ := strings.Cut(strings.Trim(path, "/"), "/")
	n, err := strconv.Atoi(arg)
	given := err == nil && n >= 0 && n <= 3600
	switch name {
	case "timeout":
		return answer{wait: -1}
	case "slow":
		a := answer{status: http.StatusOK, wait: slowAnswer}
		if given {
			a.wait = time.Duration(n) * time.Second
		}
		return a
	case "redirect":
		return answer{status: http.StatusFound, header: map[string]string{"Location": "/redirected"}}
	case "flaky":
		if !given {
			n = 3
		}
		if attempt <= n {
			return answer{status: http.StatusInternalServerError}
		}
		return answer{status: http.StatusOK}
	}
	status, err := strconv.Atoi(name)
	if err != nil || status < 200 || status > 599 {
		return answer{status: http.StatusOK}
	}
	a := answer{status: status}
	if status == http.StatusTooManyRequests {
		if !given {
			n = retryAfter
		}
		a.header = map[string]string{"Retry-After": strconv.Itoa(n)}
	}
	return a
}

// after is time.After that also knows for ever.
func after(wait time.Duration) <-chan time.Time {
	if wait < 0 {
		return nil
	}
	return time.After(wait)
}

// show returns a body as indented text, or as one line that is cut when it is long or no JSON.
func show(h http.Header, body []byte) string {
	const (
		indent   = "    "
		maxShown = 4000
		maxLine  = 300
	)
	if len(body) == 0 {
		return ""
	}
	label, text := "", string(body)
	if mediaType, _, _ := mime.ParseMediaType(h.Get("Content-Type")); mediaType == "application/x-www-form-urlencoded" {
		if form, err := url.ParseQuery(text); err == nil && form.Has("payload") {
			label, text = "payload=", form.Get("payload")
		}
	}
	if pretty, ok := layout.JSON([]byte(text), maxShown); ok && pretty.Whole {
		return indent + label + printable(strings.ReplaceAll(pretty.Text, "\n", "\n"+indent)) + "\n"
	}
	line := []rune(printable(label + strings.ReplaceAll(text, "\n", " ")))
	if len(line) > maxLine {
		return indent + string(line[:maxLine]) + fmt.Sprintf("… (%d bytes)\n", len(body))
	}
	return indent + string(line) + "\n"
}

// printable replaces what could move a terminal's cursor or change its colours.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
