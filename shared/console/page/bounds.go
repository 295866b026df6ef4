package page

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Allowed reports whether the visitor may make the request. If not, it answers that the page is not there, for a guest who
// sees one webhook alone, or that nothing can be changed, for a guest who only reads. The API refuses the same once more.
func (v *Visit) Allowed() bool {
	switch {
	case v.Guest == nil:
		return true
	case !v.sees(v.R.URL.Path):
		v.NotFound()
	case v.Guest.ReadOnly && (v.R.Method != http.MethodGet && v.R.Method != http.MethodHead || asks(v.R.Pattern)):
		v.ShowError(http.StatusForbidden, "Nothing can be changed here", "The link that you came by is for reading.")
	default:
		return true
	}
	return false
}

// sees reports whether a page may be there for the visitor. Of deliveries and replays only the API knows whose they are.
func (v *Visit) sees(page string) bool {
	if v.Guest == nil || v.Guest.Webhook == "" {
		return true
	}
	own := v.FirstPage()
	return page == own || strings.HasPrefix(page, own+"/") || strings.HasPrefix(page, "/console/deliveries/") ||
		strings.HasPrefix(page, "/console/replays/") || page == "/console/webhook-form" || page == "/console/"
}

// asks reports whether a page is there to be filled in and sent: by its pattern, or by an address that leads there.
func asks(pattern string) bool {
	return slices.Contains([]string{"new", "edit", "delete", "rotate-secret", "test", "replay", "import", "portal-link"}, path.Base(pattern))
}

// tags finds what bounded takes out. It is made when it is first needed, which few visits do.
type tags struct {
	once       sync.Once
	form, link *regexp.Regexp
}

func (t *tags) ready() *tags {
	t.once.Do(func() {
		t.form = regexp.MustCompile(`(?s)<form\b[^>]*\bmethod="post"[^>]*>.*?</form>`)
		t.link = regexp.MustCompile(`(?s)<a\b[^>]*\bhref="(/console/[^"?#]*)[^"]*"[^>]*>(.*?)</a>`)
	})
	return t
}

// bounded returns a page without what the visitor may not use: the forms that change something, except for the one that signs
// out, and the links that lead to such forms or to nothing. It goes over every page as it was rendered, so that no template can
// forget it.
func (v *Visit) bounded(html []byte) []byte {
	if v.Guest == nil || !v.Guest.ReadOnly && v.Guest.Webhook == "" {
		return html
	}
	find := v.site.tags.ready()
	if v.Guest.ReadOnly {
		html = find.form.ReplaceAllFunc(html, func(form []byte) []byte {
			if strings.HasPrefix(string(form), `<form class="who"`) {
				return form
			}
			return nil
		})
	}
	return find.link.ReplaceAllFunc(html, func(link []byte) []byte {
		parts := find.link.FindSubmatch(link)
		switch to := string(parts[1]); {
		case v.Guest.ReadOnly && asks(to):
			return nil
		case !v.sees(to) && !strings.HasPrefix(to, AssetsPath):
			return parts[2]
		}
		return link
	})
}
