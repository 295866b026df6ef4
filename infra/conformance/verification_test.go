package conformance

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/signature"
	"hookline/shared/snippet"
	"hookline/shared/webhook"
)

// together is a dialect whose signature header holds all that is to be known, beside marks that quote in some language.
const together = `{
  "product": "All \"in\" one", "envelope": "{data}", "body": "plain",
  "headers": {"X-Together": "at=\"{unix}\" of/{type}, {signature} (v.0)"},
  "signature": {"signed": "v0:{unix}:{body}:` + "`" + `$é'\"\\", "encoding": "base64", "prefix": "v/1=", "join": ";"},
  "secret": {"key": "base64", "min": 24, "made_bytes": 32},
  "rotation_overlap_seconds": 60, "ladder": ["1s"], "success": "2xx", "timeout_seconds": 5,
  "url": {"schemes": ["https"]}, "content_types": ["application/json", "application/x-www-form-urlencoded"],
  "catalogue": {"events": [{"name": "a.b", "wire_name": "a, $(b) \"it's\"", "description": "It's", "example": {"it's": "$(id) ` + "`id`" + ` \\ \"é\" %s !"}}]}
}`

// ownDialects are a deployment's: that of CONTRIBUTING.md, and together.
func ownDialects(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	parcelbird, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("CONTRIBUTING.md has no description")
	}
	return map[string]string{"parcelbird": parcelbird, "together": together}
}

// TestVerification has the code that the console shows judge what is sent, in every dialect and every language: what was
// sent is accepted; with a changed byte in the body or in a header, with another key, or sent long ago, it is refused.
func TestVerification(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"node", "python3", "openssl", "curl", "go", "sh"} {
		program(t, name)
	}
	s := startSystem(t, t.TempDir(), nil)
	described, err := dialect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*dialect.Dialect)
	for _, name := range described.Names() {
		if all[name], err = described.Dialect(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for name, description := range ownDialects(t) {
		var stored json.RawMessage
		s.do(http.StatusCreated, "PUT", "/v1/dialects/"+name, json.RawMessage(description), &stored)
		if all[name], err = dialect.Parse(stored, nil); err != nil {
			t.Fatal(err)
		}
	}
	if testing.Short() { // under the race detector, where `make test` and `make conformance` have them all
		maps.DeleteFunc(all, func(name string, _ *dialect.Dialect) bool { return name != "standard" })
	}
	languages := write(t, all)
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			tenant := s.in(t).tenant("v-"+name, name)
			events := tenant.everything()
			m := startMailbox(t)
			secret, another := d.NewSecret(), d.NewSecret()
			first := ""
			for _, contentType := range d.ContentTypes {
				hook := tenant.signed(m.URL+"/"+contentType, secret, contentType, events)
				if first == "" {
					first = hook
				}
			}
			tenant.publishAll("first", events)
			var received []delivery
			for _, contentType := range d.ContentTypes {
				for _, got := range m.wait(t, "/"+contentType, "first", events) {
					received = append(received, got.with(func(got *delivery) { got.Code, got.Secret = name, secret }))
				}
			}
			attempts := forged(t, d, received, another)
			if d.MaxOverlap > 0 { // signed with both secrets
				var rotated struct{ Secret string }
				tenant.do(http.StatusOK, "POST", "/v1/webhooks/"+first+"/rotate-secret", map[string]any{}, &rotated)
				tenant.publishAll("second", events[:1])
				for _, got := range m.wait(t, "/"+d.ContentTypes[0], "second", events[:1]) {
					for _, secret := range []string{secret, rotated.Secret} {
						attempts = append(attempts, attempt{"with two signatures", true, got.with(func(got *delivery) { got.Code, got.Secret = name, secret })})
					}
				}
			}
			for _, l := range languages {
				some := attempts
				if l.slow {
					some = few(attempts)
				}
				verdicts := l.judge(t, d, some)
				for i, a := range some {
					if v := verdicts[i]; v.Accepted != a.accepted || v.Error != "" {
						t.Errorf("%s, %s, %s: got accepted=%v %s %s, want accepted=%v\n%.200s", l.name, a.delivery.Headers["webhook-id"], a.what,
							v.Accepted, v.Error, v.Message, a.accepted, a.delivery.Body)
					}
				}
			}
			endpoints(t, tenant, d, languages[0].dir)
		})
	}
}

// few returns the first of each kind of attempt.
func few(attempts []attempt) []attempt {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(attempts), func(a attempt) bool {
		kind := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1 // the byte that was changed
			}
			return r
		}, a.what)
		if seen[kind] {
			return true
		}
		seen[kind] = true
		return false
	})
}

// attempt is a delivery, perhaps forged, and whether it is to be accepted.
type attempt struct {
	what     string
	accepted bool
	delivery delivery
}

// forged returns what was received, and what nobody sent.
func forged(t *testing.T, d *dialect.Dialect, received []delivery, another string) []attempt {
	t.Helper()
	var out []attempt
	v := d.Verification()
	timed := false
	for _, got := range received {
		add := func(what string, accepted bool, change func(*delivery)) {
			out = append(out, attempt{what, accepted, got.with(change)})
		}
		add("as received", true, func(*delivery) {})
		for at := range spread(len(got.Body)) {
			add(fmt.Sprintf("byte %d changed", at), false, func(d *delivery) { d.Body[at] ^= 1 })
		}
		add("a byte more", false, func(d *delivery) { d.Body = append(d.Body, '\n') })
		add("another key", false, func(d *delivery) { d.Secret = another })
		add("no key", false, func(d *delivery) { d.Secret = "" })
		add("no key, signed with none", false, func(d *delivery) { d.Secret = ""; unkeyed(v, d) })
		for _, h := range v.Headers {
			name := strings.ToLower(h.Name)
			signature, at := strings.Contains(h.Value, "{signature}"), strings.Contains(h.Value, "{unix}")
			timed = timed || at
			if !signature && !at {
				continue
			}
			add("without "+name, false, func(d *delivery) { delete(d.Headers, name) })
			add("an empty "+name, false, func(d *delivery) { d.Headers[name] = "" })
			if !signature {
				add("a time of letters", false, func(d *delivery) { d.Headers[name] = "soon" })
				continue
			}
			given := signatureIn(v.Scheme.Prefix, got.Headers[name])
			for at := range spread(len(given)) {
				changed := given[:at] + other(given[at]) + given[at+1:]
				add(fmt.Sprintf("character %d of the signature changed", at), false, func(d *delivery) {
					d.Headers[name] = strings.Replace(d.Headers[name], given, changed, 1)
				})
			}
			add("a signature cut short", false, func(d *delivery) {
				d.Headers[name] = strings.Replace(d.Headers[name], given, given[:len(given)-1], 1)
			})
		}
		if strings.Contains(v.Scheme.Signed, "{id}") {
			add("another id", false, func(d *delivery) { d.Headers["webhook-id"] += "0" })
		}
	}
	if timed { // signed well, but long ago, or in a time to come
		for _, age := range []time.Duration{10 * time.Minute, -10 * time.Minute, time.Minute} {
			m := dialect.Message{EventID: received[0].Headers["webhook-id"], Type: "a.b", Sent: time.Now().Add(-age), Body: []byte(`{}`), Secrets: []string{received[0].Secret}}
			headers, err := d.Headers(m)
			if err != nil {
				t.Fatal(err)
			}
			old := delivery{Code: received[0].Code, Secret: received[0].Secret, Body: m.Body, Headers: map[string]string{}}
			for _, h := range headers {
				old.Headers[strings.ToLower(h.Name)] = h.Value
			}
			out = append(out, attempt{"sent " + age.String() + " ago", age == time.Minute, old})
		}
	}
	return out
}

// unkeyed signs a delivery with the empty key.
func unkeyed(v dialect.Verification, d *delivery) {
	unix := ""
	for _, h := range v.Headers {
		if strings.Contains(h.Value, "{unix}") {
			unix = regexp.MustCompile(`\d{10}`).FindString(d.Headers[strings.ToLower(h.Name)])
		}
	}
	signed := strings.NewReplacer("{id}", d.Headers["webhook-id"], "{unix}", unix, "{body}", string(d.Body)).Replace(v.Scheme.Signed)
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(signed))
	digest := hex.EncodeToString(mac.Sum(nil))
	if v.Scheme.Encoding == signature.Base64 {
		digest = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	for _, h := range v.Headers {
		if name := strings.ToLower(h.Name); strings.Contains(h.Value, "{signature}") {
			d.Headers[name] = strings.Replace(d.Headers[name], signatureIn(v.Scheme.Prefix, d.Headers[name]), v.Scheme.Prefix+digest, 1)
		}
	}
}

// signatureIn returns the first signature of a header's value, its prefix with it.
func signatureIn(prefix, value string) string {
	value = value[strings.Index(value, prefix):]
	end := len(prefix)
	for end < len(value) && (value[end] == '+' || value[end] == '/' || value[end] == '=' || value[end] >= '0' && value[end] <= '9' ||
		value[end] >= 'A' && value[end] <= 'Z' || value[end] >= 'a' && value[end] <= 'z') {
		end++
	}
	return value[:end]
}

// language judges deliveries by the code of their dialects.
type language struct {
	name, dir string
	slow      bool     // it is a process for each
	run       *process // of the others
}

// write puts the code of every dialect into folders, and starts what runs it.
func write(t *testing.T, all map[string]*dialect.Dialect) []language {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var imports, cases strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		code, err := snippet.Of(all[name].Verification())
		if err != nil || len(code) != 4 {
			t.Fatalf("%s: got %d snippets, %v, want 4", name, len(code), err)
		}
		for _, s := range code {
			file(filepath.Join(name, s.File), s.Code)
			if s.Endpoint != "" {
				file(filepath.Join(name, "endpoint"+filepath.Ext(s.File)), s.Endpoint)
			}
		}
		fmt.Fprintf(&imports, "\t%s %q\n", name, "receiver/"+name)
		fmt.Fprintf(&cases, "\t%q: {%s.Verify, %s.Handler},\n", name, name, name)
	}
	file("go.mod", "module receiver\n\ngo 1.24\n")
	file("main.go", strings.NewReplacer("IMPORTS", imports.String(), "CASES", cases.String()).Replace(goRunner))
	for _, args := range [][]string{{"vet", "./..."}, {"build", "-o", "receiver"}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	return []language{
		{name: "Node", dir: dir, run: startProcess(t, exec.CommandContext(t.Context(), "node", "testdata/verifying/run.mjs", dir))},
		{name: "Python", run: startProcess(t, exec.CommandContext(t.Context(), "python3", "testdata/verifying/run.py", dir))},
		{name: "Go", run: startProcess(t, exec.CommandContext(t.Context(), filepath.Join(dir, "receiver")))},
		{name: "openssl", dir: dir, slow: true},
	}
}

// goRunner is run.mjs in Go; it also has the handler answer, which must agree.
const goRunner = `package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

IMPORTS)

var dialects = map[string]struct {
	verify  func([]byte, http.Header, string) bool
	handler func(string) http.Handler
}{
CASES}

func main() {
	log.SetOutput(io.Discard)
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var d struct {
			Code, Secret string
			Headers      map[string]string
			Body         []byte
		}
		if in.Decode(&d) != nil {
			return
		}
		r := httptest.NewRequest("POST", "/", bytes.NewReader(d.Body))
		for name, value := range d.Headers {
			r.Header.Set(name, value)
		}
		accepted := dialects[d.Code].verify(d.Body, r.Header, d.Secret)
		w := httptest.NewRecorder()
		dialects[d.Code].handler(d.Secret).ServeHTTP(w, r)
		answer := map[string]any{"accepted": accepted}
		if (w.Code == http.StatusOK) != accepted {
			answer["error"] = "the handler says otherwise"
		}
		if out.Encode(answer) != nil {
			return
		}
	}
}
`

func (l language) judge(t *testing.T, d *dialect.Dialect, attempts []attempt) []verdict {
	t.Helper()
	verdicts := make([]verdict, len(attempts))
	if l.slow {
		for i, a := range attempts {
			verdicts[i] = l.shell(t, d, a.delivery)
		}
		return verdicts
	}
	asked := make(chan error, 1)
	go func() {
		for _, a := range attempts {
			if err := l.run.in.Encode(a.delivery); err != nil {
				asked <- err
				return
			}
		}
		asked <- nil
	}()
	for i := range attempts {
		if err := l.run.out.Decode(&verdicts[i]); err != nil {
			t.Fatalf("%s has no verdict: %v", l.name, err)
		}
	}
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	return verdicts
}

// shell runs verify.sh as its first lines say.
func (l language) shell(t *testing.T, d *dialect.Dialect, got delivery) verdict {
	t.Helper()
	script := filepath.Join(l.dir, got.Code, "verify.sh")
	usage, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, got.Body, 0o644); err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(usage), "sh verify.sh body.json ")
	line, _, _ = strings.Cut(line, "\n")
	args := []string{script, body}
	for part := range strings.SplitSeq(line, `"value of `) {
		if name, _, ok := strings.Cut(part, `"`); ok {
			args = append(args, got.Headers[strings.ToLower(name)])
		}
	}
	if want := strings.Count(line, "value of"); len(args) != want+2 || want == 0 {
		t.Fatalf("%s: got %d headers to give, want %d", d.Name, len(args)-2, want)
	}
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+got.Secret)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case err == nil && string(out) == "accepted\n":
		return verdict{Accepted: true}
	case err != nil && strings.HasPrefix(stderr.String(), "refused: ") && len(out) == 0:
		return verdict{}
	}
	return verdict{Error: fmt.Sprint(err), Message: stderr.String()}
}

// endpoints has the whole endpoints take a test and turn away a webhook with another secret, and a signed example.
func endpoints(t *testing.T, tenant client, d *dialect.Dialect, dir string) {
	t.Helper()
	secret := d.NewSecret()
	for _, args := range [][]string{{"node", "endpoint.mjs"}, {"python3", "-u", "endpoint.py"}} {
		port := freePort(t)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env = filepath.Join(dir, d.Name), append(os.Environ(), "PORT="+port, "WEBHOOK_SECRET="+secret)
		printed, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
		})
		url := "http://127.0.0.1:" + port + "/webhooks"
		until(t, soon, args[0]+" listens", func() (bool, any) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil, err
		})
		for given, want := range map[string]int{secret: http.StatusOK, d.NewSecret(): http.StatusUnauthorized} {
			var tried struct {
				StatusCode int `json:"status_code"`
			}
			hook := tenant.signed(url, given, d.ContentTypes[0], []event{{eventType: webhook.TestType}})
			tenant.do(http.StatusOK, "POST", "/v1/webhooks/"+hook+"/test", map[string]any{}, &tried)
			if tried.StatusCode != want {
				t.Errorf("%s: got %d, want %d", args[1], tried.StatusCode, want)
			}
		}
		send(t, tenant, d, filepath.Join(dir, d.Name), url, secret)
		lines := bufio.NewScanner(printed)
		for range 2 { // the test and the example
			if !lines.Scan() || !strings.Contains(lines.Text(), "evt_") {
				t.Errorf("%s printed %q, want the event", args[1], lines.Text())
			}
		}
	}
}

// send has the shell's commands send an example to an endpoint, signed with the endpoint's secret and with another.
func send(t *testing.T, tenant client, d *dialect.Dialect, dir, url, secret string) {
	t.Helper()
	var example snippet.Request
	var preview struct {
		Body    string
		Headers map[string]string
	}
	eventType := d.EventTypes()[0].Name
	tenant.do(http.StatusOK, "GET", "/v1/event-types/"+eventType+"/preview", nil, &preview)
	example.Type, example.Body = d.WireName(eventType), preview.Body
	for name, value := range preview.Headers {
		example.Headers = append(example.Headers, dialect.Header{Name: name, Value: value})
	}
	script, err := snippet.Send(d.Verification(), example)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "send.sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]int{secret: http.StatusOK, d.NewSecret(): http.StatusUnauthorized} {
		cmd := exec.CommandContext(t.Context(), "sh", file, url)
		cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+given)
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), " "+strconv.Itoa(want)+" ") {
			t.Errorf("send.sh: got %s, %v, want %d", out, err, want)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
