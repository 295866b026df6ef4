package console

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"hookline/shared/layout"
	"hookline/shared/payload"
	"hookline/shared/snippet"
)

// Pages show of any text what layout.MaxBytes allows, of a list's texts less of each, and lead to the whole of it.
const (
	maxListed = 16 << 10        // bytes of each text where a page has many
	maxArgued = snippet.MaxBody // bytes of a body that a command holds; a longer one is in a file beside it
)

// pretty lays JSON out for people; text that is no JSON stays as it is.
func pretty(raw []byte) layout.Text { return layout.Readable(raw, layout.MaxBytes) }

// indented lays JSON out for a field that is sent back: whole, or else as it is. It returns "" for what is no JSON.
func indented(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	out, ok := layout.JSON(raw, layout.MaxBytes)
	if ok && !out.Whole {
		return string(raw)
	}
	return out.Text
}

// download answers with a file, byte for byte.
func (v *visit) download(name, contentType string, body []byte) {
	h := v.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(body) // a visitor who is gone needs no file
}

const jsonType = "application/json"

// deploymentReport is a deployment's report as it came. The API, which writes JSON its own way, says whether the visitor
// may have it; the bytes are the store's.
func (v *visit) deploymentReport() {
	var shown deploymentView
	err := v.get("/v1/deployments/"+url.PathEscape(v.r.PathValue("id")), nil, &shown)
	if err != nil {
		v.failed(err)
		return
	}
	kept, err := v.Store.Deployment(v.r.Context(), v.tenant.ID, shown.ID)
	var report []byte
	if err == nil {
		report, err = payload.Unpack(kept.Payload)
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.download(shown.ID+".json", jsonType, report)
}

// eventData is an event's data as it is kept.
func (v *visit) eventData() {
	var shown loggedView
	err := v.get("/v1/events/"+url.PathEscape(v.r.PathValue("id")), nil, &shown)
	if v.logOff(err) {
		return
	}
	if err != nil {
		v.failed(err)
		return
	}
	v.download(fileOf(shown.ID), jsonType, shown.Data)
}

// deliveryBody is the body that a delivery sends.
func (v *visit) deliveryBody() {
	var shown sentView
	if err := v.get("/v1/deliveries/"+url.PathEscape(v.r.PathValue("id")), nil, &shown); err != nil {
		v.failed(err)
		return
	}
	if shown.Body == nil {
		v.sorry(http.StatusNotFound, "The body is gone", "It is no longer kept.")
		return
	}
	contentType := jsonType
	if shown.form() {
		contentType = shown.RequestHeaders["Content-Type"]
	}
	v.download(shown.File(), contentType, []byte(*shown.Body))
}

// fileOf names the file that holds something with an id. What an id can hold beside these characters, a file's name cannot
// everywhere.
func fileOf(id string) string {
	name := []byte(id)
	for i, c := range name {
		if c == ':' {
			name[i] = '-'
		}
	}
	return string(name) + ".json"
}

// eventTypeExample and eventTypeSchema are those of an event type, as the dialect has them.
func (v *visit) eventTypeExample() {
	v.described("example", func(e catalogueEntry) json.RawMessage { return e.Example })
}

func (v *visit) eventTypeSchema() {
	v.described("schema", func(e catalogueEntry) json.RawMessage { return e.Schema })
}

func (v *visit) described(what string, part func(catalogueEntry) json.RawMessage) {
	e, ok := v.entry()
	if !ok {
		return
	}
	if raw := part(e); raw != nil {
		v.download(e.Name+"."+what+".json", jsonType, raw)
		return
	}
	v.notFound()
}
