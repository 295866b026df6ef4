package notify

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

const (
	// consolePath is where the console shows a tenant's webhooks; an id after it, one of them.
	consolePath = "/console/webhooks"
	// maxName and maxURL are how many characters of them are shown.
	maxName = 60
	maxURL  = 120
	// columns is how wide text is where it can be broken.
	columns = 76
)

// wording is what is said of a kind of change.
type wording struct {
	became string // in a subject, after the webhook's name
	means  string
	next   string // before the link
}

// wordings are of the changes that are mailed, by type, and by type and reason where that says more.
func wordings() map[string]wording {
	return map[string]wording{
		systemevent.WebhookCreated: {
			"was created", "From now on it gets the events above.",
			"If nobody of yours made it, look at it and delete it",
		},
		systemevent.WebhookFailing: {
			"is failing",
			"A delivery to it failed at every attempt, and nothing was left of its retries. We go on sending new events; the first success makes it active again.",
			"See what its receiver answered, and send again what failed",
		},
		systemevent.WebhookRecovered: {
			"is active again", "An event was delivered to it successfully.",
			"Send again what failed meanwhile",
		},
		systemevent.WebhookDisabled: {
			"was made inactive", "No more events are sent to it.",
			"Make it active again",
		},
		systemevent.WebhookDisabled + " " + systemevent.Gone: {
			"was made inactive", "Its receiver answered 410 Gone, which asks for no more requests. No more events are sent to it.",
			"Once its receiver is back, make it active again",
		},
		systemevent.WebhookDisabled + " " + systemevent.FailingForDays: {
			"was made inactive", "Every attempt of 5 days failed. No more events are sent to it.",
			"Once its receiver works, make it active again",
		},
	}
}

func mails(eventType string) bool {
	_, ok := wordings()[eventType]
	return ok && webhook.IsSystemType(eventType)
}

// change is a notice as it is mailed. Its texts are clean: one line each, cut.
type change struct {
	id, eventType, reason string
	webhook, name, url    string
	events                []string
	at                    time.Time
}

// readChange returns webhook.Malformed for a notice that lacks what a mail is about.
func readChange(n systemevent.Notice) (change, error) {
	malformed := func(what string, cause error) (change, error) {
		return change{}, &webhook.Error{Kind: webhook.Malformed, Code: "malformed", Message: "the notice's " + what, Cause: cause}
	}
	var d systemevent.WebhookData
	if err := json.Unmarshal(n.Detail.Data, &d); err != nil {
		return malformed("data is not a webhook's", err)
	}
	switch {
	case n.Detail.Tenant == "" || n.Detail.ID == "":
		return malformed("detail names no tenant or has no id", nil)
	case !webhook.ValidGivenID(d.WebhookID):
		return malformed("data names no webhook", nil)
	}
	c := change{
		id: n.Detail.ID, eventType: n.DetailType, reason: d.Reason,
		webhook: d.WebhookID, name: line(d.Name, maxName), url: showURL(d.URL),
	}
	for i, e := range d.Events {
		if i == webhook.MaxWebhookEvents { // more than a webhook has, and a mail is to stay short whatever a notice says
			c.events = append(c.events, fmt.Sprintf("and %d more", len(d.Events)-i))
			break
		}
		c.events = append(c.events, line(e, maxURL))
	}
	var err error
	if c.at, err = time.Parse(time.RFC3339, d.Since); err != nil {
		c.at = n.Time
	}
	if c.at.IsZero() {
		return malformed("data does not say since when", err)
	}
	c.at = c.at.UTC()
	return c, nil
}

func (c change) entry() entry {
	return entry{ID: c.id, Type: c.eventType, Webhook: c.webhook, Name: c.name, URL: c.url, At: c.at}
}

func (c change) mail(t webhook.Tenant, product, console string) Mail {
	w, ok := wordings()[c.eventType+" "+c.reason]
	if !ok {
		w = wordings()[c.eventType]
	}
	title := c.entry().title() + " " + w.became
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", title)
	fmt.Fprintf(&b, "  URL     %s\n", c.url)
	fmt.Fprintf(&b, "  Events  %s\n", wrap(strings.Join(c.events, ", "), "          "))
	fmt.Fprintf(&b, "  When    %s\n\n", c.at.Format(shownTime))
	fmt.Fprintf(&b, "%s\n\n%s:\n%s\n", wrap(w.means, ""), w.next, link(console, c.webhook))
	b.WriteString(footer(t, product))
	return Mail{Tenant: t.ID, To: t.NotifyEmail, Subject: fmt.Sprintf("[%s] %s", product, title), Text: b.String()}
}

// mail is the digest of what is left of an hour.
func (d leftover) mail(t webhook.Tenant, hour time.Time, product, console string) Mail {
	n := len(d.entries) + d.more
	what := fmt.Sprintf("%d more changes of webhooks", n)
	if n == 1 {
		what = "1 more change of a webhook"
	}
	from, to := hour.UTC().Format("2 January 2006, 15:04"), hour.UTC().Add(time.Hour).Format("15:04 MST")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", wrap(fmt.Sprintf("%s from %s to %s. The first %d of an hour come in a mail each, the others together.", what, from, to, perHour), ""))
	words := wordings()
	for _, e := range d.entries {
		fmt.Fprintf(&b, "  %s %s\n    at %s\n    %s\n    %s\n\n", e.title(), words[e.Type].became, e.At.Format(shownTime), e.URL, link(console, e.Webhook))
	}
	if d.more > 0 {
		fmt.Fprintf(&b, "  … and about %d more.\n\n", d.more)
	}
	fmt.Fprintf(&b, "All webhooks, as they stand now:\n%s\n", link(console, ""))
	b.WriteString(footer(t, product))
	return Mail{Tenant: t.ID, To: t.NotifyEmail, Subject: fmt.Sprintf("[%s] %s", product, what), Text: b.String()}
}

const shownTime = "2 January 2006, 15:04:05 MST"

// title names the webhook: by its URL's host if it has no name.
func (e entry) title() string {
	name := e.Name
	if name == "" {
		name = e.URL
		if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
			name = line(u.Host, maxName)
		}
	}
	return "Webhook “" + name + "”"
}

func link(console, id string) string {
	at := strings.TrimSuffix(console, "/") + consolePath
	if id != "" {
		at += "/" + url.PathEscape(id)
	}
	return at
}

func footer(t webhook.Tenant, product string) string {
	return "\n-- \n" + wrap(fmt.Sprintf("This address is set for notices of %s on %s.", line(t.Name, maxName), product), "") + "\n"
}

const noURL = "(not a URL)"

// showURL returns a URL without what often holds a secret (who logs in, the query, the fragment), and cut.
func showURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return noURL
	}
	if u.Path == webhook.MaskedPath { // String would percent-encode the ellipsis
		return line(u.Scheme+"://"+u.Host+webhook.MaskedPath, maxURL)
	}
	hidden := u.RawQuery != "" || u.Fragment != ""
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	shown := u.String()
	if hidden {
		shown += "?…"
	}
	return line(shown, maxURL)
}

// line returns text as one line of at most most characters: controls and breaks are spaces, several spaces are one, and
// what turns or hides text is left out, so that nothing looks like more than it is.
func line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return text
}

// wrap breaks text at spaces; lines after the first begin with indent.
func wrap(text, indent string) string {
	var lines [][]string
	width := columns
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word)) + 1
		if len(lines) == 0 || width+n > columns {
			lines = append(lines, nil)
			width = len(indent)
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], word)
		width += n
	}
	joined := make([]string, len(lines))
	for i, words := range lines {
		joined[i] = strings.Join(words, " ")
	}
	return strings.Join(joined, "\n"+indent)
}
