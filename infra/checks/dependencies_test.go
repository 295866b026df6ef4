package checks

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// unjustified returns the direct dependencies and tools of a go.mod that have no line in a guide's section Dependencies, and
// the lines there that are about none.
func unjustified(gomod, guide string) (wrong []string) {
	var direct []string
	block := ""
	for line := range strings.Lines(gomod) {
		line = strings.TrimSpace(line)
		switch word, rest, _ := strings.Cut(line, " "); {
		case line == ")":
			block = ""
		case (word == "require" || word == "tool") && rest == "(":
			block = word
		case block == "require" && !strings.HasSuffix(line, "// indirect"), block == "tool":
			direct = append(direct, word)
		case word == "require" && !strings.HasSuffix(line, "// indirect"), word == "tool":
			path, _, _ := strings.Cut(rest, " ")
			direct = append(direct, path)
		}
	}
	_, section, _ := strings.Cut(guide, "\n## Dependencies\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var said []string
	for line := range strings.Lines(section) {
		if name, why, ok := strings.Cut(strings.TrimPrefix(line, "- `"), "` "); ok && strings.HasPrefix(line, "- `") && strings.TrimSpace(why) != "" {
			said = append(said, name)
		}
	}
	for _, name := range direct {
		if !slices.Contains(said, name) {
			wrong = append(wrong, name+": no line says why it is here")
		}
	}
	for _, name := range said {
		if !slices.Contains(direct, name) {
			wrong = append(wrong, name+": it is not in go.mod")
		}
	}
	return wrong
}

func TestDependencies(t *testing.T) {
	const gomod = "module m\n\nrequire one.example/a v1.0.0\n\nrequire (\n\ttwo.example/b v1.0.0\n\tthree.example/c v1.0.0 // indirect\n)\n\ntool four.example/d\n"
	got := unjustified(gomod, "# G\n\n## Dependencies\n\n- `one.example/a` does it.\n- `five.example/e` did.\n\n## More\n\n- `two.example/b` elsewhere.\n")
	want := []string{"two.example/b: no line says why it is here", "four.example/d: no line says why it is here", "five.example/e: it is not in go.mod"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var texts [2]string
	for i, name := range []string{"../../go.mod", "../../CONTRIBUTING.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	for _, wrong := range unjustified(texts[0], texts[1]) {
		t.Error(wrong)
	}
}
