package webhooks

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
	"hookline/shared/console/words"
	"hookline/shared/httpapi"
	"hookline/shared/seal"
	"hookline/shared/webhook"
)

// importForm is the data of the import's page. The list that was given contains secrets, so no page shows it again: between
// the two steps the page carries it sealed.
type importForm struct {
	Problem  string
	Errors   []webhook.FieldError
	Outcomes []importOutcome
	Creates  int    // the number of webhooks that would be made
	Sealed   string // the list, if all of it can be imported
	Example  string
}

// importOutcome is the outcome that one webhook of the list would have.
type importOutcome struct {
	api.ImportOutcome
	Number int // from 1
}

// importedWebhook is a webhook that was made. The page shows Secret only if it was made too.
type importedWebhook struct {
	record.Webhook
	Secret string
	Made   bool
}

// importExample returns a list to start from. It can be imported as it is.
func importExample(v *page.Visit) string {
	eventType := webhook.TestType
	if names := v.EventNames(); len(names) > 0 {
		eventType = names[0]
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
	if v.Dialect.CheckImportedSecret(secret) != "" {
		secret = base64.StdEncoding.EncodeToString([]byte(secret))
	}
	raw, err := json.Marshal([]entry{
		{"billing", "https://example.com/webhooks", "Billing", []string{eventType}, true, secret, "2024-05-01T08:00:00Z"},
		{"", "https://example.com/other", "Other", []string{"*"}, false, "", ""},
	})
	if err != nil { // it cannot happen: they are strings
		return ""
	}
	return indentJSON(raw)
}

// importer serves the import's page.
type importer struct{ box seal.Box }

func (importer) ask(v *page.Visit) { showImport(v, http.StatusOK, importForm{}) }

func showImport(v *page.Visit, status int, f importForm) {
	f.Example = importExample(v)
	v.Show(status, "import", "outcome-of-import", "webhooks", "Import webhooks", &f)
}

// take shows what an import would do. If it is given a sealed list, which was shown so before, it imports it.
func (im importer) take(v *page.Visit) {
	err := v.R.ParseForm()
	if err == nil {
		err = v.R.ParseMultipartForm(page.MaxForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		status, text := http.StatusBadRequest, "Please go back and try again."
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status, text = http.StatusRequestEntityTooLarge, "It is over 1 MiB. Import your webhooks in several parts, of up to 100 each."
		}
		v.ShowError(status, "This cannot be read", text)
		return
	}
	if sealed := v.R.PostFormValue("sealed"); sealed != "" {
		list, err := im.unseal(v, sealed)
		if err != nil {
			v.ShowError(http.StatusBadRequest, "This cannot be read", "The page is too old. Please go back and give the webhooks again.")
			return
		}
		im.make(v, list)
		return
	}
	list, problem := readList(v)
	if problem != "" {
		showImport(v, http.StatusUnprocessableEntity, importForm{Problem: problem})
		return
	}
	im.check(v, http.StatusOK, list, "")
}

// readList reads the list from the file, or else from the text field. problem says why that is not JSON.
func readList(v *page.Visit) (list json.RawMessage, problem string) {
	list = json.RawMessage(strings.TrimFunc(v.R.PostFormValue("webhooks"), unicode.IsSpace))
	file, _, err := v.R.FormFile("file")
	if err == nil {
		defer func() { _ = file.Close() }()
		raw, err := io.ReadAll(file)
		if err != nil {
			return nil, "The file cannot be read."
		}
		if len(bytes.TrimSpace(raw)) > 0 {
			list = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // editors on Windows write this at the beginning
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
		return nil, "This is not JSON: line " + words.Grouped(line) + ", " + wrong.Error() + "."
	case err != nil:
		return nil, "This is not JSON."
	}
	return list, ""
}

const importPath = "/v1/webhooks/import"

// check shows what an import would do. problem says why it was not done.
func (im importer) check(v *page.Visit, status int, list json.RawMessage, problem string) {
	var answer struct {
		Valid bool
		Data  []importOutcome
	}
	if err := v.Send(http.MethodPost, importPath+"?dry_run=true", list, &answer); err != nil {
		if p := v.Refused(err); p != nil {
			showImport(v, http.StatusUnprocessableEntity, importForm{Problem: words.Sentence(p.Detail), Errors: p.Errors})
		}
		return
	}
	f := importForm{Outcomes: answer.Data, Problem: problem}
	for i := range f.Outcomes {
		o := &f.Outcomes[i]
		o.Number = i + 1
		if o.Outcome == api.ImportCreate {
			f.Creates++
		}
		for j := range o.Errors {
			_, o.Errors[j].Field, _ = strings.Cut(o.Errors[j].Field, ".")
		}
	}
	if answer.Valid {
		var err error
		if f.Sealed, err = im.seal(v, list); err != nil {
			v.Failed(err)
			return
		}
	}
	showImport(v, status, f)
}

func (im importer) make(v *page.Visit, list json.RawMessage) {
	var made struct {
		Data []importedWebhook
		Made bool // at least one secret was made
	}
	if err := v.Create(importPath, list, &made); err != nil {
		if p := v.Refused(err); p != nil {
			im.check(v, http.StatusUnprocessableEntity, list, "Nothing was imported: "+p.Detail+".")
		}
		return
	}
	var given []struct{ Secret string }
	if err := json.Unmarshal(list, &given); err != nil || len(given) != len(made.Data) {
		v.Failed(errors.New("an import does not answer for what was given"))
		return
	}
	for i := range made.Data {
		made.Data[i].Made = given[i].Secret == ""
		made.Made = made.Made || made.Data[i].Made
	}
	v.Show(http.StatusCreated, "imported", "", "webhooks", "Imported webhooks", &made)
}

// sealPlace is the purpose that a list is sealed for: imports of this tenant.
func sealPlace(v *page.Visit) string { return "console import " + v.Tenant.ID }

func (im importer) seal(v *page.Visit, list json.RawMessage) (string, error) {
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
	sealed, err := im.box.Seal(v.R.Context(), packed.Bytes(), sealPlace(v))
	return base64.StdEncoding.EncodeToString(sealed), err
}

func (im importer) unseal(v *page.Visit, field string) (json.RawMessage, error) {
	sealed, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return nil, err
	}
	packed, err := im.box.Open(v.R.Context(), sealed, sealPlace(v))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), httpapi.MaxBody+1))
}
