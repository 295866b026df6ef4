package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookline/shared/portal"
)

// tenantView is the tenant as the API shows it.
type tenantView struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Dialect        string   `json:"dialect"`
	NotifyEmail    *string  `json:"notify_email"`
	FrameAncestors []string `json:"frame_ancestors"`
	CreatedAt      string   `json:"created_at"`
}

// settingsPage is the tenant, and its form as it was filled in.
type settingsPage struct {
	Tenant  tenantView
	Writes  bool // the visitor may change it and make portal links
	Saved   bool
	Name    string
	Email   string
	Frames  string // an origin on each line
	Errors  map[string]string
	Problem string
}

func (v *visit) settings() {
	p := settingsPage{Writes: v.key.Grants("tenant:write"), Saved: v.r.URL.Query().Has("saved")}
	if err := v.get("/v1/tenant", nil, &p.Tenant); err != nil {
		v.failed(err)
		return
	}
	p.Name, p.Frames = p.Tenant.Name, strings.Join(p.Tenant.FrameAncestors, "\n")
	if p.Tenant.NotifyEmail != nil {
		p.Email = *p.Tenant.NotifyEmail
	}
	v.show(http.StatusOK, "settings", "", "settings", "Settings", p)
}

func (v *visit) updateSettings() {
	if err := v.r.ParseForm(); err != nil {
		v.sorry(http.StatusBadRequest, "The form is not readable", "Please go back and try again.")
		return
	}
	p := settingsPage{
		Writes: true, Name: strings.TrimSpace(v.r.PostForm.Get("name")),
		Email: strings.TrimSpace(v.r.PostForm.Get("notify_email")), Frames: v.r.PostForm.Get("frame_ancestors"),
	}
	in := map[string]any{"name": p.Name, "notify_email": nil, "frame_ancestors": append([]string{}, strings.FieldsFunc(p.Frames, separates)...)}
	if p.Email != "" {
		in["notify_email"] = p.Email
	}
	if err := v.send(http.MethodPatch, "/v1/tenant", in, nil); err != nil {
		refusal := v.refused(err)
		if refusal == nil {
			return
		}
		if err := v.get("/v1/tenant", nil, &p.Tenant); err != nil {
			v.failed(err)
			return
		}
		p.Errors, p.Problem = besides(refusal, "name", "notify_email", "frame_ancestors")
		v.show(http.StatusUnprocessableEntity, "settings", "", "settings", "Settings", p)
		return
	}
	v.redirect("/console/settings?saved")
}

// life is how long a portal link can be asked for.
type life struct {
	Seconds int
	Label   string
}

func lives() []life {
	out := []life{{Seconds: 15 * 60, Label: "15 minutes"}, {Label: "1 hour"}, {Seconds: 8 * 60 * 60, Label: "8 hours"}, {Label: "24 hours"}}
	out[1].Seconds, out[3].Seconds = int(portal.DefaultLife/time.Second), int(portal.MaxLife/time.Second)
	return out
}

// portalForm asks for how long a portal link is to last, and shows it, once.
type portalForm struct {
	Lives     []life
	Default   int
	Frames    []string
	URL       string `json:"url"`
	ExpiresAt string `json:"expires_at"`
	Problem   string
}

func (v *visit) portalForm(status int, f portalForm) {
	f.Lives, f.Default, f.Frames = lives(), int(portal.DefaultLife/time.Second), v.tenant.FrameAncestors
	v.show(status, "portal-link", "panel", "settings", "Portal link", f)
}

func (v *visit) newPortalLink() { v.portalForm(http.StatusOK, portalForm{}) }

func (v *visit) createPortalLink() {
	in := map[string]any{}
	seconds, err := strconv.Atoi(v.r.PostFormValue("expires_in"))
	if err == nil && slices.ContainsFunc(lives(), func(l life) bool { return l.Seconds == seconds }) {
		in["expires_in"] = seconds
	}
	var f portalForm
	if err := v.create("/v1/portal-links", in, &f); err != nil {
		if p := v.refused(err); p != nil {
			v.portalForm(http.StatusUnprocessableEntity, portalForm{Problem: p.Detail})
		}
		return
	}
	v.portalForm(http.StatusCreated, f)
}
