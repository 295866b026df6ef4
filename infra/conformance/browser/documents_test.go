package browser

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// A document is in testdata/documents as it was published, and beside it sentence by sentence, in blocks that say what
// holds them:
//
//	>> step NAME        a step of the document's journey through the console
//	>> says PATH        the page says so, in these words; after a colon: in those, all of them, with | between
//	>> test NAME        a test elsewhere
//	>> code             the document's own code, which the tests of infra/conformance run
//	>> none REASON      nothing that can be held: a heading, advice on other people's programs
//
// A sentence that stands in a document and in no block fails the test, and so does one that no longer stands in it.
const documents = "testdata/documents"

// block is sentences that are held together.
type block struct {
	kind, what string
	sentences  []string
}

// sentences splits a line where one ends; "e.g." and numbers of a list end none.
func sentences(line string) []string {
	var out []string
	var words []string
	all := strings.Split(line, " ")
	for i, w := range all {
		words = append(words, w)
		ends := w != "" && strings.Contains(".!?", w[len(w)-1:]) && !strings.HasSuffix(w, "e.g.")
		if ends && len(words) >= 3 && i+1 < len(all) && startsUpper(all[i+1]) {
			out = append(out, strings.Join(words, " "))
			words = nil
		}
	}
	if rest := strings.TrimSpace(strings.Join(words, " ")); rest != "" {
		out = append(out, rest)
	}
	return out
}

func startsUpper(s string) bool { return s != "" && unicode.IsUpper([]rune(s)[0]) }

func documentNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(documents + "/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".txt"))
	}
	if len(names) < 5 {
		t.Fatalf("documents: got %q, want five at least", names)
	}
	return names
}

func readDocument(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(documents, file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// blocks reads a document's blocks.
func blocks(t *testing.T, document string) []block {
	t.Helper()
	var out []block
	for _, line := range readDocument(t, document+".steps") {
		if head, ok := strings.CutPrefix(line, ">> "); ok {
			kind, what, _ := strings.Cut(head, " ")
			out = append(out, block{kind: kind, what: what})
		} else if line != "" {
			if len(out) == 0 {
				t.Fatalf("%s.steps: %q stands before the first block", document, line)
			}
			out[len(out)-1].sentences = append(out[len(out)-1].sentences, line)
		}
	}
	return out
}

// TestDocumentsAreMapped holds the blocks to the documents, and what they name to what there is. It needs no browser.
func TestDocumentsAreMapped(t *testing.T) {
	for _, document := range documentNames(t) {
		t.Run(document, func(t *testing.T) {
			var want, got []string
			for _, line := range readDocument(t, document+".txt") {
				want = append(want, sentences(line)...)
			}
			steps := make(map[string]bool)
			for _, s := range journeys[document].steps {
				if steps[s.name] {
					t.Errorf("step %q is there twice", s.name)
				}
				steps[s.name] = true
			}
			used := make(map[string]bool)
			for _, b := range blocks(t, document) {
				got = append(got, b.sentences...)
				if len(b.sentences) == 0 {
					t.Errorf("%s %s: no sentence", b.kind, b.what)
				}
				for _, complaint := range b.unheld(t, document, steps) {
					t.Error(complaint)
				}
				if b.kind == "step" {
					used[b.what] = true
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the document's sentences and those of the blocks (-document +blocks):\n%s", diff)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(steps)), slices.Sorted(maps.Keys(used))); diff != "" {
				t.Errorf("steps (-there +named by a block):\n%s", diff)
			}
		})
	}
}

// unheld says what a block names that is not there.
func (b block) unheld(t *testing.T, document string, steps map[string]bool) []string {
	switch b.kind {
	case "step":
		if !steps[b.what] {
			return []string{fmt.Sprintf("there is no step %q", b.what)}
		}
	case "test":
		if !slices.Contains(tests(t), b.what) {
			return []string{fmt.Sprintf("there is no test %q", b.what)}
		}
	case "says":
		if !strings.HasPrefix(b.what, "/console/") {
			return []string{fmt.Sprintf("says %q: not a page", b.what)}
		}
	case "code":
		b2, err := os.ReadFile("../testdata/snippets/" + document + ".txt")
		if err != nil {
			return []string{err.Error()}
		}
		var out []string
		for _, s := range b.sentences {
			if !strings.Contains(string(b2), s) {
				out = append(out, fmt.Sprintf("%q is no code of testdata/snippets", s))
			}
		}
		return out
	case "none":
		reasons := []string{"heading", "what it is good for", "an example of what a server does", "the receiver's own doing"}
		if !slices.Contains(reasons, b.what) {
			return []string{fmt.Sprintf("%q is no reason", b.what)}
		}
	default:
		return []string{fmt.Sprintf("%q is no kind of block", b.kind)}
	}
	return nil
}

// journey is a tenant's way through the console, as the product's document describes it.
type journey struct {
	dialect string
	steps   []step
}

// step does what sentences of a document say, and holds what is then to be seen to them.
type step struct {
	name string
	do   func(*visitor)
}

// visitor is somebody on a journey.
type visitor struct {
	*tab
	c    tenant
	made map[string]made // webhooks and sources of earlier steps
}

var journeys = map[string]journey{
	"axoria":     {"axoria", axoriaSteps},
	"agiletune":  {"agiletune", agiletuneSteps},
	"codmir":     {"codmir", codmirSteps},
	"axiestudio": {"axiestudio", axiestudioSteps},
	"axify":      {"standard", axifySteps},
}

// TestBrowserDocuments goes each document's way.
func TestBrowserDocuments(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	for _, document := range documentNames(t) {
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			j := journeys[document]
			c := s.tenant(t, name(document), j.dialect, map[string]any{"notify_email": document + "@example.com"})
			v := &visitor{s.tab(t), c, make(map[string]made)}
			v.signIn(c)
			for _, step := range j.steps {
				v.stage(t, "step "+step.name, step.do)
			}
			for _, b := range blocks(t, document) {
				if b.kind == "says" {
					v.stage(t, "says "+b.what, func(v *visitor) { v.says(b) })
				}
			}
		})
	}
}

// stage runs a part of a journey as a test of its own.
func (v *visitor) stage(t *testing.T, name string, do func(*visitor)) {
	t.Run(name, func(t *testing.T) {
		whole, api := v.tab.t, v.c.t
		v.tab.t, v.c.t = t, t
		defer func() { v.tab.t, v.c.t = whole, api }()
		v.takeComplaints() // of a stage that failed before its end
		do(v)
		v.forgive("422 (Unprocessable Entity)")
		for _, c := range v.takeComplaints() {
			t.Error(c)
		}
	})
}

// says holds a page to a block's sentences.
func (v *visitor) says(b block) {
	v.t.Helper()
	path, phrases, other := strings.Cut(b.what, ": ")
	if v.path() != path {
		v.open(path)
	}
	want := b.sentences
	if other {
		want = strings.Split(phrases, " | ")
	}
	text := plain(get[string](v.tab, `document.querySelector("main").textContent`))
	for _, s := range want {
		if s = plain(s); !strings.Contains(text, s) {
			v.t.Errorf("%s does not say %q", path, s)
		}
	}
}

// plain is a sentence without what printing adds: a bullet or number before it, marks, quotes, spaces, case.
func plain(s string) string {
	s = strings.TrimLeft(s, "- ")
	if number, rest, ok := strings.Cut(s, ". "); ok && strings.Trim(number, "0123456789") == "" {
		s = rest
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// elsewhere is the same visitor at another system, as a tenant of its own.
func (v *visitor) elsewhere(launched func() (*system, error), dialect string) *visitor {
	v.t.Helper()
	s, err := launched()
	if err != nil {
		v.t.Fatal(err)
	}
	c := s.tenant(v.t, name(dialect), dialect, nil)
	out := &visitor{s.tab(v.t), c, make(map[string]made)}
	out.signIn(c)
	return out
}
