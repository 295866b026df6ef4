package page

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Form reads the form that was sent. If it cannot be read, Form answers the visit and returns false.
func (v *Visit) Form() (url.Values, bool) {
	if err := v.R.ParseForm(); err != nil {
		v.ShowError(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return nil, false
	}
	return v.R.PostForm, true
}

// Split splits a list that somebody typed at commas and white space.
func Split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// FieldMoment is the layout of a datetime-local field's value. Our fields are in UTC.
const FieldMoment = "2006-01-02T15:04:05"

// Moment parses the value of such a field.
func Moment(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04", FieldMoment} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
