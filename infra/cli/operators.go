package main

import (
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hookline/shared/api"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/webhook"
)

// keys are API keys. An admin has no key of a tenant, and makes one by --tenant for the time of the work.
func (a *app) keys() *cobra.Command {
	var tenant, name string
	var scopes []string
	create := &cobra.Command{
		Use: "create --name NAME", Short: "Make an API key, which is shown here only", Args: cobra.NoArgs,
		Example: "  export HOOKLINE_API_KEY=$(hookline keys create --tenant acme --name night-shift --output json | jq -r .key)",
	}
	create.RunE = func(cmd *cobra.Command, _ []string) error {
		body := api.NewKey{KeyInput: management.KeyInput{Name: input.Of(name), Scopes: input.Of(scopes)}}
		if tenant != "" {
			return a.show(cmd, request{method: "POST", path: "/v1/tenants/" + url.PathEscape(tenant) + "/keys", body: body, admin: true})
		}
		return a.show(cmd, request{method: "POST", path: "/v1/keys", body: body})
	}
	create.Flags().StringVar(&name, "name", "", "whose or what for (needed)")
	create.Flags().StringSliceVar(&scopes, "scopes", webhook.Scopes(), "what it may do")
	create.Flags().StringVar(&tenant, "tenant", "", "for this tenant, as the admin")
	return group("keys", "API keys of the tenant",
		lister(a, "List keys", false, fixed("/v1/keys"), []column[api.Key]{
			{"ID", func(k api.Key) string { return k.ID }},
			{"NAME", func(k api.Key) string { return k.Name }},
			{"CREATED", func(k api.Key) string { return k.CreatedAt.String() }},
			{"SCOPES", func(k api.Key) string { return strings.Join(k.Scopes, ",") }},
		}), create,
		a.one("delete", "Delete a key; its sessions and portal links end too", "DELETE", "/v1/keys/%s", false))
}

func (a *app) sources() *cobra.Command {
	return group("sources", "Where the tenant's deployments are reported from",
		lister(a, "List sources", false, fixed("/v1/sources"), []column[api.Source]{
			{"ID", func(s api.Source) string { return s.ID }},
			{"KIND", func(s api.Source) string { return s.Kind }},
			{"NAME", func(s api.Source) string { return s.Name }},
			{"URL", func(s api.Source) string { return s.URL }},
		}),
		a.sender("create", "Make a source; its secret is shown here only", "POST", "/v1/sources", false),
		a.one("delete", "Delete a source", "DELETE", "/v1/sources/%s", false))
}

// audit lists who changed what: of the key's own tenant, or as the admin of any.
func (a *app) audit() *cobra.Command {
	var tenant string
	path := func() string {
		if tenant == "" {
			return "/v1/audit-logs"
		}
		return "/v1/tenants/" + url.PathEscape(tenant) + "/audit-logs"
	}
	flags := []string{
		"since", "then or later", "until", "before",
		"actor", "id or type of who did it", "action", "as key.create", "target", "id or type of what was changed",
	}
	list := lister(a, "List who changed what, the newest first", false, path, auditColumns(), flags...)
	list.Use = "audit"
	list.Flags().StringVar(&tenant, "tenant", "", "of this tenant, as the admin")
	return list
}

func auditColumns() []column[api.AuditEntry] {
	return []column[api.AuditEntry]{
		{"AT", func(e api.AuditEntry) string { return e.CreatedAt.String() }},
		{"ACTION", func(e api.AuditEntry) string { return e.Action }},
		{"TARGET", func(e api.AuditEntry) string { return e.Target.ID }},
		{"BY", func(e api.AuditEntry) string { return e.Actor.Type + " " + e.Actor.Name }},
		{"FROM", func(e api.AuditEntry) string {
			if e.IP == nil {
				return ""
			}
			return *e.IP
		}},
		{"CHANGED", func(e api.AuditEntry) string { return strings.Join(e.Changed, ",") }},
	}
}

func (a *app) adminLink() *cobra.Command {
	return &cobra.Command{
		Use: "admin-link", Short: "Make a link to the operators' console, for one hour", Args: cobra.NoArgs,
		Long: "The link opens once and lets in anybody who has it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.show(cmd, request{method: "POST", path: "/v1/admin-links", admin: true})
		},
	}
}

// usage is a tenant's days that had any.
func (a *app) usage() *cobra.Command {
	given := filters{}
	cmd := &cobra.Command{Use: "usage ID", Short: "Show its events, deliveries and attempts by day", Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query, err := given.query()
		if err != nil {
			return err
		}
		var list rawList
		if err := a.call(cmd.Context(), request{method: "GET", path: "/v1/tenants/" + url.PathEscape(args[0]) + "/usage", query: query, admin: true}, &list); err != nil {
			return err
		}
		return table(a, list, []column[api.DayUsage]{
			{"DATE", func(d api.DayUsage) string { return d.Date }},
			{"EVENTS", func(d api.DayUsage) string {
				if d.Events == nil {
					return "not kept"
				}
				return strconv.Itoa(*d.Events)
			}},
			{"DELIVERIES", func(d api.DayUsage) string { return strconv.Itoa(d.Deliveries) }},
			{"ATTEMPTS", func(d api.DayUsage) string { return strconv.Itoa(d.Attempts) }},
		}...)
	}
	given.add(cmd, "since", "from this time's day on; 30 days back if left out")
	given.add(cmd, "until", "before; now if left out")
	return cmd
}

// version is the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	out := "unknown"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			out = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			out += ", changed"
		}
	}
	return out
}
