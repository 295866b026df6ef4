package browser

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestBrowserDialects makes a dialect in the operators' editor, has it refuse mistakes, and deletes it.
func TestBrowserDialects(t *testing.T) {
	need(t)
	t.Parallel()
	s := start(t, systems.usual)
	b := s.tab(t)
	b.open("/console/sign-in?to=/console/admin/dialects")
	b.fill("API key", adminKey)
	b.click("Sign in")
	b.heading("Dialects")
	b.look("the dialects", everywhere()...)
	b.open("/console/admin/dialects/axoria")
	b.sees("is built in", "X-Axoria-Signature")
	b.look("a built-in dialect", apart...)

	b.click("Copy")
	b.heading("New dialect")
	b.click("Make the dialect")
	b.refused("name")
	b.sees("Give it a name")
	b.look("a new dialect without a name", apart...)
	b.fill("Name", name("parcels"))
	b.click("Make the dialect")
	b.sees("Version 1 is saved")
	own := b.path()
	b.look("a dialect of one's own", everywhere()...)

	b.click("Send an example to a URL")
	b.fill("URL", s.hook+"/500")
	b.click("Send")
	b.sees("500 Internal Server Error", "signed with a secret")
	b.look("an example that was sent", apart...)

	// While somebody writes, the faults and the examples follow.
	description := get[string](b, `document.getElementById("description").value`)
	broken := strings.Replace(strings.Replace(description, `"sha256="`, `"é"`, 1), `"plain"`, `"fancy"`, 1)
	b.fill("Description", broken)
	b.refused("description")
	b.sees("2 faults in the description", `must be "plain" or "ecmascript"`)
	line := strings.Count(broken[:strings.Index(broken, `"prefix"`)], "\n")
	b.click("Line " + strconv.Itoa(line+1))
	wait(b, `"prefix": "é"`, `(t => t.value.slice(t.selectionStart).split("\n")[0])(document.activeElement)`)
	b.click("Save as version 2")
	wait(b, `"body": "fancy",`, `(t => t.value.slice(t.selectionStart).split("\n")[0])(document.activeElement)`) // the first of them
	b.forgive("422 (Unprocessable Entity)")
	b.look("a description with faults", everywhere()...)
	long := strings.Repeat("W", 300)
	b.fill("Description", strings.NewReplacer(`"X-Axoria-Signature"`, `"X-Parcel-Signature"`, `"product": "Axoria"`, `"product": "`+long+`"`).Replace(description))
	b.sees("X-Parcel-Signature: sha256=")
	wait(b, "", `document.getElementById("faults").textContent`)
	b.click("Save as version 2")
	b.sees("Version 2 is saved", long)
	b.look("a dialect with a long name", apart...)
	b.open("/console/admin/dialects")
	b.look("a list with a long name", apart...)
	b.open(own)

	b.click("Delete")
	b.dialog("Delete the dialect " + own[strings.LastIndex(own, "/")+1:] + "?")
	b.look("the question before a dialect is deleted", apart...)
	b.keys(kb.Escape)
	b.closed()
	b.click("Delete")
	wait(b, true, "P.open()")
	b.click("Delete")
	b.at("/console/admin/dialects")
	b.lacks(own)
}
