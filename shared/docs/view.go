package docs

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"hookline/shared/layout"
	"hookline/shared/prose"
)

// view is the data of the template.
type view struct {
	Logo                 template.URL // of the deployment; it was checked when it was read
	Colors               bool         // whether the deployment has its own
	Title, Version, Text string
	ForTenants           bool // the calls of admins are left out
	Credentials          []credential
	Headers              []given // headers of many answers, which only name them
	Groups               []group
	Schemas              []shape
}

type credential struct{ ID, Name, Text string }

type group struct {
	ID, Name, Text string
	Calls          []call
}

type call struct {
	ID, Method, Path, Summary, Text string
	Who                             string // the credential that opens the call, "" for none
	Scope                           string
	Parameters                      []given
	Body                            *body
	Answers                         []answer
	Curl                            string
}

// given is a value that a request or an answer has beside its body.
type given struct {
	Name, In string
	Ref      string // its name among the shared headers, "" for one that is not shared
	Required bool
	Node     node
}

type body struct {
	Required bool
	Text     string
	Forms    []form
}

// form is a body in one of its content types.
type form struct {
	Type     string
	Node     node
	Examples []sample
}

type sample struct{ Name, JSON string }

type answer struct {
	Status, Text string
	Headers      []given
	Types        []string
	Node         *node
}

// shape is a schema with its name.
type shape struct {
	Name string
	Node node
}

func functions() template.FuncMap {
	return template.FuncMap{"html": prose.HTML, "line": prose.Line, "lower": strings.ToLower}
}

func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

func viewOf(doc *spec) (view, error) {
	v := view{Title: doc.Info.Title, Version: doc.Info.Version, Text: doc.Info.Description}
	for _, s := range doc.Components.SecuritySchemes {
		v.Credentials = append(v.Credentials, credential{s.Name, s.Name, s.Value.Description})
	}
	for _, h := range doc.Components.Headers {
		g, err := givenOf(nodes{schemas: doc.Components.Schemas}, h.Name, "", h.Value.Description, false, h.Value.Schema)
		if err != nil {
			return view{}, err
		}
		v.Headers = append(v.Headers, g)
	}
	for _, t := range doc.Tags {
		v.Groups = append(v.Groups, group{ID: "tag-" + slug(t.Name), Name: t.Name, Text: t.Description})
	}
	for _, p := range doc.Paths {
		for _, op := range p.Value {
			c, err := callOf(doc, op.Name, p.Name, op.Value)
			if err != nil {
				return view{}, fmt.Errorf("%s %s: %w", op.Name, p.Name, err)
			}
			i := slices.IndexFunc(v.Groups, func(g group) bool { return slices.Contains(op.Value.Tags, g.Name) })
			if i < 0 {
				return view{}, fmt.Errorf("%s %s: none of its tags %q is described", op.Name, p.Name, op.Value.Tags)
			}
			v.Groups[i].Calls = append(v.Groups[i].Calls, c)
		}
	}
	ns := nodes{schemas: doc.Components.Schemas}
	for _, s := range doc.Components.Schemas {
		n, err := ns.of(s.Value, s.Name)
		if err != nil {
			return view{}, fmt.Errorf("schema %s: %w", s.Name, err)
		}
		v.Schemas = append(v.Schemas, shape{s.Name, n})
	}
	return v, nil
}

// admin reports whether only an admin can make the call.
func (c call) admin() bool {
	return c.Who != "" && c.Scope == "" && !strings.HasPrefix(c.Who, tenant)
}

const tenant = "tenant" // it begins the names of the credentials that tenants have

// forTenants returns the view without the calls of admins, and without the credentials and schemas that only these use.
func (v view) forTenants() *view {
	v.ForTenants = true
	v.Credentials = slices.DeleteFunc(slices.Clone(v.Credentials), func(c credential) bool { return !strings.HasPrefix(c.ID, tenant) })
	used := make(map[string]bool) // schemas
	v.Groups = slices.Clone(v.Groups)
	for i := range v.Groups {
		g := &v.Groups[i]
		g.Calls = slices.DeleteFunc(slices.Clone(g.Calls), call.admin)
		for _, c := range g.Calls {
			c.schemas(v.Schemas, used)
		}
	}
	v.Schemas = slices.DeleteFunc(slices.Clone(v.Schemas), func(s shape) bool { return !used[s.Name] })
	return &v
}

// schemas adds the names of the schemas that a call uses to used.
func (c call) schemas(all []shape, used map[string]bool) {
	for _, p := range c.Parameters {
		p.Node.refs(all, used)
	}
	if c.Body != nil {
		for _, f := range c.Body.Forms {
			f.Node.refs(all, used)
		}
	}
	for _, a := range c.Answers {
		for _, h := range a.Headers {
			h.Node.refs(all, used)
		}
		if a.Node != nil {
			a.Node.refs(all, used)
		}
	}
}

// refs adds the names of the schemas that a node is made of to used.
func (n node) refs(all []shape, used map[string]bool) {
	if n.Ref != "" && !used[n.Ref] {
		used[n.Ref] = true
		if i := slices.IndexFunc(all, func(s shape) bool { return s.Name == n.Ref }); i >= 0 {
			all[i].Node.refs(all, used)
		}
	}
	for _, f := range n.Fields {
		f.Node.refs(all, used)
	}
	for _, e := range n.Either {
		e.refs(all, used)
	}
	for _, inner := range []*node{n.Items, n.Values} {
		if inner != nil {
			inner.refs(all, used)
		}
	}
}

func callOf(doc *spec, method, path string, op operation) (call, error) {
	c := call{ID: op.ID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Text: op.Description}
	for _, s := range op.Security {
		for who, scopes := range s {
			c.Who, c.Scope = who, strings.Join(scopes, " ")
		}
	}
	ns := nodes{schemas: doc.Components.Schemas, expand: true}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			name, err := named(p.Ref, "parameters")
			if err != nil {
				return call{}, err
			}
			var ok bool
			if p, ok = doc.Components.Parameters.get(name); !ok {
				return call{}, fmt.Errorf("there is no parameter %s", name)
			}
		}
		g, err := givenOf(ns, p.Name, p.In, p.Description, p.Required, p.Schema)
		if err != nil {
			return call{}, err
		}
		c.Parameters = append(c.Parameters, g)
	}
	if op.RequestBody != nil {
		b, err := bodyOf(ns, op)
		if err != nil {
			return call{}, fmt.Errorf("body: %w", err)
		}
		c.Body = &b
	}
	for _, r := range op.Responses {
		a, err := answerOf(doc, r.Name, r.Value)
		if err != nil {
			return call{}, fmt.Errorf("answer %s: %w", r.Name, err)
		}
		c.Answers = append(c.Answers, a)
	}
	c.Curl = curl(c)
	return c, nil
}

func givenOf(ns nodes, name, in, text string, required bool, s *schema) (given, error) {
	g := given{Name: name, In: in, Required: required}
	if s != nil {
		var err error
		if g.Node, err = ns.of(*s); err != nil {
			return given{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if text != "" {
		g.Node.Text = text
	}
	return g, nil
}

func bodyOf(ns nodes, op operation) (body, error) {
	b := body{Required: op.RequestBody.Required, Text: op.RequestBody.Description}
	for _, c := range op.RequestBody.Content {
		out := form{Type: c.Name}
		if c.Value.Schema != nil {
			var err error
			if out.Node, err = ns.of(*c.Value.Schema); err != nil {
				return body{}, err
			}
		}
		for _, e := range c.Value.Examples {
			out.Examples = append(out.Examples, sample{cmp.Or(e.Value.Summary, e.Name), layout.Readable(e.Value.Value, layout.MaxBytes).Text})
		}
		b.Forms = append(b.Forms, out)
	}
	return b, nil
}

func answerOf(doc *spec, status string, r response) (answer, error) {
	if r.Ref != "" {
		name, err := named(r.Ref, "responses")
		if err != nil {
			return answer{}, err
		}
		var ok bool
		if r, ok = doc.Components.Responses.get(name); !ok {
			return answer{}, fmt.Errorf("there is no response %s", name)
		}
	}
	a := answer{Status: status, Text: r.Description}
	ns := nodes{schemas: doc.Components.Schemas}
	for _, h := range r.Headers {
		if h.Value.Ref != "" {
			name, err := named(h.Value.Ref, "headers")
			if err != nil {
				return answer{}, err
			}
			if _, ok := doc.Components.Headers.get(name); !ok {
				return answer{}, fmt.Errorf("there is no header %s", name)
			}
			a.Headers = append(a.Headers, given{Name: h.Name, Ref: name})
			continue
		}
		g, err := givenOf(ns, h.Name, "header", h.Value.Description, h.Value.Required, h.Value.Schema)
		if err != nil {
			return answer{}, err
		}
		a.Headers = append(a.Headers, g)
	}
	for _, c := range r.Content {
		a.Types = append(a.Types, c.Name)
		if a.Node == nil && c.Value.Schema != nil {
			n, err := ns.of(*c.Value.Schema)
			if err != nil {
				return answer{}, err
			}
			a.Node = &n
		}
	}
	return a, nil
}

// curl returns the call as a command. The variables API, KEY and ADMIN are the address and the credentials; the part of the
// path in braces is a variable too.
func curl(c call) string {
	path := c.Path
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		path = before + "$" + strings.ToUpper(name) + after
	}
	lines := []string{`curl "$API` + path + `"`}
	hasBody := c.Body != nil && len(c.Body.Forms) > 0 && (c.Body.Required || len(c.Body.Forms[0].Examples) > 0)
	if c.Method != http.MethodGet && !(c.Method == http.MethodPost && hasBody) {
		lines[0] = `curl -X ` + c.Method + ` "$API` + path + `"`
	}
	switch {
	case c.Who == "" || c.Scope == "" && !c.admin():
	case c.admin():
		lines = append(lines, `-H "Authorization: Bearer $ADMIN"`)
	default:
		lines = append(lines, `-H "Authorization: Bearer $KEY"`)
	}
	for _, p := range c.Parameters {
		if p.In == "header" && p.Required {
			lines = append(lines, `-H "`+p.Name+`: $`+strings.ToUpper(strings.NewReplacer("-", "_").Replace(p.Name))+`"`)
		}
	}
	if hasBody {
		lines = append(lines, `-H 'Content-Type: `+c.Body.Forms[0].Type+`'`)
		if len(c.Body.Forms[0].Examples) > 0 {
			lines = append(lines, `-d '`+strings.ReplaceAll(c.Body.Forms[0].Examples[0].JSON, "'", `'\''`)+`'`)
		} else {
			lines = append(lines, `-d "$BODY"`)
		}
	}
	return strings.Join(lines, " \\\n  ")
}
