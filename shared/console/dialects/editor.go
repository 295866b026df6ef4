package dialects

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hookline/shared/api"
	"hookline/shared/console/page"
	"hookline/shared/console/receiver"
	"hookline/shared/console/words"
	"hookline/shared/dialect"
	"hookline/shared/layout"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// maxText bounds the description that is laid out, which holds the largest. One that is longer or nested too deep is edited as it
// is stored.
const maxText = 1 << 20

// perVersions is the number of versions on a page.
const perVersions = 10

// editorPage is a dialect with its description, stored or being written.
type editorPage struct {
	Name    string // "" of one that is not stored yet
	BuiltIn bool
	Version int // the newest, 0 of one that is not stored yet
	Shown   int // the version that the text is from
	Saved   bool

	Entered     string // the name of a new one
	NameProblem string
	From        string   // the dialect whose description a new one begins with
	Beginnings  []string // the dialects that it can begin with

	Text       string
	Faults     []fault
	MoreFaults int // beside them
	Problem    string

	Draft    *dialect.Dialect // what the text describes, nil where that cannot be said
	Examples []example
	Failing  int
	Code     receiver.Code

	Trial trial

	Versions []management.DialectVersion
	Older    int // the page of older versions begins below it, 0 for none
	users
}

// Path is the address of the page, where the form is sent.
func (p *editorPage) Path() string {
	if p.Name == "" {
		return fresh
	}
	return path(p.Name)
}

// Lines are the numbers of the text's lines, one below the other.
func (p *editorPage) Lines() string {
	var b strings.Builder
	for i := range strings.Count(p.Text, "\n") + 1 {
		b.WriteString(strconv.Itoa(i+1) + "\n")
	}
	return b.String()
}

// Rows is the height of the text with some room below it.
func (p *editorPage) Rows() int { return strings.Count(p.Text, "\n") + 2 }

// Next is the version that saving makes.
func (p *editorPage) Next() int { return p.Version + 1 }

// Said is what is said when the text was checked.
func (p *editorPage) Said() string {
	switch n := len(p.Faults) + p.MoreFaults; {
	case n == 1:
		return "1 fault in the description"
	case n > 1:
		return strconv.Itoa(n) + " faults in the description"
	case p.Draft == nil:
		return "Nothing to show"
	}
	return p.Summary()
}

// Summary says how the examples fared.
func (p *editorPage) Summary() string {
	n := 0
	for _, e := range p.Examples {
		if !e.Soon {
			n++
		}
	}
	return fmt.Sprintf("%d of %d can be sent", n-p.Failing, n)
}

// stored is a dialect as the API shows it.
type stored struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	raw     json.RawMessage
}

// described reads a dialect from the API, by its name or by a reference to a version.
func described(v *page.Visit, nameOrRef string) (d stored, err error) {
	if err := v.Get("/v1/dialects/"+url.PathEscape(nameOrRef), nil, &d.raw); err != nil {
		return d, err
	}
	return d, json.Unmarshal(d.raw, &d)
}

// text lays the description out, without its name and version, which are not for editing.
func (d stored) text() string {
	raw := dialect.Unnamed(d.raw)
	if out, ok := layout.JSON(raw, maxText); ok && out.Whole {
		return out.Text
	}
	return string(raw)
}

// blank shows the form for a new dialect.
func (r room) blank(v *page.Visit) {
	p := editorPage{From: v.R.URL.Query().Get("from"), Entered: v.R.URL.Query().Get("name")}
	if p.From == "" {
		p.From = "standard"
	}
	d, err := described(v, p.From)
	if err == nil {
		p.Text = d.text()
		p.Draft, err = dialect.Parse(d.raw, nil)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	r.render(v, http.StatusOK, &p, nil)
}

// create checks the description of a new dialect, and makes it if asked to.
func (r room) create(v *page.Visit) {
	form, ok := v.Form()
	if !ok {
		return
	}
	p := editorPage{Entered: strings.TrimSpace(form.Get("name")), From: form.Get("from"), Text: form.Get("description")}
	saves := form.Get("do") == "save"
	if saves && p.Entered == "" {
		p.NameProblem = "Give it a name."
	}
	if p.Entered != "" {
		switch _, err := described(v, p.Entered); {
		case err == nil:
			p.NameProblem = "There is a dialect with this name."
		case !page.Answered(err, http.StatusNotFound) && !page.Answered(err, http.StatusUnprocessableEntity):
			v.Failed(err)
			return
		}
	}
	r.take(v, &p, saves)
}

// show shows a dialect, in the version that is asked for.
func (r room) show(v *page.Visit) {
	p, d, ok := r.open(v)
	if !ok {
		return
	}
	p.Text = d.text()
	p.Saved = v.R.URL.Query().Get("saved") == strconv.Itoa(p.Version)
	var err error
	if p.Draft, err = dialect.Parse(d.raw, nil); err != nil {
		v.Failed(err)
		return
	}
	r.render(v, http.StatusOK, p, nil)
}

// open reads the dialect that the address names, and one of its versions.
func (r room) open(v *page.Visit) (p *editorPage, d stored, ok bool) {
	name := v.R.PathValue("name")
	if strings.Contains(name, "@") { // a reference: pages have names
		v.NotFound()
		return nil, d, false
	}
	d, err := described(v, name)
	if err != nil {
		v.Failed(err)
		return nil, d, false
	}
	p = &editorPage{Name: d.Name, Version: d.Version, Shown: d.Version, BuiltIn: r.service.BuiltIn(name)}
	if asked, err := strconv.Atoi(v.R.URL.Query().Get("version")); err == nil && asked != p.Version {
		if d, err = described(v, d.Name+"@"+strconv.Itoa(asked)); err != nil {
			v.Failed(err)
			return nil, d, false
		}
		p.Shown = asked
	}
	return p, d, true
}

// edit checks a description, and saves it if asked to.
func (r room) edit(v *page.Visit) {
	form, ok := v.Form()
	if !ok {
		return
	}
	p, _, ok := r.open(v)
	if !ok {
		return
	}
	p.Text = form.Get("description")
	saves := form.Get("do") == "save"
	if seen, err := strconv.Atoi(form.Get("version")); saves && (err != nil || seen != p.Version) {
		p.Problem = fmt.Sprintf("Version %d was saved meanwhile. Look at it first: saving this replaces it.", p.Version)
	}
	r.take(v, p, saves)
}

// draftName is the name under which a description is checked that has none yet.
const draftName = "draft-of-a-new-dialect"

// take checks a description that was entered, saves it if that is asked for and nothing is against it, and else shows it.
func (r room) take(v *page.Visit, p *editorPage, saves bool) {
	if f, wrong := notJSON(p.Text); wrong {
		p.Faults = []fault{f}
		r.render(v, http.StatusUnprocessableEntity, p, nil)
		return
	}
	name := p.Name
	if name == "" {
		name = p.Entered
	}
	if name == "" || p.NameProblem != "" {
		name = draftName
	}
	var err error
	p.Draft, err = r.service.CheckDialect(v.R.Context(), name, json.RawMessage(p.Text))
	if err == nil && saves && p.NameProblem == "" && p.Problem == "" {
		var saved stored
		if err = v.Send(http.MethodPut, "/v1/dialects/"+url.PathEscape(name), json.RawMessage(p.Text), &saved); err == nil {
			v.Redirect(page.Address(path(name), url.Values{"saved": {strconv.Itoa(saved.Version)}}))
			return
		}
	}
	r.refused(v, p, err)
}

// refused shows a description with what is wrong with it, if anything is.
func (r room) refused(v *page.Visit, p *editorPage, err error) {
	var faults []webhook.FieldError
	if e, ok := errors.AsType[*webhook.Error](err); ok && e.Kind != webhook.Internal && e.Kind != webhook.Unavailable {
		if faults = e.Fields; len(faults) == 0 {
			p.Problem = words.Sentence(e.Message)
		}
	} else if err != nil {
		refusal := v.Refused(err)
		if refusal == nil {
			return
		}
		if faults = refusal.Errors; len(faults) == 0 {
			p.Problem = words.Sentence(refusal.Detail)
		}
	}
	if i := slices.IndexFunc(faults, func(f webhook.FieldError) bool { return f.Field == "name" }); i >= 0 && p.Name == "" {
		if _, given := locate(p.Text, "name"); !given { // it is about the name that was entered beside the text
			p.NameProblem = words.Sentence("it " + faults[i].Message)
			faults = slices.Delete(slices.Clone(faults), i, i+1)
		}
	}
	p.Faults, p.MoreFaults = placed(p.Text, faults)
	status := http.StatusOK
	if err != nil || p.NameProblem != "" || p.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	r.render(v, status, p, faults)
}

// render sends the example of a trial, adds to a page what follows from its draft and what is known of its dialect, and shows it.
func (r room) render(v *page.Visit, status int, p *editorPage, faults []webhook.FieldError) {
	if v.R.PostForm.Get("do") == "send" {
		r.send(v, p)
	}
	err := p.try(faults)
	if err == nil {
		err = r.known(v, p)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	title := p.Name
	if p.Name == "" {
		title = "New dialect"
	}
	v.Show(status, "dialect", "examples", "dialects", title, p)
}

// known adds what is known of the dialect, or the dialects that a new one can begin with.
func (r room) known(v *page.Visit, p *editorPage) error {
	ctx := v.R.Context()
	if v.Partial() {
		return nil
	}
	if p.Name == "" {
		var l api.List[api.DialectSummary]
		err := v.Get("/v1/dialects", url.Values{"limit": {"100"}}, &l)
		for _, d := range l.Data {
			p.Beginnings = append(p.Beginnings, d.Name)
		}
		return err
	}
	tenants, more, err := r.service.TenantsByDialect(ctx, maxTenants)
	p.users = users{tenants[p.Name], more}
	if err != nil || p.BuiltIn {
		return err
	}
	before, _ := strconv.Atoi(v.R.URL.Query().Get("before")) // 0 is the newest
	if p.Versions, err = r.service.DialectVersions(ctx, p.Name, before, perVersions); err != nil {
		return err
	}
	if n := len(p.Versions); n > 0 && p.Versions[n-1].Version > 1 {
		p.Older = p.Versions[n-1].Version
	}
	return nil
}
