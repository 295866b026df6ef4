package session

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"

	"hookline/shared/console/page"
	"hookline/shared/httpapi"
	"hookline/shared/portal"
	"hookline/shared/webhook"
)

// portalPage is what is said to somebody who comes by a link and is not let in, or not yet.
type portalPage struct {
	Heading, Text string
	Link          string // to be opened by a button, "" for none
}

// portalLink takes a link that was followed. It works once, so what only looks ahead must not use it up: a browser that
// fetches in case, or for something else than a page, and a program that says that it previews links, get a page with a
// button. Whoever else comes is let in at once, without which a product could not embed the console.
func (s *Sessions) portalLink(v *page.Visit) {
	how := previews
	if goes(v.R) {
		how = visits
	}
	s.enter(v, v.R.URL.Query().Get(httpapi.PortalField), how)
}

// portalOpen takes a link by its page's button.
func (s *Sessions) portalOpen(v *page.Visit) {
	s.enter(v, v.R.PostFormValue(httpapi.PortalField), pressed)
}

// approach is how somebody comes by a link.
type approach int

const (
	previews approach = iota // ahead, perhaps without a person
	visits                   // goes to the page
	pressed                  // has pressed the button of the page that asks
)

// goes reports whether somebody goes to the page: by what browsers say of a request (https://www.w3.org/TR/fetch-metadata/,
// https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Purpose), else by what a program calls itself.
func goes(r *http.Request) bool {
	ahead := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Moz")
	if r.Method != http.MethodGet || strings.Contains(ahead, "prefetch") {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && (r.Header.Get("Sec-Fetch-Dest") == "document" || framed(r))
	}
	agent := strings.ToLower(r.UserAgent())
	return !slices.ContainsFunc(previewers(), func(name string) bool { return strings.Contains(agent, name) })
}

// previewers are parts of the names of programs that show what a link leads to: Slackbot, Twitterbot, LinkedInBot,
// TelegramBot and Discordbot; facebookexternalhit; WhatsApp; Teams' SkypeUriPreview; Google's image proxy; crawlers.
func previewers() []string {
	return []string{"bot", "externalhit", "whatsapp", "preview", "imageproxy", "crawl", "spider"}
}

// framed reports whether a browser asks for a page to show it in a frame.
func framed(r *http.Request) bool {
	return slices.Contains([]string{"iframe", "frame"}, r.Header.Get("Sec-Fetch-Dest"))
}

// enter lets in the holder of the link, if it is to be used now. It asks first where somebody else is signed in: a link could
// come from anybody, and its holder would go on working as another tenant without noticing.
func (s *Sessions) enter(v *page.Visit, text string, how approach) {
	ctx := v.R.Context()
	l, err := portal.Open(ctx, s.Box, portal.Address, text)
	if errors.Is(err, portal.ErrUnreadable) {
		refuse(v, http.StatusNotFound, "This link does not work", "It may have been cut off. Go back to where you found it and open it from there.")
		return
	}
	if err != nil {
		v.Failed(err)
		return
	}
	t, err := s.Store.Tenant(ctx, l.Tenant)
	gone := err == nil && !t.CreatedAt.Equal(l.Since) || webhook.Is(err, webhook.NotFound)
	if err == nil && !gone {
		v.AllowFrames(t.FrameAncestors...)
		var ok bool
		v.Key, ok, err = s.holder(ctx, l)
		gone = err == nil && !ok
	}
	const again = "Go back to where you found it: it makes a new link each time."
	switch {
	case gone:
		refuse(v, http.StatusGone, "This link has been withdrawn", again)
	case err != nil:
		v.Failed(err)
	case !s.Now().Before(l.Expires):
		refuse(v, http.StatusGone, "This link's time is over", again)
	case how == previews:
		v.Show(http.StatusOK, "portal", "", "", "Open your webhooks", portalPage{
			Heading: "Open your webhooks", Text: "This link can be opened once.", Link: text,
		})
	case how == pressed:
		s.use(v, l)
	default:
		other, err := s.other(v, l)
		switch {
		case err != nil:
			v.Failed(err)
		case other == "":
			s.use(v, l)
		default:
			v.Show(http.StatusOK, "portal", "", "", "Change to "+t.Name, portalPage{
				Heading: "Open the webhooks of " + t.Name + "?",
				Text:    "You are signed in " + other + ". When you open this link, you are signed out and work as a guest of " + t.Name + ".", Link: text,
			})
		}
	}
}

// other says how the visitor is signed in where the link would change who they are: "" where nobody is signed in, or
// somebody who came by a link of the same tenant. In a frame the page around it knows who they are, and has made the link.
func (s *Sessions) other(v *page.Visit, l portal.Link) (string, error) {
	if framed(v.R) {
		return "", nil
	}
	who, ok, err := s.visitor(v.R.Context(), v.R)
	if err != nil || !ok || who.link != nil && who.link.Tenant == l.Tenant && who.link.Since.Equal(l.Since) {
		return "", err
	}
	t, err := s.Store.Tenant(v.R.Context(), who.key.Tenant)
	if webhook.Is(err, webhook.NotFound) {
		return "", nil
	}
	if who.link == nil {
		return "with an API key of " + t.Name, err
	}
	return "as a guest of " + t.Name, err
}

// use marks the link as used and signs its holder in. Whoever dies in between has a link that is used up, and nobody in.
func (s *Sessions) use(v *page.Visit, l portal.Link) {
	ctx, now := v.R.Context(), s.Now()
	_, first, err := s.Store.Pin(ctx, l.Use(now))
	if err == nil && !first {
		refuse(v, http.StatusGone, "This link has been used", "It opens once. Go back to where you found it: it makes a new link each time.")
		return
	}
	sealed := ""
	if err == nil {
		sealed, err = l.Seal(ctx, s.Box, portal.Session)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	if _, err := v.R.Cookie(cookieName(v.R, keyCookieName)); err == nil && !framed(v.R) {
		http.SetCookie(v.W, keyCookie(v.R, "", -1)) // the link is who they are now, also when its time is over
	}
	http.SetCookie(v.W, portalCookie(v.R, sealed, int(math.Ceil(l.Expires.Sub(now).Seconds()))))
	v.Redirect(v.Start())
}

func refuse(v *page.Visit, status int, heading, text string) {
	v.Show(status, "portal", "", "", heading, portalPage{Heading: heading, Text: text})
}
