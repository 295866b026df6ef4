package page

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Form reads the form that was sent. It reports false where that cannot be read, which has been answered then.
func (v *Visit) Form() (url.Values, bool) {
	if err := v.R.ParseForm(); err != nil {
		v.Sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return nil, false
	}
	return v.R.PostForm, true
}

// Split cuts a list that somebody wrote into its entries, at commas and white space.
func Split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// FieldMoment is how a field of a date and time writes a moment, in UTC.
const FieldMoment = "2006-01-02T15:04:05"

// Moment reads what such a field sends.
func Moment(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04", FieldMoment} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
