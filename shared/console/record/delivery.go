package record

import (
	"net/url"
	"strings"

	"hookline/shared/api"
	"hookline/shared/layout"
	"hookline/shared/webhook"
)

// Delivery is a delivery with its request and its attempts.
type Delivery struct{ api.DeliveryDetail }

// Pretty is the body's JSON laid out for reading, or the JSON in a form's field. It is empty if there is none.
func (d *Delivery) Pretty() layout.Text {
	if d.Body == nil {
		return layout.Text{}
	}
	text := *d.Body
	if d.Form() {
		fields, err := url.ParseQuery(text)
		if err != nil {
			return layout.Text{}
		}
		text = fields.Get("payload")
	}
	out, _ := layout.JSON([]byte(text), layout.MaxBytes)
	return out
}

// Exact is the body byte for byte.
func (d *Delivery) Exact() layout.Text {
	if d.Body == nil {
		return layout.Text{}
	}
	return layout.Cut(*d.Body, layout.MaxBytes)
}

// Form reports whether the body is a form, and not JSON.
func (d *Delivery) Form() bool { return d.RequestHeaders["Content-Type"] == webhook.ContentForm }

// File is the name under which the body is downloaded.
func (d *Delivery) File() string {
	if d.Form() {
		return strings.TrimSuffix(FileName(d.ID), ".json") + ".txt"
	}
	return FileName(d.ID)
}

// Masked reports whether a header's value is not shown.
func (d *Delivery) Masked() bool {
	for _, value := range d.RequestHeaders {
		if value == webhook.Mask {
			return true
		}
	}
	return false
}

// FileName returns a file's name for the JSON of something with this id. An id can contain colons, which some systems refuse
// in names.
func FileName(id string) string { return strings.ReplaceAll(id, ":", "-") + ".json" }
