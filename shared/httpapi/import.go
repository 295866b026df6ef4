package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"

	"hookline/shared/management"
	"hookline/shared/webhook"
)

// importWebhooks makes up to 100 webhooks, all or none, or says what would become of them.
func (a *API) importWebhooks(c *call) (answer, error) {
	d, err := a.dialect(c)
	if err != nil {
		return answer{}, err
	}
	q := &c.query
	dry := q.oneOf("dry_run", "true", "false") == "true"
	in := importInputs(c.body, &q.faults)
	if err := q.faults.Err(); err != nil {
		return answer{}, err
	}
	// One credential's import that was cut short is not completed by another's, which would be answered with its secrets.
	sum := sha256.Sum256(append([]byte(c.caller+"\x00"), c.body...))
	digest := hex.EncodeToString(sum[:])
	if dry {
		all, err := a.management().CheckImport(c.ctx(), d, c.tenant.ID, in, digest)
		if err != nil {
			return answer{}, err
		}
		out := importCheckJSON{Valid: true, Data: make([]importItemJSON, len(all))}
		for i, item := range all {
			out.Data[i] = importItemOf(i, item)
			out.Data[i].Warnings = orEmpty(management.Warnings(d, item.Webhook))
			out.Valid = out.Valid && out.Data[i].Outcome == wouldCreate
		}
		return reply(http.StatusOK, out)
	}
	made, err := a.management().ImportWebhooks(c.ctx(), d, c.tenant.ID, in, digest)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, resultsJSON[webhookJSON]{Data: each(made, func(m management.Created) webhookJSON {
		out := webhookOf(d, m.Webhook)
		out.Secret, out.Warnings = m.Secret, management.Warnings(d, m.Webhook)
		return out
	})})
}

// webhooksPath is what a webhook's id follows in its path.
const webhooksPath = "/v1/webhooks/"

// importInputs reads the list. What is wrong with the list itself goes to faults, what is with an entry to the entry.
func importInputs(body []byte, faults *management.Faults) []management.ImportInput {
	var entries []json.RawMessage
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) || json.Unmarshal(body, &entries) != nil {
		faults.Add(whole, "must be a list of webhooks")
		return nil
	}
	if n := len(entries); n < 1 || n > management.MaxImport {
		faults.Add(whole, "must hold 1 to "+strconv.Itoa(management.MaxImport)+" webhooks")
		return nil
	}
	out := make([]management.ImportInput, len(entries))
	for i, raw := range entries {
		in := &out[i]
		f := object(raw, "", "", &in.Found)
		if f.raw == nil {
			continue
		}
		in.ID, in.CreatedAt = f.text("id"), f.moment("created_at")
		if ownPath(routes(), webhooksPath+in.ID.Value) {
			in.Found.Add("id", "is a word of the API's own paths; choose another")
		}
		in.WebhookInput = webhookFields(f)
		f.rest("status", "updated_at", "failing_since")
	}
	return out
}

// What would become of an entry.
const (
	wouldCreate = "create"
	wouldClash  = "exists"
	wouldRefuse = "invalid"
)

type importCheckJSON struct {
	Valid bool             `json:"valid"`
	Data  []importItemJSON `json:"data"`
}

type importItemJSON struct {
	ID       *string              `json:"id"`
	URL      string               `json:"url"`
	Name     string               `json:"name"`
	Outcome  string               `json:"outcome"`
	Errors   []webhook.FieldError `json:"errors"`
	Warnings []string             `json:"warnings"`
}

func importItemOf(i int, item management.Imported) importItemJSON {
	out := importItemJSON{
		ID: orNull(item.Webhook.ID), URL: item.Webhook.URL, Name: item.Webhook.Name, Outcome: wouldCreate, Errors: []webhook.FieldError{},
	}
	for _, e := range item.Faults {
		out.Outcome = wouldRefuse
		out.Errors = append(out.Errors, webhook.FieldError{Field: management.ImportField(i, e.Field), Message: e.Message})
	}
	if item.Exists && out.Outcome == wouldCreate {
		out.Outcome = wouldClash
		out.Errors = append(out.Errors, webhook.FieldError{Field: management.ImportField(i, "id"), Message: management.IDTaken})
	}
	return out
}
