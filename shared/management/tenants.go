package management

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/hostname"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// FirstKeyName is the name of the key that a tenant is made with.
const FirstKeyName = "default"

// TenantInput is a tenant to be made, or a change of one. ID and Dialect cannot be changed later.
type TenantInput struct {
	ID   input.Field[string] `json:"id,omitzero" ref:"GivenID"`
	Name input.Field[string] `json:"name,omitzero" jsonschema:"minLength=1,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// One that `GET /v1/dialects` lists. It cannot be changed later.
	Dialect input.Field[string] `json:"dialect,omitzero" jsonschema:"pattern=^[a-z][a-z0-9-]{0\\,62}$"`
	// One plain mail address, ASCII before the @. An international domain is stored in its `xn--` form. null clears it.
	NotifyEmail input.Field[string] `json:"notify_email,omitzero" jsonschema:"nullable,maxLength=254,example=ops@example.com,pattern=^[!-?A-~]+@[^\\x00- @\\x7f]+$"`
	// The https origins whose pages may show the console in a frame. The list replaces the one before; null is the empty list.
	FrameAncestors input.Field[[]string] `json:"frame_ancestors,omitzero" jsonschema:"nullable,maxItems=20"`
	// For how many days what is accepted from now on is kept: deliveries, bodies and the event log. At most the stack's; null is
	// the stack's.
	RetentionDays input.Field[int] `json:"retention_days,omitzero" jsonschema:"nullable,minimum=1"`
	// How many webhooks it may have. At most the stack's limit; null is that. Those beyond it stay.
	MaxWebhooks input.Field[int] `json:"max_webhooks,omitzero" jsonschema:"nullable,minimum=1"`
}

// CreateTenant makes a tenant and its first key, which holds every scope, and returns that key, which is stored nowhere.
// found are faults found while the input was read. An id that exists is a Conflict "tenant-exists".
func (s Service) CreateTenant(ctx context.Context, in TenantInput, found input.Faults) (webhook.Tenant, string, error) {
	faults := slices.Clone(found)
	now := s.now()
	t := webhook.Tenant{CreatedAt: now, UpdatedAt: now}
	if !in.ID.Given() {
		faults.Add("id", input.Required)
	} else if t.ID = in.ID.Value; !webhook.ValidGivenID(t.ID) {
		faults.Add("id", webhook.GivenIDRule)
	}
	if !in.Name.Given() {
		faults.Add("name", input.Required)
	}
	if !in.Dialect.Given() {
		faults.Add("dialect", input.Required)
	} else {
		d, err := s.Dialects.Offered(ctx, in.Dialect.Value) // no reference: a tenant follows its dialect's versions
		switch {
		case err != nil && !webhook.Is(err, webhook.NotFound):
			return webhook.Tenant{}, "", err
		case err != nil:
			faults.Add("dialect", "there is no such dialect; GET /v1/dialects lists them")
		default:
			t.Dialect = d.Name
		}
	}
	s.applyTenant(&t, in, &faults)
	if err := faults.Err(); err != nil {
		return webhook.Tenant{}, "", err
	}
	key, secret := s.newKey(t.ID, FirstKeyName, webhook.Scopes())
	if err := s.Store.CreateTenant(s.change(ctx, t.ID, "tenant", t.ID, input.Names(in)...), t, key); err != nil {
		return webhook.Tenant{}, "", err
	}
	return t, secret, nil
}

// UpdateTenant changes a tenant. A change that changes nothing is not one: the time of the last change stays too.
func (s Service) UpdateTenant(ctx context.Context, id string, in TenantInput, found input.Faults) (webhook.Tenant, error) {
	var t webhook.Tenant
	err := retry(func() (err error) {
		if t, err = s.Store.Tenant(ctx, id); err != nil {
			return err
		}
		old := t
		faults := slices.Clone(found)
		if in.ID.Set {
			faults.Add("id", "cannot be changed")
		}
		if in.Dialect.Set {
			faults.Add("dialect", "cannot be changed: the tenant's receivers verify what this dialect sends")
		}
		if in.Name.Null {
			faults.Add("name", "must be a string")
		}
		s.applyTenant(&t, in, &faults)
		if err := faults.Err(); err != nil {
			return err
		}
		changed := tenantChanges(old, t)
		if len(changed) == 0 {
			return nil
		}
		t.UpdatedAt = s.now()
		if err := s.Store.UpdateTenant(s.change(ctx, id, "tenant", id, changed...), t); err != nil {
			return err
		}
		t.Version++
		return nil
	})
	if err != nil {
		return webhook.Tenant{}, err
	}
	return t, nil
}

// tenantChanges returns the names of the fields that an update changes.
func tenantChanges(old, t webhook.Tenant) (fields []string) {
	for _, f := range []struct {
		name  string
		stays bool
	}{
		{"name", t.Name == old.Name},
		{"notify_email", t.NotifyEmail == old.NotifyEmail},
		{"frame_ancestors", slices.Equal(t.FrameAncestors, old.FrameAncestors)},
		{"retention_days", t.RetentionDays == old.RetentionDays},
		{"max_webhooks", t.MaxWebhooks == old.MaxWebhooks},
	} {
		if !f.stays {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// DeleteTenant removes a tenant with everything that belongs to it. Queued messages for it are dropped when they come up.
func (s Service) DeleteTenant(ctx context.Context, id string) error {
	return s.Store.DeleteTenant(ctx, id)
}

func (s Service) applyTenant(t *webhook.Tenant, in TenantInput, faults *input.Faults) {
	if in.Name.Given() {
		t.Name = in.Name.Value
		faults.Line("name", t.Name, 1, input.MaxName)
	}
	if in.NotifyEmail.Set {
		t.NotifyEmail = ""
		if in.NotifyEmail.Given() {
			var problem string
			if t.NotifyEmail, problem = hostname.MailAddress(in.NotifyEmail.Value); problem != "" {
				faults.Add("notify_email", problem)
			}
		}
	}
	if in.RetentionDays.Set {
		most := int(webhook.Retention(s.Retention, 0) / (24 * time.Hour))
		if t.RetentionDays = in.RetentionDays.Value; in.RetentionDays.Given() && (t.RetentionDays < 1 || t.RetentionDays > most) {
			faults.Add("retention_days", "must be a whole number from 1 to "+itoa(most)+", which is the stack's; null is that")
		}
	}
	if in.MaxWebhooks.Set {
		t.MaxWebhooks = in.MaxWebhooks.Value
		switch most := s.MaxWebhooks; {
		case !in.MaxWebhooks.Given():
		case t.MaxWebhooks < 1:
			faults.Add("max_webhooks", "must be a whole number from 1 on; null is the stack's limit")
		case most > 0 && t.MaxWebhooks > most:
			faults.Add("max_webhooks", "must be at most "+itoa(most)+", which is the stack's limit; null is that")
		}
	}
	if in.FrameAncestors.Set {
		t.FrameAncestors = nil
		if len(in.FrameAncestors.Value) > input.MaxFrameAncestors {
			faults.Add("frame_ancestors", "must be at most "+itoa(input.MaxFrameAncestors)+" origins")
			return
		}
		for i, raw := range in.FrameAncestors.Value {
			o, ok := origin(raw, s.AllowPrivate)
			if !ok {
				faults.Add("frame_ancestors."+itoa(i), "must be an https origin, as in https://app.example.com")
			} else if !slices.Contains(t.FrameAncestors, o) {
				t.FrameAncestors = append(t.FrameAncestors, o)
			}
		}
	}
}

// originHost admits nothing that could end the value in a Content-Security-Policy header.
var originHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// origin returns the https origin that raw is, in lower case, without a final slash. With local it may also be http on
// this machine, where a product is developed.
func origin(raw string, local bool) (string, bool) {
	s := strings.ToLower(strings.TrimSuffix(raw, "/"))
	u, err := url.Parse(s)
	if err != nil || len(s) > input.MaxOriginBytes || s != u.Scheme+"://"+u.Host || !originHost.MatchString(u.Host) {
		return "", false
	}
	if u.Scheme != "https" && (!local || u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1") {
		return "", false
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return "", false
		}
	}
	return s, true
}

func conflict(err error) (*webhook.Error, bool) {
	e, ok := errors.AsType[*webhook.Error](err)
	return e, ok && e.Kind == webhook.Conflict
}

func itoa(n int) string { return strconv.Itoa(n) }
