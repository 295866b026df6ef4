package management_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookline/shared/dialect"
	"hookline/shared/input"
	"hookline/shared/management"
	"hookline/shared/seal"
	"hookline/shared/stack/stacktest"
	"hookline/shared/store"
	"hookline/shared/webhook"
)

// racing is a store in which somebody else changes the webhook or tenant just before each of the first n updates.
type racing struct {
	store.Store
	n    int
	done func(w *webhook.Webhook)
	cut  int // at which of the webhooks to be made the store fails, once; 0 never
}

func (r *racing) CreateWebhook(ctx context.Context, w webhook.Webhook) error {
	if r.cut--; r.cut == 0 {
		return webhook.ErrUnavailable(errors.New("cut"))
	}
	return r.Store.CreateWebhook(ctx, w)
}

func (r *racing) UpdateWebhook(ctx context.Context, w webhook.Webhook, resetHealth bool) error {
	if r.n > 0 {
		r.n--
		theirs, err := r.Webhook(ctx, w.Ref)
		if err != nil {
			return err
		}
		r.done(&theirs)
		if err := r.Store.UpdateWebhook(ctx, theirs, false); err != nil {
			return err
		}
	}
	return r.Store.UpdateWebhook(ctx, w, resetHealth)
}

func (r *racing) UpdateTenant(ctx context.Context, t webhook.Tenant) error {
	if r.n > 0 {
		r.n--
		theirs, err := r.Tenant(ctx, t.ID)
		if err != nil {
			return err
		}
		theirs.NotifyEmail = "theirs@example.com"
		if err := r.Store.UpdateTenant(ctx, theirs); err != nil {
			return err
		}
	}
	return r.Store.UpdateTenant(ctx, t)
}

type world struct {
	management.Service
	store   *racing
	dialect *dialect.Dialect // of the one tenant
	now     time.Time
}

// ref names a webhook of the one tenant.
func ref(id string) webhook.Ref { return webhook.Ref{Tenant: "acme", ID: id} }

func newWorld(t *testing.T) *world {
	t.Helper()
	b := stacktest.Builder(t, nil)
	w := &world{store: &racing{Store: b.Store}, now: stacktest.Noon()}
	w.Service = management.Service{Store: w.store, Dialects: b.Dialects, Box: b.Box, Now: func() time.Time { return w.now }}
	in := management.TenantInput{ID: input.Of("acme"), Name: input.Of("Acme"), Dialect: input.Of("standard")}
	if _, _, err := w.CreateTenant(t.Context(), in, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.dialect, err = stacktest.Dialects(t).Dialect(t.Context(), "standard"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) create(t *testing.T, change func(*management.WebhookInput)) management.Created {
	t.Helper()
	in := management.WebhookInput{URL: input.Of("https://example.com/"), Events: input.Of([]string{"invoice.paid"})}
	if change != nil {
		change(&in)
	}
	made, err := w.CreateWebhook(t.Context(), w.dialect, "acme", in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *world) stored(t *testing.T, id string) webhook.Webhook {
	t.Helper()
	hook, err := w.store.Webhook(t.Context(), ref(id))
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

func (w *world) update(t *testing.T, id string, in management.WebhookInput) webhook.Webhook {
	t.Helper()
	if _, err := w.UpdateWebhook(t.Context(), w.dialect, ref(id), in, nil); err != nil {
		t.Fatal(err)
	}
	return w.stored(t, id)
}

// secrets opens what is stored, the newest first.
func (w *world) secrets(t *testing.T, hook webhook.Webhook) []string {
	t.Helper()
	var out []string
	for _, s := range hook.Secrets {
		plain, err := w.Box.Open(t.Context(), s.Sealed, seal.SecretPlace(hook.Ref, s.Version))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(plain))
	}
	return out
}

func (w *world) headers(t *testing.T, hook webhook.Webhook) string {
	t.Helper()
	if hook.Headers == nil {
		return ""
	}
	plain, err := w.Box.Open(t.Context(), hook.Headers, seal.HeadersPlace(hook.Ref))
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestFaultsFoundEarlierAreKept(t *testing.T) {
	w := newWorld(t)
	found := input.Faults{{Field: "url", Message: "must be a string"}, {Field: "colour", Message: "is not a field"}}
	in := management.WebhookInput{Events: input.Of([]string{"bad name"})}
	_, err := w.CreateWebhook(t.Context(), w.dialect, "acme", in, found)
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || e.Kind != webhook.Invalid {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
	}
	if want := []string{"url", "colour", "events.0"}; !slices.Equal(got, want) || e.Fields[0].Message != "must be a string" {
		t.Errorf("got %v, want %q", e.Fields, want)
	}
	if len(found) != 2 {
		t.Error("the caller's faults were changed")
	}
}

// A filter has a cost where it is stored. One that was stored before it had stays, also where a change gives it back.
func TestFiltersCost(t *testing.T) {
	ranges := func(n int) json.RawMessage {
		tests := make([]string, n)
		for i := range tests {
			tests[i] = fmt.Sprintf(`{"cidr":"10.%d.0.0/16"}`, i)
		}
		return json.RawMessage(`{"ip":[` + strings.Join(tests, ",") + `]}`)
	}
	cheap, dear := management.WebhookInput{Filter: input.Of(ranges(10))}, management.WebhookInput{Filter: input.Of(ranges(150))}
	w := newWorld(t)
	refused := func(what string, err error, field string) {
		t.Helper()
		e, ok := errors.AsType[*webhook.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Field != field || !strings.Contains(e.Fields[0].Message, "costs 300, and at most 150") {
			t.Errorf("%s: got %v, want a fault of %s with its cost and the limit", what, err, field)
		}
	}
	in := dear
	in.URL, in.Events = input.Of("https://example.com/"), input.Of([]string{"invoice.paid"})
	_, err := w.CreateWebhook(t.Context(), w.dialect, "acme", in, nil)
	refused("created", err, "filter")
	_, err = w.ImportWebhooks(t.Context(), w.dialect, "acme", []management.ImportInput{{WebhookInput: in}}, "digest")
	refused("imported", err, "0.filter")
	hook := w.create(t, func(in *management.WebhookInput) { in.Filter = cheap.Filter }).Webhook
	_, err = w.UpdateWebhook(t.Context(), w.dialect, ref(hook.ID), dear, nil)
	refused("changed", err, "filter")

	hook.Filter = ranges(150)
	if err := w.store.UpdateWebhook(t.Context(), hook, false); err != nil {
		t.Fatal(err)
	}
	spaced := management.WebhookInput{Name: input.Of("new"), Filter: input.Of(json.RawMessage(" " + string(ranges(150))))}
	if got := w.update(t, hook.ID, spaced); got.Name != "new" || string(got.Filter) != string(ranges(150)) {
		t.Errorf("got %s with %s, want the filter that was there", got.Name, got.Filter)
	}
	_, err = w.UpdateWebhook(t.Context(), w.dialect, ref(hook.ID), management.WebhookInput{Filter: input.Of(ranges(151))}, nil)
	if !webhook.Is(err, webhook.Invalid) {
		t.Errorf("another one that costs too much: got %v, want it refused", err)
	}
	if got := w.update(t, hook.ID, cheap); string(got.Filter) != string(ranges(10)) {
		t.Errorf("got %s, want the cheap one", got.Filter)
	}
}

// A tenant has no more webhooks than it may, however they come; one that is changed is none more.
func TestMaxWebhooks(t *testing.T) {
	w := newWorld(t)
	w.MaxWebhooks = 3
	in := management.WebhookInput{URL: input.Of("https://example.com/"), Events: input.Of([]string{"invoice.paid"})}
	imported := func(ids ...string) (out []management.ImportInput) {
		for _, id := range ids {
			out = append(out, management.ImportInput{WebhookInput: in, ID: input.Of(id)})
		}
		return out
	}
	refused := func(what string, err error) {
		t.Helper()
		e, ok := errors.AsType[*webhook.Error](err)
		if !ok || e.Kind != webhook.Conflict || e.Code != "too-many-webhooks" || !strings.Contains(e.Message, "may have 3") {
			t.Errorf("%s: got %v, want too-many-webhooks with the limit", what, err)
		}
	}
	total := func(want int) {
		t.Helper()
		counts, err := w.store.WebhookCounts(t.Context(), "acme")
		if err != nil || counts.Total != want {
			t.Errorf("got %d webhooks, %v, want %d", counts.Total, err, want)
		}
	}
	first := w.create(t, nil).Webhook
	_, err := w.CheckImport(t.Context(), w.dialect, "acme", imported("a", "b", "c"), "three")
	refused("three more, looked at", err)
	_, err = w.ImportWebhooks(t.Context(), w.dialect, "acme", imported("a", "b", "c"), "three")
	refused("three more", err)
	total(1)
	if _, err := w.ImportWebhooks(t.Context(), w.dialect, "acme", imported("a", "b"), "two"); err != nil {
		t.Errorf("two more: got %v, want them made", err)
	}
	_, err = w.CreateWebhook(t.Context(), w.dialect, "acme", in, nil)
	refused("a fourth", err)
	_, err = w.CreateWebhook(t.Context(), w.dialect, "acme", management.WebhookInput{}, nil)
	if !webhook.Is(err, webhook.Invalid) {
		t.Errorf("a fourth that is none: got %v, want its faults", err)
	}
	w.update(t, first.ID, management.WebhookInput{Name: input.Of("changed")})
	if err := w.DeleteWebhook(t.Context(), first.Ref); err != nil {
		t.Fatal(err)
	}
	w.create(t, nil)
	total(3)
	w.MaxWebhooks = 0
	w.create(t, nil)
	total(4)
}

// An import that was cut short is finished where there is room for what is missing; where there is none, what it had made
// is deleted.
func TestMaxWebhooksWithAnImportCutShort(t *testing.T) {
	for name, c := range map[string]struct {
		most, total int
		finished    bool
	}{"room": {4, 4, true}, "no room": {3, 1, false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			in := management.WebhookInput{URL: input.Of("https://example.com/"), Events: input.Of([]string{"invoice.paid"})}
			var list []management.ImportInput
			for _, id := range []string{"a", "b", "c"} {
				list = append(list, management.ImportInput{WebhookInput: in, ID: input.Of(id)})
			}
			w.store.cut = 2
			if _, err := w.ImportWebhooks(t.Context(), w.dialect, "acme", list, "digest"); err == nil {
				t.Fatal("the import was not cut short")
			}
			w.MaxWebhooks = c.most
			w.create(t, nil)
			_, err := w.ImportWebhooks(t.Context(), w.dialect, "acme", list, "digest")
			counts, countErr := w.store.WebhookCounts(t.Context(), "acme")
			if (err == nil) != c.finished || countErr != nil || counts.Total != c.total {
				t.Errorf("got %d webhooks, %v, %v, want %d", counts.Total, err, countErr, c.total)
			}
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	var f input.Faults
	for i := range 2 * input.MaxFaults {
		f.Add(fmt.Sprint(i/2), "is wrong")
	}
	if got, want := len(f), input.MaxFaults; got != want {
		t.Errorf("got %d faults, want %d", got, want)
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	id := w.create(t, func(in *management.WebhookInput) {
		in.Headers = input.Of(map[string]string{"X-B": "secret<&>", "X-A": "a"})
	}).Webhook.ID
	hook := w.stored(t, id)
	if got, want := hook.HeaderNames, []string{"X-A", "X-B"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, step := range []struct {
		name string
		in   input.Field[map[string]string]
		want string
	}{
		{"left out", input.Field[map[string]string]{}, `{"X-A":"a","X-B":"secret\u003c\u0026\u003e"}`},
		{"a mask keeps", input.Of(map[string]string{"X-B": webhook.Mask, "X-C": "c"}), `{"X-B":"secret\u003c\u0026\u003e","X-C":"c"}`},
		{"a mask keeps in another case", input.Of(map[string]string{"x-b": webhook.Mask, "X-C": "c"}), `{"X-C":"c","x-b":"secret\u003c\u0026\u003e"}`},
		{"null clears", input.Field[map[string]string]{Set: true, Null: true}, ""},
		{"none", input.Of(map[string]string{}), ""},
	} {
		hook := w.update(t, id, management.WebhookInput{Headers: step.in, Name: input.Of(step.name)})
		if got := w.headers(t, hook); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

// faulty returns the fields at fault, sorted.
func faulty(t *testing.T, err error) []string {
	t.Helper()
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok || e.Kind != webhook.Invalid {
		t.Fatalf("got %v, want a refusal", err)
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Field)
	}
	slices.Sort(out)
	return out
}

// TestStoredHeadersStay holds that no stored value goes to a host that it was not given for.
func TestStoredHeadersStay(t *testing.T) {
	type headers = map[string]string
	all := []string{"headers.Authorization", "headers.X-Key"}
	for name, c := range map[string]struct {
		url     string
		headers input.Field[headers]
		faults  []string
		want    string // what is stored then
	}{
		"the URL alone":          {url: "https://evil.example/", faults: all},
		"another scheme":         {url: "http://example.com:8443/hook", faults: append(all[:2:2], "url")},
		"another port":           {url: "https://example.com/hook", faults: all},
		"a name below it":        {url: "https://a.example.com:8443/hook", faults: all},
		"masks":                  {"https://evil.example/", input.Of(headers{"Authorization": webhook.Mask, "X-Key": webhook.Mask}), all, ""},
		"a mask in another case": {"https://evil.example/", input.Of(headers{"authorization": webhook.Mask}), []string{"headers.authorization"}, ""},
		"one given again":        {"https://evil.example/", input.Of(headers{"Authorization": "new", "X-Key": webhook.Mask}), all[1:], ""},
		"all given again":        {"https://evil.example/", input.Of(headers{"Authorization": "new", "X-Key": "k"}), nil, `{"Authorization":"new","X-Key":"k"}`},
		"dropped":                {"https://evil.example/", input.Field[headers]{Set: true, Null: true}, nil, ""},
		"others in their place":  {"https://evil.example/", input.Of(headers{"X-Other": "o"}), nil, `{"X-Other":"o"}`},
		"another path":           {url: "https://example.com:8443/other?x", want: `{"Authorization":"t0ken","X-Key":"s3cret"}`},
		"the host in another case": {
			"https://EXAMPLE.com:8443/", input.Of(headers{"X-Key": webhook.Mask}), nil, `{"X-Key":"s3cret"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.AllowPrivate = true // as on one machine
			id := w.create(t, func(in *management.WebhookInput) {
				in.URL = input.Of("https://example.com:8443/hook")
				in.Headers = input.Of(headers{"Authorization": "t0ken", "X-Key": "s3cret"})
			}).Webhook.ID
			before := w.stored(t, id)
			_, err := w.UpdateWebhook(t.Context(), w.dialect, ref(id), management.WebhookInput{URL: input.Of(c.url), Headers: c.headers}, nil)
			hook := w.stored(t, id)
			if c.faults != nil {
				if got := faulty(t, err); !slices.Equal(got, c.faults) {
					t.Errorf("got faults %q, want %q", got, c.faults)
				}
				if diff := cmp.Diff(before, hook); diff != "" {
					t.Errorf("a refused change changed: -want +got\n%s", diff)
				}
				return
			}
			if err != nil || hook.URL != c.url {
				t.Fatalf("got %v and URL %s", err, hook.URL)
			}
			if got := w.headers(t, hook); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	// The port that a scheme implies is the same place.
	w := newWorld(t)
	id := w.create(t, func(in *management.WebhookInput) { in.Headers = input.Of(headers{"X-A": "a"}) }).Webhook.ID
	if got, want := w.headers(t, w.update(t, id, management.WebhookInput{URL: input.Of("https://example.com:443/")})), `{"X-A":"a"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Of two at once, the one that comes second sees what the first has stored.
	w.store.n, w.store.done = 1, func(hook *webhook.Webhook) { hook.URL = "https://other.example/" }
	_, err := w.UpdateWebhook(t.Context(), w.dialect, ref(id), management.WebhookInput{URL: input.Of("https://example.com/2")}, nil)
	if got, want := faulty(t, err), []string{"headers.X-A"}; !slices.Equal(got, want) {
		t.Errorf("got faults %q, want %q", got, want)
	}
}

// TestHeaderValues shows which values cannot be sent, and what is said of them.
func TestHeaderValues(t *testing.T) {
	w := newWorld(t)
	for value, want := range map[string]string{
		"Bearer abc.def\t!~ x": "", "": "",
		" Bearer abc":      "begin or end with spaces",
		"Bearer abc\t":     "begin or end with spaces",
		"Bearer abc\n":     "line breaks",
		"a\r\nX-Evil: 1":   "line breaks",
		"a\x00b":           "control characters",
		"a\x7f":            "control characters",
		"Bearer é":         "visible ASCII",
		"Bearer\u00a0abc":  "visible ASCII",
		"a\xffb":           "visible ASCII",
		"Bearer abc\u200b": "U+200B ZERO WIDTH SPACE",
		"\u202eBearer abc": "U+202E RIGHT-TO-LEFT OVERRIDE",
	} {
		in := management.WebhookInput{
			URL: input.Of("https://example.com/"), Events: input.Of([]string{"*"}),
			Headers: input.Of(map[string]string{"Authorization": value}),
		}
		_, err := w.CreateWebhook(t.Context(), w.dialect, "acme", in, nil)
		if want == "" {
			if err != nil {
				t.Errorf("%q: got %v", value, err)
			}
			continue
		}
		if got := faulty(t, err); !slices.Equal(got, []string{"headers.Authorization"}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", value, err, want)
		}
	}
}

func TestHealthIsForgotten(t *testing.T) {
	off, on := input.Of(false), input.Of(true)
	for name, c := range map[string]struct {
		first, change management.WebhookInput
		forgotten     bool
	}{
		"another url":   {change: management.WebhookInput{URL: input.Of("https://example.com/other")}, forgotten: true},
		"the same url":  {change: management.WebhookInput{URL: input.Of("https://example.com/")}},
		"a name":        {change: management.WebhookInput{Name: input.Of("n")}},
		"switched off":  {change: management.WebhookInput{Active: off}},
		"still on":      {change: management.WebhookInput{Active: on}},
		"made active":   {first: management.WebhookInput{Active: off}, change: management.WebhookInput{Active: on}, forgotten: true},
		"another event": {change: management.WebhookInput{Events: input.Of([]string{"a.b"})}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(t, nil).Webhook.ID
			w.update(t, id, c.first)
			sick := webhook.Health{FailingSince: w.now, UnhealthySince: w.now}
			if ok, err := w.store.SetHealth(t.Context(), ref(id), webhook.Health{}, sick); !ok || err != nil {
				t.Fatal(ok, err)
			}
			got := w.update(t, id, c.change).Health
			want := sick
			if c.forgotten {
				want = webhook.Health{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A rate holds from the moment it is set, and from no other change on.
func TestPacedSince(t *testing.T) {
	w := newWorld(t)
	start := w.now
	id := w.create(t, nil).Webhook.ID
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for i, step := range []struct {
		in   management.WebhookInput
		want webhook.Pace
	}{
		{management.WebhookInput{Name: input.Of("n")}, webhook.Pace{Since: at(0)}},
		{management.WebhookInput{MaxPerSecond: input.Of(5)}, webhook.Pace{PerSecond: 5, Since: at(1)}},
		{management.WebhookInput{MaxPerSecond: input.Of(5), Name: input.Of("m")}, webhook.Pace{PerSecond: 5, Since: at(1)}},
		{management.WebhookInput{MaxPerSecond: input.Field[int]{Set: true, Null: true}}, webhook.Pace{Since: at(3)}},
		{management.WebhookInput{MaxPerSecond: input.Of(5)}, webhook.Pace{PerSecond: 5, Since: at(4)}},
	} {
		w.now = at(i)
		if diff := cmp.Diff(step.want, w.update(t, id, step.in).Pace()); diff != "" {
			t.Errorf("change %d: -want +got\n%s", i, diff)
		}
	}
}

// A subscription that a webhook had before keeps its time; a new one counts from now on.
func TestSince(t *testing.T) {
	w := newWorld(t)
	start := w.now
	id := w.create(t, nil).Webhook.ID
	w.now = start.Add(time.Minute)
	hook := w.update(t, id, management.WebhookInput{Events: input.Of([]string{"invoice.paid", "user.created"})})
	want := map[string]time.Time{"invoice.paid": start, "user.created": w.now}
	if diff := cmp.Diff(want, hook.Since); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	w.now = start.Add(time.Hour)
	if _, err := w.RotateSecret(t.Context(), w.dialect, ref(id), management.RotateInput{}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.stored(t, id).Since); diff != "" {
		t.Errorf("a rotation changed it: -want +got\n%s", diff)
	}
}

func TestRaces(t *testing.T) {
	rename := management.WebhookInput{Name: input.Of("ours")}
	for _, lost := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("%d lost", lost), func(t *testing.T) {
			w := newWorld(t)
			id := w.create(t, nil).Webhook.ID
			w.store.n, w.store.done = lost, func(w *webhook.Webhook) { w.MaxPerSecond++ }
			_, err := w.UpdateWebhook(t.Context(), w.dialect, ref(id), rename, nil)
			hook := w.stored(t, id)
			if lost == 3 {
				if !webhook.Is(err, webhook.Conflict) || hook.Name != "" {
					t.Errorf("got %v, name %q", err, hook.Name)
				}
				return
			}
			if err != nil || hook.Name != "ours" || hook.MaxPerSecond != lost {
				t.Errorf("got %v, name %q, rate %d", err, hook.Name, hook.MaxPerSecond)
			}
		})
	}
	w := newWorld(t)
	w.store.n = 1
	tenant, err := w.UpdateTenant(t.Context(), "acme", management.TenantInput{Name: input.Of("ours")}, nil)
	if err != nil || tenant.Name != "ours" || tenant.NotifyEmail != "theirs@example.com" {
		t.Errorf("got %+v, %v", tenant, err)
	}
	again, err := w.UpdateTenant(t.Context(), "acme", management.TenantInput{}, nil)
	if diff := cmp.Diff(tenant, again); err != nil || diff != "" {
		t.Errorf("%v: -want +got\n%s", err, diff)
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	made := w.create(t, nil)
	id := made.Webhook.ID
	rotate := func(seconds int) management.Rotated {
		t.Helper()
		out, err := w.RotateSecret(t.Context(), w.dialect, ref(id), management.RotateInput{OverlapSeconds: input.Of(seconds)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	start := w.now
	second := rotate(100)
	w.now = start.Add(50 * time.Second)
	third := rotate(1000)
	hook := w.stored(t, id)
	if got, want := w.secrets(t, hook), []string{third.Secret, second.Secret, made.Secret}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var ends []time.Time
	var versions []int
	for _, s := range hook.Secrets {
		ends, versions = append(ends, s.ExpiresAt), append(versions, s.Version)
	}
	// The first keeps its own end, which is sooner than this rotation's.
	if diff := cmp.Diff([]time.Time{{}, w.now.Add(1000 * time.Second), start.Add(100 * time.Second)}, ends); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if want := []int{3, 2, 1}; !slices.Equal(versions, want) {
		t.Errorf("got versions %v, want %v", versions, want)
	}
	if got, want := third.PreviousExpiresAt, w.now.Add(1000*time.Second); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}

	w.now = start.Add(100 * time.Second) // the first has ended
	rotate(10)
	if got, want := len(w.stored(t, id).Secrets), 3; got != want {
		t.Errorf("got %d secrets, want %d", got, want)
	}
	if got := rotate(0); !got.PreviousExpiresAt.IsZero() {
		t.Errorf("got %v, want none", got.PreviousExpiresAt)
	}
	hook = w.stored(t, id)
	if got, want := len(hook.Secrets), 1; got != want || hook.Secrets[0].Version != 5 {
		t.Errorf("got %d secrets, want %d", got, want)
	}
	for range 2 * management.MaxSecrets {
		rotate(604800)
	}
	if got, want := len(w.stored(t, id).Secrets), management.MaxSecrets; got != want {
		t.Errorf("got %d secrets, want %d", got, want)
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	for email, ok := range map[string]bool{
		"ops@example.com": true, "a.b+c@sub.example.com": true, "": false, "ops": false, "Ops <ops@example.com>": false, "<ops@example.com>": false,
		"a@b.com, c@d.com": false, "a@b.com\nBcc: c@d.com": false, " a@b.com": false, "jörg@example.com": false, "ops@bücher.example": true,
	} {
		if _, err := w.UpdateTenant(t.Context(), "acme", management.TenantInput{NotifyEmail: input.Of(email)}, nil); (err == nil) != ok {
			t.Errorf("%q: got %v", email, err)
		}
	}
	got, err := w.UpdateTenant(t.Context(), "acme", management.TenantInput{NotifyEmail: input.Of("ops@bücher.example")}, nil)
	if want := "ops@xn--bcher-kva.example"; err != nil || got.NotifyEmail != want {
		t.Errorf("got %q, %v, want %q", got.NotifyEmail, err, want)
	}
	for origin, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", "https://App.Example.com/": "https://app.example.com", "https://a.example:8443": "https://a.example:8443",
		"http://a.example": "", "https://": "", "https://a.example/path": "", "https://a.example?q": "", "https://u@a.example": "", "https://a.example:0": "",
		"https://a.example:99999": "", "https://a.example;script-src *": "", "https://*.example": "", "https://a b": "", "*": "",
	} {
		got, err := w.UpdateTenant(t.Context(), "acme", management.TenantInput{FrameAncestors: input.Of([]string{origin})}, nil)
		if want == "" {
			if !webhook.Is(err, webhook.Invalid) {
				t.Errorf("%q: got %v, %v", origin, got.FrameAncestors, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got.FrameAncestors, []string{want}) {
			t.Errorf("%q: got %v, %v, want %q", origin, got.FrameAncestors, err, want)
		}
	}
}

// TestSchemeNearby shows that a machine that admits private targets admits http to them, with a warning, and to no others
// that the product's own rule refuses.
func TestSchemeNearby(t *testing.T) {
	w := newWorld(t)
	w.AllowPrivate = true
	for url, taken := range map[string]bool{
		"http://localhost:9000/ok": true, "http://127.0.0.1:9000/ok": true, "http://[::1]/": true, "http://10.1.2.3/": true, "http://receiver:9000/": true,
		"http://shop.test/": true, "http://your-server.com/api": false, "http://203.0.113.9/": true, "http://8.8.8.8/": false, "https://your-server.com/api": true,
	} {
		made, err := w.CreateWebhook(t.Context(), w.dialect, "acme", management.WebhookInput{URL: input.Of(url), Events: input.Of([]string{"*"})}, nil)
		if (err == nil) != taken {
			t.Errorf("%s: got %v, want it taken %t", url, err, taken)
		}
		if warned := len(management.Warnings(w.dialect, made.Webhook)) > 0; taken && warned != strings.HasPrefix(url, "http:") {
			t.Errorf("%s: got a warning %t", url, warned)
		}
	}
}
