package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hookline/shared/api"
	"hookline/shared/input"
	"hookline/shared/webhook"
)

// app is the program while it runs one command.
type app struct {
	process
	http   *http.Client
	acc    *account // nil until the first call
	output string
}

func (a *app) json() bool { return a.output == "json" }

func (a *app) root() *cobra.Command {
	root := group("hookline", "Manage a Hookline stack",
		a.login(), a.tenants(), a.keys(), a.webhooks(), a.events(), a.deliveries(), a.replays(), a.sources(), a.trigger(), a.deadLetters(), a.redrive(),
		a.tail(), a.imports(), a.audit(), a.adminLink(), a.doctor(), a.copyTable())
	root.Version = version()
	root.Long = "hookline manages a Hookline stack over its HTTP API.\n\n" +
		"Sign in with `hookline login URL`; HOOKLINE_URL, HOOKLINE_API_KEY, HOOKLINE_ADMIN_KEY and HOOKLINE_STACK override it.\n" +
		"Exit codes: 0 done, 1 refused or failed, 2 wrong command, 3 credential missing or refused, 4 not found,\n" +
		"5 the stack cannot be reached or fails, 6 doctor found troubles."
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "table", "json or table")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; `%s --help` lists the flags", err, cmd.CommandPath())}
	})
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "json" && a.output != "table" {
			return usageError{fmt.Errorf("--output is json or table, not %q", a.output)}
		}
		return nil
	}
	if err := root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "table"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is defined above
	}
	checkArgs(root)
	return root
}

// group is a command that only has others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usageError{fmt.Errorf("there is no command %q; `%s --help` lists them", cmd.CommandPath()+" "+args[0], cmd.CommandPath())}
	}}
	cmd.AddCommand(commands...)
	return cmd
}

// checkArgs has every command report wrong arguments as wrong use, with the right one.
func checkArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w; the use is: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// filters are flags that become query parameters of the same meaning.
type filters map[string]*string

func (f filters) add(cmd *cobra.Command, flag, usage string) {
	f[flag] = cmd.Flags().String(flag, "", usage)
}

// query returns the parameters that were given; times may be spans, as "2h" and "7d".
func (f filters) query() (url.Values, error) {
	out := url.Values{}
	for flag, value := range f {
		if *value == "" {
			continue
		}
		text := *value
		if flag == "since" || flag == "until" {
			at, err := moment(flag, text)
			if err != nil {
				return nil, err
			}
			text = at.UTC().Format(time.RFC3339Nano)
		}
		out.Set(strings.ReplaceAll(flag, "-", "_"), text)
	}
	return out, nil
}

// moment reads a time, or a span back from now.
func moment(flag, text string) (time.Time, error) {
	if span, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-span), nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil {
			return time.Now().Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError{fmt.Errorf("--%s is a time as 2026-01-31T15:00:00Z, or a span back from now as 2h or 7d, not %q", flag, text)}
	}
	return at, nil
}

// lister is a command that prints a list. path may depend on the flags.
func lister[T any](a *app, short string, admin bool, path func() string, columns []column[T], flags ...string) *cobra.Command {
	var p page
	given := filters{}
	cmd := &cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		query, err := given.query()
		if err != nil {
			return err
		}
		where := path()
		asAdmin := admin || strings.HasPrefix(where, "/v1/tenants/") // of a tenant that is named, as --tenant does
		list, err := a.list(cmd.Context(), request{method: "GET", path: where, query: query, admin: asAdmin}, p)
		if err != nil {
			return err
		}
		return table(a, list, columns...)
	}}
	for i := 0; i < len(flags); i += 2 {
		given.add(cmd, flags[i], flags[i+1])
	}
	cmd.Flags().IntVar(&p.limit, "limit", 20, "how many at most")
	cmd.Flags().BoolVar(&p.all, "all", false, "all of them")
	cmd.Flags().StringVar(&p.cursor, "cursor", "", "go on where a list ended: its next_cursor")
	return cmd
}

func fixed(path string) func() string { return func() string { return path } }

// one is a command about one thing, named by its argument: path has %s for it.
func (a *app) one(use, short, method, path string, admin bool) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return a.show(cmd, request{method: method, path: fmt.Sprintf(path, url.PathEscape(args[0])), admin: admin})
	}}
}

// show makes a call and prints its answer, if there is one.
func (a *app) show(cmd *cobra.Command, r request) error {
	var raw json.RawMessage
	if err := a.call(cmd.Context(), r, &raw); err != nil {
		return err
	}
	if len(raw) > 0 {
		a.document(raw)
	}
	return nil
}

// sender is a command whose body is given as JSON.
func (a *app) sender(use, short, method, path string, admin bool) *cobra.Command {
	var data string
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(strings.Count(path, "%s"))}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body, err := a.data(data)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			return a.show(cmd, request{method: method, path: fmt.Sprintf(path, url.PathEscape(args[0])), body: body, admin: admin})
		}
		return a.show(cmd, request{method: method, path: path, body: body, admin: admin})
	}
	cmd.Flags().StringVarP(&data, "data", "d", "", "the fields as JSON; @FILE reads a file and - the standard input (needed)")
	return cmd
}

// data reads JSON that was given as such, in a file, or on the standard input.
func (a *app) data(text string) (json.RawMessage, error) {
	raw, err := []byte(text), error(nil)
	switch {
	case text == "":
		return nil, usageError{errors.New("--data is needed: JSON, @FILE, or - for the standard input")}
	case text == "-":
		raw, err = io.ReadAll(a.in)
	case text[0] == '@':
		raw, err = os.ReadFile(text[1:])
	}
	if err != nil {
		return nil, usageError{err}
	}
	if !json.Valid(raw) {
		return nil, usageError{errors.New("what was given is not JSON; in a shell, put it into single quotes")}
	}
	return raw, nil
}

func (a *app) tenants() *cobra.Command {
	return group("tenants", "Tenants, as the admin",
		lister(a, "List tenants", true, fixed("/v1/tenants"), tenantColumns(), "search", "a part of the id or the name"),
		a.one("get", "Show a tenant", "GET", "/v1/tenants/%s", true),
		a.sender("create", "Make a tenant; its key is shown here only", "POST", "/v1/tenants", true),
		a.sender("update ID", "Change a tenant", "PATCH", "/v1/tenants/%s", true),
		a.one("delete", "Delete a tenant with all it has", "DELETE", "/v1/tenants/%s", true),
		a.usage(),
	)
}

func (a *app) webhooks() *cobra.Command {
	return group("webhooks", "Webhooks of the tenant",
		lister(a, "List webhooks, the newest first", false, fixed("/v1/webhooks"), webhookColumns(),
			"search", "a part of the URL, the name or the id", "status", "active, inactive or failing", "stats", "true adds statistics to the JSON"),
		a.one("get", "Show a webhook", "GET", "/v1/webhooks/%s", false),
		a.sender("create", "Make a webhook; its secret is shown here and at rotation only", "POST", "/v1/webhooks", false),
		a.sender("update ID", "Change a webhook", "PATCH", "/v1/webhooks/%s", false),
		a.one("delete", "Delete a webhook", "DELETE", "/v1/webhooks/%s", false),
		a.one("test", "Send a test event and print the answer", "POST", "/v1/webhooks/%s/test", false),
		a.rotateSecret(),
		a.one("stats", "Show the last 24 hours", "GET", "/v1/webhooks/%s/stats", false),
	)
}

func (a *app) rotateSecret() *cobra.Command {
	var overlap int
	cmd := &cobra.Command{Use: "rotate-secret ID", Short: "Rotate the secret, which is shown", Args: cobra.ExactArgs(1)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var body api.Rotation
		if cmd.Flags().Changed("overlap") {
			body.OverlapSeconds = input.Of(overlap)
		}
		return a.show(cmd, request{method: "POST", path: "/v1/webhooks/" + url.PathEscape(args[0]) + "/rotate-secret", body: body})
	}
	cmd.Flags().IntVar(&overlap, "overlap", 0, "for how many seconds the old secret signs too; as the dialect has it if left out")
	return cmd
}

func (a *app) events() *cobra.Command {
	var hook string
	again := &cobra.Command{Use: "replay ID --webhook WEBHOOK", Short: "Send an event to a webhook, whether or not it had it", Args: cobra.ExactArgs(1)}
	again.RunE = func(cmd *cobra.Command, args []string) error {
		if hook == "" {
			return usageError{errors.New("--webhook is needed: the id of the webhook that gets the event")}
		}
		return a.show(cmd, request{method: "POST", path: "/v1/events/" + url.PathEscape(args[0]) + "/replay", body: api.EventReplay{WebhookID: input.Of(hook)}})
	}
	again.Flags().StringVar(&hook, "webhook", "", "the webhook's id (needed)")
	types := lister(a, "List the event types that there are", false, fixed("/v1/event-types"), []column[api.EventType]{
		{"NAME", func(t api.EventType) string { return t.Name }},
		{"DESCRIPTION", func(t api.EventType) string { return t.Description }},
	})
	types.Use = "types"
	return group("events", "The event log",
		lister(a, "List events, the newest first", false, fixed("/v1/events"), eventColumns(),
			"type", "the event type", "matched", "true or false: whether a webhook took it", "since", "accepted then or later", "until", "accepted before"),
		a.one("get", "Show an event and where it went", "GET", "/v1/events/%s", false),
		again,
		a.one("erase", "Erase an event's payload everywhere; its pending deliveries end", "DELETE", "/v1/events/%s/payload", false),
		types)
}

func (a *app) deliveries() *cobra.Command {
	var hook string
	path := func() string { return deliveriesOf(hook) }
	list := lister(a, "List deliveries, the newest first", false, path, deliveryColumns(),
		"status", "pending, succeeded or failed", "event-type", "the event type", "since", "accepted then or later", "until", "accepted before")
	list.Flags().StringVar(&hook, "webhook", "", "of this webhook only")
	return group("deliveries", "Deliveries: list, show, send again, cancel", list,
		a.one("get", "Show a delivery: body, headers, every attempt", "GET", "/v1/deliveries/%s", false),
		a.replay(),
		a.one("cancel", "Make no more attempts of a pending delivery", "POST", "/v1/deliveries/%s/cancel", false))
}

func deliveriesOf(hook string) string {
	if hook == "" {
		return "/v1/deliveries"
	}
	return "/v1/webhooks/" + url.PathEscape(hook) + "/deliveries"
}

// replay sends one delivery again, or has a job send many of one webhook's.
func (a *app) replay() *cobra.Command {
	var hook, status, eventType, reason, since, until string
	var dry, wait bool
	cmd := &cobra.Command{
		Use: "replay [ID]", Short: "Send a delivery again, or many of a webhook", Args: cobra.MaximumNArgs(1),
		Example: "  hookline deliveries replay dlv_…\n  hookline deliveries replay --webhook wh_… --since 24h --wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (hook != "") {
				return usageError{errors.New("name one delivery, or a webhook by --webhook")}
			}
			if hook == "" {
				return a.show(cmd, request{method: "POST", path: "/v1/deliveries/" + url.PathEscape(args[0]) + "/replay"})
			}
			if since == "" {
				return usageError{errors.New("--since is needed: deliveries accepted then or later are sent again; 24h takes the last day's")}
			}
			from, err := moment("since", since)
			if err != nil {
				return err
			}
			body := api.NewReplay{Since: input.Of(from), Status: input.Of(status)}
			if until != "" {
				to, err := moment("until", until)
				if err != nil {
					return err
				}
				body.Until = input.Of(to)
			}
			if eventType != "" {
				body.EventType = input.Of(eventType)
			}
			if reason != "" {
				body.Error = input.Of(reason)
			}
			if dry {
				body.DryRun = input.Of(true)
			}
			start := request{method: "POST", path: "/v1/webhooks/" + url.PathEscape(hook) + "/replay", body: body}
			if !wait || dry {
				return a.show(cmd, start)
			}
			return a.finish(cmd, start)
		},
	}
	cmd.Flags().StringVar(&hook, "webhook", "", "the webhook whose deliveries are sent again")
	cmd.Flags().StringVar(&status, "status", string(webhook.Failed), "which ones: failed, succeeded or missed")
	cmd.Flags().StringVar(&eventType, "event-type", "", "of this event type only")
	cmd.Flags().StringVar(&reason, "error", "", "only dead letters whose last attempt ended so: timeout, bad_status, …")
	cmd.Flags().StringVar(&since, "since", "", "accepted then or later: a time, or a span back from now as 24h")
	cmd.Flags().StringVar(&until, "until", "", "accepted before; now if left out")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count, and start nothing")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the job has started all of them; exit 1 if it could not")
	return cmd
}

// finish starts a job and waits until it ends.
func (a *app) finish(cmd *cobra.Command, start request) error {
	var made api.ReplayStarted
	if err := a.call(cmd.Context(), start, &made); err != nil {
		return err
	}
	if made.ID == nil {
		return errors.New("the stack started no job")
	}
	for {
		var raw json.RawMessage
		if err := a.call(cmd.Context(), request{method: "GET", path: "/v1/replays/" + url.PathEscape(*made.ID)}, &raw); err != nil {
			return err
		}
		var job api.Replay
		if err := json.Unmarshal(raw, &job); err != nil {
			return err
		}
		if job.Status == webhook.ReplayRunning {
			if !pause(cmd.Context(), time.Second) {
				return fmt.Errorf("no longer waiting; the job goes on: hookline replays get %s", job.ID)
			}
			continue
		}
		a.document(raw)
		if job.Status != webhook.ReplayDone {
			return fmt.Errorf("the job ended as %s before it had started all", job.Status)
		}
		return nil
	}
}

func (a *app) replays() *cobra.Command {
	return group("replays", "Jobs that send many deliveries again",
		lister(a, "List jobs, the newest first", false, fixed("/v1/replays"), replayColumns()),
		a.one("get", "Show a job", "GET", "/v1/replays/%s", false),
		a.one("cancel", "Stop a job; what it has started goes on", "DELETE", "/v1/replays/%s", false))
}

func (a *app) deadLetters() *cobra.Command {
	return &cobra.Command{Use: "dead-letters", Short: "Count what ran out of attempts, as the admin", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return a.show(cmd, request{method: "GET", path: "/v1/dead-letters", admin: true})
	}}
}

func (a *app) redrive() *cobra.Command {
	var rate int
	cmd := &cobra.Command{Use: "redrive", Short: "Send all dead letters again, as the admin", Args: cobra.NoArgs}
	cmd.Long = "Starts the queue's own move of all dead letters, of all tenants. `hookline dead-letters` shows how far it is."
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var body api.Redrive
		if cmd.Flags().Changed("max-per-second") {
			body.MaxPerSecond = input.Of(rate)
		}
		return a.show(cmd, request{method: "POST", path: "/v1/dead-letters/redrive", body: body, admin: true})
	}
	cmd.Flags().IntVar(&rate, "max-per-second", 0, "at most so many in a second, 1 to 500; as fast as the queue likes if left out")
	return cmd
}

func (a *app) imports() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{Use: "import FILE", Short: "Import up to 100 webhooks from a JSON list; - is the standard input", Args: cobra.ExactArgs(1)}
	cmd.Long = "The list is taken whole or not at all. After exit code 5 run it again\n" +
		"with the same file within 24 hours: it makes what is missing, or says that all are there (409)."
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source := args[0]
		if source != "-" {
			source = "@" + source
		}
		body, err := a.data(source)
		if err != nil {
			return err
		}
		r := request{method: "POST", path: "/v1/webhooks/import", body: body, query: url.Values{"dry_run": {strconv.FormatBool(dry)}}}
		var raw json.RawMessage
		if err := a.call(cmd.Context(), r, &raw); err != nil {
			return err
		}
		a.document(raw)
		if !dry {
			return nil
		}
		var checked api.ImportCheck
		if err := json.Unmarshal(raw, &checked); err != nil {
			return err
		}
		if !checked.Valid {
			return errors.New("the import would be refused; nothing was changed")
		}
		return nil
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "change nothing, and say what would happen; exit 1 if it would be refused")
	return cmd
}
