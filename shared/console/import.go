package console

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"hookline/shared/httpapi"
	"hookline/shared/webhook"
)

// importForm is the page that webhooks move in by. What was given is not shown again, for it holds secrets: between the
// two steps the page carries it sealed.
type importForm struct {
	Problem  string
	Errors   []webhook.FieldError
	Outcomes []importOutcome
	Creates  int    // webhooks that would be made
	Sealed   string // the list, when all of it would be
	Example  string
}

// importOutcome is what would become of a webhook.
type importOutcome struct {
	Number  int // from 1
	ID      *string
	URL     string
	Name    string
	Outcome string
	Errors  []webhook.FieldError
}

// importedWebhook is a webhook that was made. Secret is shown if it was made too.
type importedWebhook struct {
	webhookView
	Made bool
}

// importExample is a list to start from, which could be imported as it stands.
func (v *visit) importExample() string {
	eventType := webhook.TestType
	for _, e := range v.dialect.EventTypes() {
		if !e.ComingSoon {
			eventType = e.Name
			break
		}
	}
	type entry struct {
		ID        string   `json:"id,omitempty"`
		URL       string   `json:"url"`
		Name      string   `json:"name"`
		Events    []string `json:"events"`
		Active    bool     `json:"active"`
		Secret    string   `json:"secret,omitempty"`
		CreatedAt string   `json:"created_at,omitempty"`
	}
	secret := "the secret it has"
	if v.dialect.CheckImportedSecret(secret) != "" {
		secret = base64.StdEncoding.EncodeToString([]byte(secret))
	}
	raw, err := json.Marshal([]entry{
		{"billing", "https://example.com/webhooks", "Billing", []string{eventType}, true, secret, "2024-05-01T08:00:00Z"},
		{"", "https://example.com/other", "Other", []string{"*"}, false, "", ""},
	})
	if err != nil { // cannot be: strings alone
		return ""
	}
	return indented(raw)
}

func (v *visit) importPage() { v.showImport(http.StatusOK, importForm{}) }

func (v *visit) showImport(status int, f importForm) {
	f.Example = v.importExample()
	v.show(status, "import", "", "webhooks", "Import webhooks", f)
}

// importWebhooks says what would happen, or, given what was looked at so, does it.
func (v *visit) importWebhooks() {
	err := v.r.ParseForm()
	if err == nil {
		err = v.r.ParseMultipartForm(maxForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		status, text := http.StatusBadRequest, "Please go back and try again."
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status, text = http.StatusRequestEntityTooLarge, "It is over 1 MiB. Import your webhooks in several parts, of up to 100 each."
		}
		v.sorry(status, "This cannot be read", text)
		return
	}
	if sealed := v.r.PostFormValue("sealed"); sealed != "" {
		list, err := v.unsealImport(sealed)
		if err != nil {
			v.sorry(http.StatusBadRequest, "This cannot be read", "The page is too old. Please go back and give the webhooks again.")
			return
		}
		v.doImport(list)
		return
	}
	list, problem := v.givenImport()
	if problem != "" {
		v.showImport(http.StatusUnprocessableEntity, importForm{Problem: problem})
		return
	}
	v.checkImport(http.StatusOK, list, "")
}

// givenImport reads the file, or else the text. It says what is wrong with what is no JSON.
func (v *visit) givenImport() (list json.RawMessage, problem string) {
	list = json.RawMessage(strings.TrimFunc(v.r.PostFormValue("webhooks"), unicode.IsSpace))
	file, _, err := v.r.FormFile("file")
	if err == nil {
		defer func() { _ = file.Close() }()
		raw, err := io.ReadAll(file)
		if err != nil {
			return nil, "The file cannot be read."
		}
		if len(bytes.TrimSpace(raw)) > 0 {
			list = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // editors of Windows begin files so
		}
	}
	var wrong *json.SyntaxError
	switch err := json.Unmarshal(list, new(any)); {
	case len(list) == 0:
		return nil, "Paste a list of webhooks, or choose a file that has one."
	case len(list) > httpapi.MaxBody:
		return nil, "It is over 1 MiB. Import your webhooks in several parts, of up to 100 each."
	case errors.As(err, &wrong):
		line := 1 + bytes.Count(list[:min(int(wrong.Offset), len(list))], []byte("\n"))
		return nil, "This is not JSON: line " + grouped(line) + ", " + wrong.Error() + "."
	case err != nil:
		return nil, "This is not JSON."
	}
	return list, ""
}

const importPath = "/v1/webhooks/import"

// checkImport shows what would happen. With a problem it says first why it has not.
func (v *visit) checkImport(status int, list json.RawMessage, problem string) {
	var check struct {
		Valid bool
		Data  []importOutcome
	}
	if err := v.call(v.r, v.key, "", http.MethodPost, importPath, url.Values{"dry_run": {"true"}}, list, &check); err != nil {
		if p := v.refused(err); p != nil {
			v.showImport(http.StatusUnprocessableEntity, importForm{Problem: sentence(p.Detail), Errors: p.Errors})
		}
		return
	}
	f := importForm{Outcomes: check.Data, Problem: problem}
	for i := range f.Outcomes {
		o := &f.Outcomes[i]
		o.Number = i + 1
		if o.Outcome == "create" {
			f.Creates++
		}
		for j := range o.Errors {
			_, o.Errors[j].Field, _ = strings.Cut(o.Errors[j].Field, ".")
		}
	}
	if check.Valid {
		var err error
		if f.Sealed, err = v.sealImport(list); err != nil {
			v.failed(err)
			return
		}
	}
	v.showImport(status, f)
}

func (v *visit) doImport(list json.RawMessage) {
	var made struct {
		Data []importedWebhook
		Made bool // some secrets were
	}
	if err := v.create(importPath, list, &made); err != nil {
		if p := v.refused(err); p != nil {
			v.checkImport(http.StatusUnprocessableEntity, list, "Nothing was imported: "+p.Detail+".")
		}
		return
	}
	var given []struct{ Secret string }
	if err := json.Unmarshal(list, &given); err != nil || len(given) != len(made.Data) {
		v.failed(errors.New("an import does not answer for what was given"))
		return
	}
	for i := range made.Data {
		made.Data[i].Made = given[i].Secret == ""
		made.Made = made.Made || made.Data[i].Made
	}
	v.show(http.StatusCreated, "imported", "", "webhooks", "Imported webhooks", made)
}

// importPlace is where a list may be opened: in the same tenant's console.
func (v *visit) importPlace() string { return "console import " + v.tenant.ID }

func (v *visit) sealImport(list json.RawMessage) (string, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(list); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sealed, err := v.Box.Seal(v.r.Context(), packed.Bytes(), v.importPlace())
	return base64.StdEncoding.EncodeToString(sealed), err
}

func (v *visit) unsealImport(field string) (json.RawMessage, error) {
	sealed, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return nil, err
	}
	packed, err := v.Box.Open(v.r.Context(), sealed, v.importPlace())
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), httpapi.MaxBody+1))
}

// sentence writes a message of the API as one.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
