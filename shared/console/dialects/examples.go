package dialects

import (
	"errors"
	"strconv"
	"strings"

	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
	"hookline/shared/httpapi"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// example is an event type with the requests that its example makes.
type example struct {
	Name, WireName, Description string
	Soon                        bool   // it is only announced, and has no requests
	None                        bool   // it has no example: the data of a test stands in its place
	Problem                     string // why the example cannot be sent, or does not pass its schema
	Requests                    []request
	Left                        bool // its requests are left out, because the page is long
	Open                        bool
}

// request is an example as it is sent with a content type.
type request struct {
	ContentType string
	Headers     []dialect.Header
	Body        layout.Text
}

// maxShown bounds the bytes of all requests on a page. All examples are tried; those beyond it are only listed.
const maxShown = 256 << 10

// try makes the requests of all examples, and the code that verifies them.
func (p *editorPage) try(faults []webhook.FieldError) error {
	if p.Draft == nil {
		return nil
	}
	inSchema := make(map[string]string)
	for _, f := range faults {
		inSchema[f.Field] = f.Message
	}
	var first *receiver.Preview
	shown := 0
	for i, t := range p.Draft.EventTypes() {
		e := example{Name: t.Name, Description: t.Description, Soon: t.ComingSoon, None: t.Example == nil}
		e.WireName = t.WireName
		if !e.Soon {
			e.Problem = inSchema["catalogue.events."+strconv.Itoa(i)+".example"]
			plain, err := e.send(p.Draft)
			if err != nil {
				return err
			}
			if first == nil {
				first = plain
				e.Open = true
			}
		}
		if e.Problem != "" {
			p.Failing++
		}
		size := 0
		for _, q := range e.Requests {
			size += 512 + len(q.Body.Text)
		}
		if e.Left = shown+size > maxShown; e.Left {
			e.Requests = nil
		} else {
			shown += size
		}
		p.Examples = append(p.Examples, e)
	}
	var err error
	p.Code, err = receiver.CodeFor(p.Draft, first)
	return err
}

// send makes the requests of the example. An example that cannot be sent has a problem, and no requests.
func (e *example) send(d *dialect.Dialect) (*receiver.Preview, error) {
	got, err := httpapi.PreviewOf(d, e.Name)
	if refusal, ok := errors.AsType[*webhook.Error](err); ok && refusal.Kind != webhook.Internal {
		e.Problem = refusal.Message
		for _, f := range refusal.Fields {
			e.Problem = "its " + f.Field + " " + f.Message
		}
		return nil, nil //nolint:nilnil // there is no preview, and that is no failure
	}
	if err != nil {
		return nil, err
	}
	for _, q := range got.Requests {
		e.Requests = append(e.Requests, request{q.ContentType, q.Headers, layout.Cut(q.Body, page.MaxListed)})
	}
	return &receiver.Preview{Type: got.Type, Format: got.Format, Body: got.Body, Headers: got.Headers}, nil
}

// Said is the problem as a sentence.
func (e example) Said() string { return words.Sentence(strings.TrimSuffix(e.Problem, ".")) }
