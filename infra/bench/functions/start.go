package functions

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"hookline/infra/bench/table"
	"hookline/infra/lambda"
	"hookline/shared/gateway"
)

// starting is how often each function is started. They take turns, so that what else happens on the machine hits all.
const starting = 20

// bare is the function that the others are compared with, and bareSweep the same with as many calls as sweep makes: it asks
// each shard of its index.
const (
	bare      = "bare"
	bareSweep = "bare, with sweep's calls"
)

// firstEvents are the recorded events that the functions get first. On an empty table each leads to one call of DynamoDB
// but sweep's.
func firstEvents() (map[string][]byte, error) {
	events := make(map[string][]byte)
	for name, recorded := range map[string]string{
		"webhooks": "webhooks/list-webhooks", "console": "console/page", "ingest": "ingest/publish", "inbound": "inbound/custom",
		"deliver": "deliver/first-attempt", "sweep": "sweep/schedule", "notify": "notify/webhook-failing", "count": "count/stream",
	} {
		raw, err := os.ReadFile(filepath.Join(root, "events/lambda", recorded+".json"))
		if err != nil {
			return nil, err
		}
		events[name] = raw
	}
	// Somebody signs in with a key that there is not, and is shown the page again.
	var signIn gateway.Event
	if err := json.Unmarshal(events["console"], &signIn); err != nil {
		return nil, err
	}
	signIn.RawPath, signIn.RequestContext.HTTP.Method, signIn.Body = "/console/sign-in", http.MethodPost, "key=hk_example"
	signIn.Headers["content-type"], signIn.Headers["sec-fetch-site"] = "application/x-www-form-urlencoded", "same-origin"
	var err error
	events["console"], err = json.Marshal(signIn)
	return events, err
}

// starts measures each function from the start of its process to its first answer.
func starts(ctx context.Context, out, progress io.Writer) error {
	paths := make(map[string]string)
	names := slices.Concat([]string{bare}, lambda.Names(), []string{bareSweep})
	for _, name := range names {
		pkg, folder := "./functions/"+name, name
		if name == bare || name == bareSweep {
			pkg, folder = "./infra/bench/functions/bare", bare
		}
		fmt.Fprintf(progress, "bench: building %s\n", folder)
		var err error
		if paths[name], err = lambda.Compile(ctx, root, pkg, filepath.Join("public", folder), "lambda.norpc"); err != nil {
			return err
		}
	}
	events, err := firstEvents()
	if err != nil {
		return err
	}
	aws, err := newServices()
	if err != nil {
		return err
	}
	defer aws.close()
	took, made := make(map[string][]time.Duration), make(map[string]int)
	for i := range starting + 1 {
		for _, name := range names {
			event := events[name]
			switch name {
			case bare:
				event = []byte(`{"calls":1}`)
			case bareSweep:
				event = fmt.Appendf(nil, `{"calls":%d}`, made["sweep"])
			}
			function := lambda.New(lambda.Function{Path: paths[name], Env: aws.env(), Timeout: 10 * time.Second})
			calls, began := aws.calls(), time.Now()
			_, err := function.Invoke(ctx, event)
			span := time.Since(began)
			function.Close()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			made[name] = aws.calls() - calls
			if i > 0 { // the first start reads the executable from the disk
				took[name] = append(took[name], span)
			}
		}
	}
	rows := [][]string{{"function", "executable", "calls of DynamoDB", "start to first answer", "÷ bare"}}
	for _, name := range names {
		info, err := os.Stat(paths[name])
		if err != nil {
			return err
		}
		half, beside := median(took[name]), bare
		if name == "sweep" {
			beside = bareSweep
		}
		rows = append(rows, []string{
			name, fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), strconv.Itoa(made[name]), millis(half),
			fmt.Sprintf("%.2f", float64(half)/float64(median(took[beside]))),
		})
	}
	return table.Print(out, fmt.Sprintf("Cold start: median of %d, in turn", starting), rows...)
}
