package console

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"hookline/shared/brand"
	"hookline/shared/console/account"
	"hookline/shared/console/auditlog"
	"hookline/shared/console/dashboard"
	"hookline/shared/console/deliveries"
	"hookline/shared/console/deployments"
	"hookline/shared/console/dialects"
	"hookline/shared/console/events"
	"hookline/shared/console/help"
	"hookline/shared/console/operators"
	"hookline/shared/console/page"
	"hookline/shared/console/session"
	"hookline/shared/console/webhooks"
	"hookline/shared/operations"
	"hookline/shared/seal"
)

// Store is the part of store.Store that the console uses besides the API: to sign people in, and for reports that the API
// does not show as they came.
type Store interface {
	session.Store
	deployments.Store
}

// Mails has the mails that were sent. It exists only where they are kept, on one machine.
type Mails = account.Mails

// Mail is a mail that was sent, as text.
type Mail = account.Mail

// Console serves the pages below /console/. Its fields are set before use and not changed.
type Console struct {
	// API is the HTTP API. It takes requests whose context names their caller (httpapi.WithCaller).
	API      http.Handler
	Store    Store
	Dialects session.Dialects
	Box      seal.Box
	Brand    brand.Brand // what it has is shown in place of ours
	// Management checks descriptions of dialects that operators write.
	Management dialects.Service
	// Operations has what the operators' pages show and the API does not.
	Operations *operations.Service
	// Trials is the guarded client that sends an operator's example of a dialect, also to private targets with AllowPrivate.
	Trials       dialects.Poster
	AllowPrivate bool
	// AdminKeyHash is webhook.HashAPIKey of the admin key, which signs in to the operators' console; "" where there is none, as
	// on AWS. Links open that console either way.
	AdminKeyHash string
	// Mails are shown on a page. If it is nil there is no such page.
	Mails Mails
	// Counts are what the operators' dashboard shows. If it is nil, that leads to Dashboard, the address of CloudWatch's.
	Counts    dashboard.Counts
	Dashboard string
	// Now returns the time of the deployment's clock. Nil means time.Now.
	Now func() time.Time
	// Span converts a span of real time into one of that clock. Nil leaves it unchanged.
	Span func(time.Duration) time.Duration
	// Log gets a line for each page that failed. Nil discards them.
	Log *slog.Logger
	// Files are the templates and assets. If it is nil, Handler reads them. Consoles can share them.
	Files *Files
}

// Path begins the paths of all pages.
const Path = "/console/"

// rooms returns the rooms of the pages that need a sign-in, in the order of the navigation.
func (c *Console) rooms() []page.Room {
	return []page.Room{
		webhooks.Room(c.Box), deliveries.Room(), events.Room(), deployments.Room(c.Store), account.Room(c.Mails),
		operators.Room(c.Operations), dialects.Room(c.Management, c.Trials, c.AllowPrivate), dashboard.Room(c.Counts, c.Dashboard), auditlog.Room(), help.Room(),
	}
}

func (c *Console) sessions() *session.Sessions {
	return &session.Sessions{Store: c.Store, Dialects: c.Dialects, Box: c.Box, AdminKeyHash: c.AdminKeyHash, Now: c.now, Span: c.Span}
}

// Files are the embedded templates and assets. Each is parsed or compressed when it is first asked for.
type Files = page.Files

// ReadFiles reads the files.
func ReadFiles() (*Files, error) {
	c := &Console{}
	return page.ReadFiles(append(c.rooms(), c.sessions().Room())...)
}

// Handler returns a handler of all pages. It answers only paths below Path, and leads from the root to them.
func (c *Console) Handler() (http.Handler, error) {
	if c.Files == nil {
		var err error
		if c.Files, err = ReadFiles(); err != nil {
			return nil, err
		}
	}
	rooms, sessions := c.rooms(), c.sessions()
	site := &page.Site{API: c.API, Brand: c.Brand, Files: c.Files, Now: c.now, Log: c.Log}
	for _, room := range rooms {
		site.Sections = append(site.Sections, room.Sections...)
		site.Operators = append(site.Operators, room.OperatorSections...)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+page.AssetsPath, c.Files)
	mux.Handle("GET "+page.BrandPath, page.BrandColors(c.Brand))
	for pattern, serve := range sessions.Room().Open {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serve(site.Visit(w, r)) })
	}
	for _, room := range rooms {
		for pattern, serve := range room.Pages {
			mux.Handle(pattern, sessions.SignedIn(site, serve))
		}
		for pattern, serve := range room.Operators {
			mux.Handle(pattern, sessions.Operator(site, serve))
		}
	}
	mux.Handle(operators.Home, sessions.Operator(site, (*page.Visit).NotFound))
	mux.Handle(Path, sessions.SignedIn(site, (*page.Visit).NotFound))
	mux.Handle("GET /{$}", http.RedirectHandler(Path, http.StatusSeeOther))
	// Browsers say from which site a form comes, so that forms of other sites are refused without a token.
	return page.Secured(c.Brand, http.NewCrossOriginProtection().Handler(mux)), nil
}

// Pages returns the patterns of all pages that need a sign-in, in order, so that a test can visit each.
func (c *Console) Pages() []string {
	return c.patterns(func(r page.Room) map[string]func(*page.Visit) { return r.Pages })
}

// OperatorPages returns those of the operators' console.
func (c *Console) OperatorPages() []string {
	return c.patterns(func(r page.Room) map[string]func(*page.Visit) { return r.Operators })
}

func (c *Console) patterns(of func(page.Room) map[string]func(*page.Visit)) []string {
	var out []string
	for _, room := range c.rooms() {
		for pattern := range of(room) {
			out = append(out, pattern)
		}
	}
	slices.Sort(out)
	return out
}

func (c *Console) now() time.Time {
	if c.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return c.Now().UTC().Truncate(time.Millisecond)
}
