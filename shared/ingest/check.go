package ingest

import (
	"encoding/json"

	"hookline/shared/dialect"
	"hookline/shared/ecmajson"
	"hookline/shared/webhook"
)

// Check returns what is wrong with an event, by field. Its data must be an object: filters, forms and the chat formats
// read fields of it.
func Check(d *dialect.Dialect, in Input) []webhook.FieldError {
	var errs []webhook.FieldError
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
	if problem := checkData(in.Data); problem != "" {
		errs = append(errs, webhook.FieldError{Field: "data", Message: problem})
	}
	if at := in.happened(); !at.IsZero() && (at.Year() < 1970 || at.Year() > 9999) {
		errs = append(errs, webhook.FieldError{Field: "timestamp", Message: "must be between the years 1970 and 9999"})
	}
	return errs
}

func checkData(data json.RawMessage) string {
	if len(data) == 0 {
		return "is required"
	}
	compact, err := ecmajson.Compact(data)
	switch {
	case err != nil:
		return "must be valid JSON: " + err.Error()
	case compact[0] != '{':
		return "must be a JSON object"
	}
	return ""
}

// TooLarge reports whether the event's data is over its limit.
func TooLarge(in Input) bool {
	if len(in.Data) <= webhook.MaxDataBytes {
		return false
	}
	compact, err := ecmajson.Compact(in.Data)
	return err != nil || len(compact) > webhook.MaxDataBytes
}
