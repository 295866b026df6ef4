package settings

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

// full is an environment in which every function starts.
func full() map[string]string {
	env := map[string]string{
		"TABLE": "hookline", "KMS_KEY_ID": "key", "STACK": "dev", "RETENTION_DAYS": "30", "LOG_LEVEL": "warn", "REQUESTS_PER_SECOND": "50", "MAX_WEBHOOKS": "1000",
		"DELIVERY_CONCURRENCY": "100", "RETRY_CONCURRENCY": "50", "BULK_CONCURRENCY": "20",
		"BUS": "dev", "BUS_SOURCE": "hookline.dev",
		"MAIL_FROM": "example.com", "CONSOLE_URL": "https://hooks.example.com",
	}
	for _, name := range []string{"DELIVERY", "RETRY", "BULK", "DEAD_LETTER", "INGEST", "INGEST_DEAD_LETTER", "NOTIFY", "NOTIFY_DEAD_LETTER"} {
		env[name+"_QUEUE_URL"] = "https://sqs.eu-west-1.amazonaws.com/123456789012/dev-" + name
		env[name+"_QUEUE_ARN"] = "arn:aws:sqs:eu-west-1:123456789012:dev-" + name
	}
	return env
}

func readers() map[string]func(func(string) string) error {
	return map[string]func(func(string) string) error{
		"console":  func(getenv func(string) string) error { _, err := ReadConsole(getenv); return err },
		"webhooks": func(getenv func(string) string) error { _, err := ReadWebhooks(getenv); return err },
		"ingest":   func(getenv func(string) string) error { _, err := ReadIngest(getenv); return err },
		"inbound":  func(getenv func(string) string) error { _, err := ReadInbound(getenv); return err },
		"deliver":  func(getenv func(string) string) error { _, err := ReadDeliver(getenv); return err },
		"sweep":    func(getenv func(string) string) error { _, err := ReadSweep(getenv); return err },
		"count":    func(getenv func(string) string) error { _, err := ReadCount(getenv); return err },
		"notify":   func(getenv func(string) string) error { _, err := ReadNotify(getenv); return err },
	}
}

func TestRead(t *testing.T) {
	env := full()
	got, err := ReadDeliver(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	queue := func(name string) Queue {
		return Queue{
			URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/dev-" + name,
			ARN: "arn:aws:sqs:eu-west-1:123456789012:dev-" + name,
		}
	}
	want := Deliver{
		Common: Common{Table: "hookline", Stack: "dev", LogLevel: slog.LevelWarn}, Keys: Keys{ID: "key", Stack: "dev"},
		Retention: 30 * 24 * time.Hour,
		Delivery:  queue("DELIVERY"), Retry: queue("RETRY"), Bulk: queue("BULK"), DeadLetter: queue("DEAD_LETTER"),
		Ingest: queue("INGEST"), Batches: Batches{Delivery: 100, Retry: 50, Bulk: 20},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliver (-want +got):\n%s", diff)
	}
	for name, read := range readers() {
		if err := read(func(name string) string { return env[name] }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMailSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		change map[string]string
		from   string
		want   string
	}{
		"a domain":           {nil, "webhooks@example.com", ""},
		"an address":         {map[string]string{"MAIL_FROM": "hello@example.com"}, "hello@example.com", ""},
		"a name and address": {map[string]string{"MAIL_FROM": "Us <us@example.com>"}, "Us <us@example.com>", `MAIL_FROM must be an address or a domain, not "Us <us@example.com>"`},
		"two lines":          {map[string]string{"MAIL_FROM": "a\nb"}, "webhooks@a\nb", `MAIL_FROM must be an address or a domain, not "a\nb"`},
		"a console's name":   {map[string]string{"CONSOLE_URL": "hooks.example.com"}, "webhooks@example.com", `CONSOLE_URL must be an https URL, not "hooks.example.com"`},
	} {
		t.Run(name, func(t *testing.T) {
			env := full()
			maps.Copy(env, tt.change)
			s, err := ReadNotify(func(name string) string { return env[name] })
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || s.From != tt.from {
				t.Errorf("from %q: got %q, want %q and %q", s.From, got, tt.from, tt.want)
			}
		})
	}
}

// TestMissing shows that everything a function asks for and cannot do without is named at once.
func TestMissing(t *testing.T) {
	optional := []string{"LOG_LEVEL", "RETENTION_DAYS", "EVENT_LOG", "REQUESTS_PER_SECOND", "MAX_WEBHOOKS", "BRAND_NAME", "BRAND_COLOR", "BRAND_LOGO_URL"}
	for name, read := range readers() {
		asked := make(map[string]bool)
		err := read(func(name string) string { asked[name] = true; return "" })
		if err == nil {
			t.Errorf("%s starts without an environment", name)
			continue
		}
		var want []string
		for _, name := range slices.Sorted(maps.Keys(asked)) {
			if !slices.Contains(optional, name) {
				want = append(want, name+" is not set")
			}
		}
		got := strings.Split(err.Error(), "\n")
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWrong(t *testing.T) {
	tests := map[string]struct {
		change map[string]string
		want   string
	}{
		"level":             {map[string]string{"LOG_LEVEL": "loud"}, `LOG_LEVEL must be DEBUG, INFO, WARN or ERROR, not "loud"`},
		"no days":           {map[string]string{"RETENTION_DAYS": "0"}, `RETENTION_DAYS must be a number of days from 1 to 3650, not "0"`},
		"days in words":     {map[string]string{"RETENTION_DAYS": "ten"}, `RETENTION_DAYS must be a number of days from 1 to 3650, not "ten"`},
		"a name for a URL":  {map[string]string{"BULK_QUEUE_URL": "dev-BULK"}, `BULK_QUEUE_URL must be a URL, not "dev-BULK"`},
		"no batches at all": {map[string]string{"BULK_CONCURRENCY": "0"}, `BULK_CONCURRENCY must be a whole number above 0, not "0"`},
		"a URL for an ARN":  {map[string]string{"BULK_QUEUE_ARN": "https://q"}, `BULK_QUEUE_ARN must be the ARN of a queue, not "https://q"`},
		"another's ARN": {
			map[string]string{"BULK_QUEUE_ARN": "arn:aws:sqs:eu-west-1:123456789012:dev-RETRY"},
			`BULK_QUEUE_URL and BULK_QUEUE_ARN name different queues, "dev-BULK" and "dev-RETRY"`,
		},
		"two at once": {
			map[string]string{"TABLE": "", "LOG_LEVEL": "loud"},
			"TABLE is not set\n" + `LOG_LEVEL must be DEBUG, INFO, WARN or ERROR, not "loud"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			env := full()
			maps.Copy(env, tt.change)
			_, err := ReadDeliver(func(name string) string { return env[name] })
			got := "no error"
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]string{"": "", "0": "", "50": "", "100000": "", "-1": "-1", "100001": "100001", "ten": "ten", "1.5": "1.5"} {
		env := full()
		env["REQUESTS_PER_SECOND"] = text
		for name, read := range map[string]func(func(string) string) error{"webhooks": readers()["webhooks"], "ingest": readers()["ingest"]} {
			err := read(func(name string) string { return env[name] })
			if want == "" && err != nil || want != "" && (err == nil || err.Error() != fmt.Sprintf("REQUESTS_PER_SECOND must be a number from 0 to 100000, not %q", want)) {
				t.Errorf("%s, %q: got %v", name, text, err)
			}
		}
	}
}

func TestMaxWebhooks(t *testing.T) {
	for text, want := range map[string]int{"": 0, "0": 0, "1000": 1000, "1000000": 1_000_000, "-1": -1, "1000001": -1, "many": -1} {
		env := full()
		env["MAX_WEBHOOKS"] = text
		getenv := func(name string) string { return env[name] }
		webhooks, err := ReadWebhooks(getenv)
		console, consoleErr := ReadConsole(getenv)
		for name, got := range map[string]struct {
			n   int
			err error
		}{"webhooks": {webhooks.MaxWebhooks, err}, "console": {console.MaxWebhooks, consoleErr}} {
			wrong := got.err != nil && got.err.Error() == fmt.Sprintf("MAX_WEBHOOKS must be a number from 0 to 1000000, not %q", text)
			if want < 0 && !wrong || want >= 0 && (got.err != nil || got.n != want) {
				t.Errorf("%s, %q: got %d, %v", name, text, got.n, got.err)
			}
		}
	}
}

func TestEventLog(t *testing.T) {
	for value, want := range map[string]string{
		"on": "true", "off": "false", "": "false", "yes": `EVENT_LOG must be on or off, not "yes"`,
	} {
		env := full()
		env["EVENT_LOG"] = value
		getenv := func(name string) string { return env[name] }
		webhooks, err := ReadWebhooks(getenv)
		ingest, ingestErr := ReadIngest(getenv)
		inbound, inboundErr := ReadInbound(getenv)
		console, consoleErr := ReadConsole(getenv)
		for name, got := range map[string]string{
			"webhooks": said(webhooks.EventLog, err), "ingest": said(ingest.EventLog, ingestErr), "inbound": said(inbound.EventLog, inboundErr),
			"console": said(console.EventLog, consoleErr),
		} {
			if got != want {
				t.Errorf("%s with %q: got %s, want %s", name, value, got, want)
			}
		}
	}
}

func said(on bool, err error) string {
	if err != nil {
		return err.Error()
	}
	return strconv.FormatBool(on)
}

func TestLevel(t *testing.T) {
	var out bytes.Buffer
	everything := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
	log := slog.New(leveled{Handler: everything, least: slog.LevelWarn}).With("a", 1).WithGroup("g")
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Errorf("got %s, want the warning alone", got)
	}
}

func TestPrivateTargets(t *testing.T) {
	if PrivateTargets {
		t.Error("an ordinary build admits private targets")
	}
}

func TestAWS(t *testing.T) {
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000",
	}
	getenv := func(name string) string { return env[name] }
	account, err := ReadAccount(getenv)
	if err != nil {
		t.Fatal(err)
	}
	cfg := account.Config()
	c, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "id" || c.SecretAccessKey != "secret" || c.SessionToken != "token" || cfg.Region != "eu-west-1" {
		t.Errorf("got %s, %+v, %v", cfg.Region, c, err)
	}
	// The clients themselves look for their endpoints, so it is they who are asked.
	if got := dynamodb.NewFromConfig(cfg).Options().BaseEndpoint; got == nil || *got != "http://127.0.0.1:8000" {
		t.Errorf("DynamoDB's endpoint: got %v, want the one set", got)
	}
	if got := sqs.NewFromConfig(cfg).Options().BaseEndpoint; got != nil {
		t.Errorf("SQS's endpoint: got %v, want its own", *got)
	}
	_, err = ReadAccount(func(string) string { return "" })
	want := "AWS_REGION is not set\nAWS_ACCESS_KEY_ID is not set\nAWS_SECRET_ACCESS_KEY is not set"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
