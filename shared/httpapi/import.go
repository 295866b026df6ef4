package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/audit"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// importWebhooks makes up to 100 webhooks, all or none. In a dry run it says what would become of each.
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
	// The digest has the credential in it: an import that was cut short must not be completed by another credential, which
	// would get the secrets in its answer.
	sum := sha256.Sum256(append([]byte(c.caller+"\x00"), c.body...))
	digest := hex.EncodeToString(sum[:])
	if dry {
		all, err := a.ownManagement(c).CheckImport(c.ctx(), d, c.tenant.ID, in, digest)
		if err != nil {
			return answer{}, err
		}
		out := api.ImportCheck{Valid: true, Data: make([]api.ImportOutcome, len(all))}
		for i, item := range all {
			out.Data[i] = importOutcome(i, item)
			out.Data[i].Warnings = append(out.Data[i].Warnings, management.Warnings(d, item.Webhook)...)
			out.Valid = out.Valid && out.Data[i].Outcome == api.ImportCreate
		}
		return reply(http.StatusOK, out)
	}
	var made []management.Created
	err = a.recorded(c, c.tenant.ID, audit.Target{Type: "tenant", ID: c.tenant.ID}, func() (err error) {
		made, err = a.ownManagement(c).ImportWebhooks(c.ctx(), d, c.tenant.ID, in, digest)
		return err
	}, "webhooks")
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, api.Results[api.CreatedWebhook]{Data: api.Each(made, func(m management.Created) api.CreatedWebhook {
		return created(d, m)
	})})
}

// webhooksPath begins the path of each webhook; the id follows.
const webhooksPath = "/v1/webhooks/"

// importInputs reads the list. Faults of the list itself go to faults, those of an entry stay with the entry.
func importInputs(body []byte, faults *input.Faults) []management.ImportInput {
	var entries []json.RawMessage
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) || json.Unmarshal(body, &entries) != nil {
		faults.Add(input.Whole, "must be a list of webhooks")
		return nil
	}
	if n := len(entries); n < 1 || n > input.MaxImport {
		faults.Add(input.Whole, "must hold 1 to "+strconv.Itoa(input.MaxImport)+" webhooks")
		return nil
	}
	out, table := make([]management.ImportInput, len(entries)), routes()
	for i, raw := range entries {
		in := &out[i]
		object := input.Read(raw, "", "", &in.Found)
		if !object.Is() {
			continue
		}
		object.Into(in, "status", "updated_at", "failing_since")
		if ownPath(table, webhooksPath+in.ID.Value) {
			in.Found.Add("id", "is a word of the API's own paths; choose another")
		}
	}
	return out
}

func importOutcome(i int, item management.Imported) api.ImportOutcome {
	out := api.ImportOutcome{
		URL: item.Webhook.URL, Name: item.Webhook.Name, Outcome: api.ImportCreate, Errors: []webhook.FieldError{}, Warnings: []string{},
	}
	if id := item.Webhook.ID; id != "" {
		out.ID = &id
	}
	for _, e := range item.Faults {
		out.Outcome = api.ImportInvalid
		out.Errors = append(out.Errors, webhook.FieldError{Field: management.ImportField(i, e.Field), Message: e.Message})
	}
	if item.Exists && out.Outcome == api.ImportCreate {
		out.Outcome = api.ImportExists
		out.Errors = append(out.Errors, webhook.FieldError{Field: management.ImportField(i, "id"), Message: management.IDTaken})
	}
	return out
}
