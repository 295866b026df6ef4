package input

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"hookline/shared/webhook"
)

// Required says what is wrong with a field that must be there and is not.
const Required = "is required"

// Faults gathers what is wrong with an input, one message for each field.
type Faults []webhook.FieldError

// MaxFaults bounds how many faults are named: more than an honest request of the largest batch can hold.
const MaxFaults = 1000

// Add notes a fault, unless the field has one already: the first is the one to mend first.
func (f *Faults) Add(field, message string) {
	if len(*f) < MaxFaults && !f.Has(field) {
		*f = append(*f, webhook.FieldError{Field: field, Message: message})
	}
}

// Has reports whether the field has a fault.
func (f *Faults) Has(field string) bool {
	return slices.ContainsFunc(*f, func(e webhook.FieldError) bool { return e.Field == field })
}

// Err returns the faults as a webhook.Invalid error, nil when there are none.
func (f *Faults) Err() error {
	if len(*f) == 0 {
		return nil
	}
	return webhook.ErrInvalid(*f...)
}

// Line checks a line that people read: minimum to maximum characters, none of them a control character.
func (f *Faults) Line(field, value string, minimum, maximum int) {
	switch n := utf8.RuneCountInString(value); {
	case n < minimum && n == 0:
		f.Add(field, "must not be empty")
	case n > maximum:
		f.Add(field, "must be at most "+strconv.Itoa(maximum)+" characters")
	case strings.ContainsFunc(value, unicode.IsControl):
		f.Add(field, "must not contain control characters")
	}
}
