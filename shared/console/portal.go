package console

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"

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
func (c *Console) portalLink(w http.ResponseWriter, r *http.Request) {
	link := r.URL.Query().Get(httpapi.PortalField)
	how := previews
	if goes(r) {
		how = visits
	}
	c.enter(&visit{Console: c, w: w, r: r}, link, how)
}

// portalOpen takes a link by its page's button.
func (c *Console) portalOpen(w http.ResponseWriter, r *http.Request) {
	c.enter(&visit{Console: c, w: w, r: r}, r.PostFormValue(httpapi.PortalField), pressed)
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
func (c *Console) enter(v *visit, text string, how approach) {
	ctx := v.r.Context()
	l, err := portal.Open(ctx, c.Box, portal.Address, text)
	if errors.Is(err, portal.ErrUnreadable) {
		v.refuse(http.StatusNotFound, "This link does not work", "It may have been cut off. Go back to where you found it and open it from there.")
		return
	}
	if err != nil {
		v.failed(err)
		return
	}
	t, err := c.Store.Tenant(ctx, l.Tenant)
	gone := err == nil && !t.CreatedAt.Equal(l.Since) || webhook.KindOf(err) == webhook.NotFound
	if err == nil && !gone {
		v.allowFrames(t)
		var ok bool
		v.key, ok, err = c.holder(ctx, l)
		gone = err == nil && !ok
	}
	const again = "Go back to where you found it: it makes a new link each time."
	switch {
	case gone:
		v.refuse(http.StatusGone, "This link has been withdrawn", again)
	case err != nil:
		v.failed(err)
	case !c.now().Before(l.Expires):
		v.refuse(http.StatusGone, "This link's time is over", again)
	case how == previews:
		v.show(http.StatusOK, "portal", "", "", "Open your webhooks", portalPage{
			Heading: "Open your webhooks", Text: "This link can be opened once.", Link: text,
		})
	case how == pressed:
		v.use(l)
	default:
		other, err := v.other(l)
		switch {
		case err != nil:
			v.failed(err)
		case other == "":
			v.use(l)
		default:
			v.show(http.StatusOK, "portal", "", "", "Change to "+t.Name, portalPage{
				Heading: "Open the webhooks of " + t.Name + "?",
				Text:    "You are signed in " + other + ". When you open this link, you are signed out and work as a guest of " + t.Name + ".", Link: text,
			})
		}
	}
}

// other says how the visitor is signed in where the link would change who they are: "" where nobody is signed in, or
// somebody who came by a link of the same tenant. In a frame the page around it knows who they are, and has made the link.
func (v *visit) other(l portal.Link) (string, error) {
	if framed(v.r) {
		return "", nil
	}
	who, ok, err := v.caller(v.r.Context(), v.r)
	if err != nil || !ok || who.portal != nil && who.portal.Tenant == l.Tenant && who.portal.Since.Equal(l.Since) {
		return "", err
	}
	t, err := v.Store.Tenant(v.r.Context(), who.key.Tenant)
	if webhook.KindOf(err) == webhook.NotFound {
		return "", nil
	}
	if who.portal == nil {
		return "with an API key of " + t.Name, err
	}
	return "as a guest of " + t.Name, err
}

// use marks the link as used and signs its holder in. Whoever dies in between has a link that is used up, and nobody in.
func (v *visit) use(l portal.Link) {
	ctx, now := v.r.Context(), v.now()
	_, first, err := v.Store.Pin(ctx, l.Use(now))
	if err == nil && !first {
		v.refuse(http.StatusGone, "This link has been used", "It opens once. Go back to where you found it: it makes a new link each time.")
		return
	}
	sealed := ""
	if err == nil {
		sealed, err = l.Seal(ctx, v.Box, portal.Session)
	}
	if err != nil {
		v.failed(err)
		return
	}
	if _, err := v.r.Cookie(cookieName(v.r, sessionCookie)); err == nil && !framed(v.r) {
		http.SetCookie(v.w, cookie(v.r, "", -1)) // the link is who they are now, also when its time is over
	}
	http.SetCookie(v.w, framedCookie(v.r, sealed, int(math.Ceil(l.Expires.Sub(now).Seconds()))))
	v.redirect(v.start())
}

func (v *visit) refuse(status int, heading, text string) {
	v.show(status, "portal", "", "", heading, portalPage{Heading: heading, Text: text})
}
