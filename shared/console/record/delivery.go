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

// Pretty is the body's JSON laid out for reading, of a form that of its field; empty where there is none.
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

// FileName names the file that holds the JSON of something with an id. An id can have colons; a file's name cannot have
// them everywhere.
func FileName(id string) string { return strings.ReplaceAll(id, ":", "-") + ".json" }
