package account

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/portal"
)

// settingsPage is the data of the settings' page: the tenant, and the form's entries.
type settingsPage struct {
	Tenant  api.Tenant
	Writes  bool // the visitor may change it and make portal links
	Saved   bool
	Name    string
	Email   string
	Frames  string // an origin on each line
	Errors  map[string]string
	Problem string
}

func showSettings(v *page.Visit) {
	p := settingsPage{Writes: v.Key.Grants("tenant:write"), Saved: v.R.URL.Query().Has("saved")}
	if err := v.Get("/v1/tenant", nil, &p.Tenant); err != nil {
		v.Failed(err)
		return
	}
	p.Name, p.Frames = p.Tenant.Name, strings.Join(p.Tenant.FrameAncestors, "\n")
	if p.Tenant.NotifyEmail != nil {
		p.Email = *p.Tenant.NotifyEmail
	}
	v.Show(http.StatusOK, "settings", "", "settings", "Settings", &p)
}

func updateSettings(v *page.Visit) {
	values, ok := v.Form()
	if !ok {
		return
	}
	p := settingsPage{
		Writes: true, Name: strings.TrimSpace(values.Get("name")), Email: strings.TrimSpace(values.Get("notify_email")), Frames: values.Get("frame_ancestors"),
	}
	in := map[string]any{"name": p.Name, "notify_email": nil, "frame_ancestors": append([]string{}, page.Split(p.Frames)...)}
	if p.Email != "" {
		in["notify_email"] = p.Email
	}
	if err := v.Send(http.MethodPatch, "/v1/tenant", in, nil); err != nil {
		refusal := v.Refused(err)
		if refusal == nil {
			return
		}
		if err := v.Get("/v1/tenant", nil, &p.Tenant); err != nil {
			v.Failed(err)
			return
		}
		p.Errors, p.Problem = refusal.FieldErrors("name", "notify_email", "frame_ancestors")
		v.Show(http.StatusUnprocessableEntity, "settings", "", "settings", "Settings", &p)
		return
	}
	v.Redirect("/console/settings?saved")
}

// life is a choice of how long a portal link lasts.
type life struct {
	Seconds int
	Label   string
}

func lives() []life {
	out := []life{{Seconds: 15 * 60, Label: "15 minutes"}, {Label: "1 hour"}, {Seconds: 8 * 60 * 60, Label: "8 hours"}, {Label: "24 hours"}}
	out[1].Seconds, out[3].Seconds = int(portal.DefaultLife/time.Second), int(portal.MaxLife/time.Second)
	return out
}

// portalForm is the data of the dialog that makes a portal link and shows it once.
type portalForm struct {
	Lives   []life
	Default int
	Frames  []string
	api.PortalLink
	Problem string
}

func showPortalForm(v *page.Visit, status int, f portalForm) {
	f.Lives, f.Default, f.Frames = lives(), int(portal.DefaultLife/time.Second), v.Tenant.FrameAncestors
	v.Show(status, "portal-link", "panel", "settings", "Portal link", &f)
}

func newPortalLink(v *page.Visit) { showPortalForm(v, http.StatusOK, portalForm{}) }

func createPortalLink(v *page.Visit) {
	in := map[string]any{}
	seconds, err := strconv.Atoi(v.R.PostFormValue("expires_in"))
	if err == nil && slices.ContainsFunc(lives(), func(l life) bool { return l.Seconds == seconds }) {
		in["expires_in"] = seconds
	}
	var f portalForm
	if err := v.Create("/v1/portal-links", in, &f.PortalLink); err != nil {
		if p := v.Refused(err); p != nil {
			showPortalForm(v, http.StatusUnprocessableEntity, portalForm{Problem: p.Detail})
		}
		return
	}
	showPortalForm(v, http.StatusCreated, f)
}
