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

// portalPage is the data of the page for somebody whom a link does not sign in, or not yet.
type portalPage struct {
	Heading, Text string
	Link          string // a button opens it; "" shows no button
	Action        string // where the button leads; "" means httpapi.PortalPath
}

// portalLink opens a link that was followed. A link works once, so programs that only look ahead must not use it up: a
// browser that prefetches, or that fetches anything but a page, and a program that says that it previews links get a page
// with a button. Every other visitor is signed in at once, without which a product could not embed the console.
func (s *Sessions) portalLink(v *page.Visit) {
	how := prefetched
	if navigates(v.R) {
		how = navigated
	}
	s.open(v, v.R.URL.Query().Get(httpapi.PortalField), how)
}

// portalOpen opens a link when the button of its page is pressed.
func (s *Sessions) portalOpen(v *page.Visit) {
	s.open(v, v.R.PostFormValue(httpapi.PortalField), confirmed)
}

// opening is the way in which a link was opened.
type opening int

const (
	prefetched opening = iota // perhaps by no person
	navigated                 // by a person who goes to the page
	confirmed                 // by the button of the page that asks
)

// navigates reports whether a person goes to the page. Browsers say so in headers (https://www.w3.org/TR/fetch-metadata/,
// https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Purpose); of other programs the name has to do.
func navigates(r *http.Request) bool {
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

// previewers are parts of the names of programs that preview links: Slackbot, Twitterbot, LinkedInBot,
// TelegramBot and Discordbot; facebookexternalhit; WhatsApp; Teams' SkypeUriPreview; Google's image proxy; crawlers.
func previewers() []string {
	return []string{"bot", "externalhit", "whatsapp", "preview", "imageproxy", "crawl", "spider"}
}

// framed reports whether a browser will show the page in a frame.
func framed(r *http.Request) bool {
	return slices.Contains([]string{"iframe", "frame"}, r.Header.Get("Sec-Fetch-Dest"))
}

// open signs the holder of the link in, unless it was only prefetched. It asks first if the visitor is signed in as somebody
// else: anybody could have sent the link, and its holder would go on working as another tenant without noticing.
func (s *Sessions) open(v *page.Visit, text string, how opening) {
	ctx := v.R.Context()
	l, err := portal.Open(ctx, s.Box, portal.Address, text)
	if errors.Is(err, portal.ErrUnreadable) {
		showRefusal(v, http.StatusNotFound, "This link does not work", "It may have been cut off. Go back to where you found it and open it from there.")
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
		v.Key, ok, err = s.guestKey(ctx, l)
		gone = err == nil && !ok
	}
	const again = "Go back to where you found it: it makes a new link each time."
	switch {
	case gone:
		showRefusal(v, http.StatusGone, "This link has been withdrawn", again)
	case err != nil:
		v.Failed(err)
	case !s.Now().Before(l.Expires):
		showRefusal(v, http.StatusGone, "This link's time is over", again)
	case how == prefetched:
		v.Show(http.StatusOK, "portal", "", "", "Open your webhooks", portalPage{
			Heading: "Open your webhooks", Text: "This link can be opened once.", Link: text,
		})
	case how == confirmed:
		s.signInGuest(v, l)
	default:
		other, err := s.signedInAs(v, l)
		switch {
		case err != nil:
			v.Failed(err)
		case other == "":
			s.signInGuest(v, l)
		default:
			v.Show(http.StatusOK, "portal", "", "", "Change to "+t.Name, portalPage{
				Heading: "Open the webhooks of " + t.Name + "?",
				Text:    "You are signed in " + other + ". When you open this link, you are signed out and work as a guest of " + t.Name + ".", Link: text,
			})
		}
	}
}

// signedInAs says as whom the visitor is signed in, if the link would change that. It returns "" if no one is signed in, or
// the visitor came by a link of the same tenant. In a frame it returns "" too: the page around the frame has made the link.
func (s *Sessions) signedInAs(v *page.Visit, l portal.Link) (string, error) {
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

// signInGuest marks the link as used and signs its holder in. A crash in between leaves a used link and no session.
func (s *Sessions) signInGuest(v *page.Visit, l portal.Link) {
	ctx, now := v.R.Context(), s.Now()
	_, first, err := s.Store.Pin(ctx, l.Use(now))
	if err == nil && !first {
		showRefusal(v, http.StatusGone, "This link has been used", "It opens once. Go back to where you found it: it makes a new link each time.")
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
		http.SetCookie(v.W, keyCookie(v.R, "", -1)) // the visitor is the link's holder from now on, also when that session has expired
	}
	http.SetCookie(v.W, portalCookie(v.R, sealed, int(math.Ceil(l.Expires.Sub(now).Seconds()))))
	v.Guest = &l
	v.Redirect(v.FirstPage())
}

func showRefusal(v *page.Visit, status int, heading, text string) {
	v.Show(status, "portal", "", "", heading, portalPage{Heading: heading, Text: text})
}
