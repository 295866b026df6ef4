package ingest

import (
	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Checked is an event that was checked, its data read. Check makes it, and nothing else does; Publish takes it without
// another look.
type Checked struct {
	in      Input
	content ecmajson.Text // in's data; the zero Text where that is no JSON
	hash    string        // what tells it apart from others of its id; "" where it has none
	fine    bool          // nothing is wrong with it
}

// Input returns the event as it was handed in.
func (c Checked) Input() Input { return c.in }

// Content returns the event's data as it was read, the zero Text where it is no JSON.
func (c Checked) Content() ecmajson.Text { return c.content }

// read reads an event's data. An error says what is wrong with it.
func read(in Input) (c Checked, err error) {
	c.in = in
	c.content, err = ecmajson.Read(in.Data)
	if in.ID != "" {
		c.hash = hashOf(in, c.content)
	}
	return c, err
}

// Check reads an event and returns what is wrong with it, by field; one with faults cannot be published. Its data must be
// an object: filters, forms and the chat formats read fields of it.
func Check(d *dialect.Dialect, in Input) (Checked, []webhook.FieldError) {
	var errs []webhook.FieldError
	c, err := read(in)
	if in.ID != "" && !webhook.ValidGivenID(in.ID) {
		errs = append(errs, webhook.FieldError{Field: "id", Message: webhook.GivenIDRule})
	}
	switch {
	case in.Type == "":
		errs = append(errs, webhook.FieldError{Field: "type", Message: "is required"})
	case !webhook.ValidType(in.Type):
		errs = append(errs, webhook.FieldError{Field: "type", Message: webhook.TypeRule})
	case webhook.IsSystemType(in.Type):
		errs = append(errs, webhook.FieldError{Field: "type", Message: "is an event that only the system publishes"})
	case !d.Knows(in.Type):
		errs = append(errs, webhook.FieldError{Field: "type", Message: "is not an event type of the catalogue"})
	}
	switch {
	case len(in.Data) == 0:
		errs = append(errs, webhook.FieldError{Field: "data", Message: "is required"})
	case err != nil:
		errs = append(errs, webhook.FieldError{Field: "data", Message: "must be valid JSON: " + err.Error()})
	case c.content.Compact()[0] != '{':
		errs = append(errs, webhook.FieldError{Field: "data", Message: "must be a JSON object"})
	}
	if at := in.happened(); !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999) {
		errs = append(errs, webhook.FieldError{Field: "timestamp", Message: "must be between the years 1970 and 9999"})
	}
	c.fine = errs == nil
	return c, errs
}

// TooLarge reports whether the event's data is over its limit.
func TooLarge(in Input) bool {
	if len(in.Data) <= webhook.MaxDataBytes {
		return false
	}
	compact, err := ecmajson.Compact(in.Data)
	return err != nil || len(compact) > webhook.MaxDataBytes
}
