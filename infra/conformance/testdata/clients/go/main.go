// Command client does with a client that oapi-codegen makes of the OpenAPI document what every user does first.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"client/api"
)

func main() {
	base, target := os.Getenv("BASE"), os.Getenv("TARGET")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	tenant := must(as(base, os.Getenv("ADMIN_KEY")).CreateTenantWithResponse(ctx, nil, api.CreateTenantJSONRequestBody{
		Id: "go", Name: "Go", Dialect: "standard",
	}))
	wish := api.CreateKeyJSONRequestBody{Name: "ci"}
	wish.Scopes = append(wish.Scopes, "events:write", "webhooks:write", "deliveries:read")
	key := must(as(base, is(tenant.JSON201, tenant.Body).ApiKey).CreateKeyWithResponse(ctx, nil, wish))
	client := as(base, is(key.JSON201, key.Body).Key)

	hook := api.CreateWebhookJSONRequestBody{Url: target + "/go"}
	hook.Events = append(hook.Events, "invoice.paid")
	webhook := must(client.CreateWebhookWithResponse(ctx, nil, hook))
	var event api.PublishJSONRequestBody // one event, or an array of them
	if err := json.Unmarshal([]byte(`{"type": "invoice.paid", "data": {"amount": 42}}`), &event); err != nil {
		panic(err)
	}
	published := must(client.PublishWithResponse(ctx, nil, event))
	is(published.JSON202, published.Body)

	id := ""
	for id == "" {
		time.Sleep(50 * time.Millisecond)
		list := must(client.ListDeliveriesWithResponse(ctx, &api.ListDeliveriesParams{}))
		for _, d := range is(list.JSON200, list.Body).Data {
			if d.Status == "succeeded" {
				id = d.Id
			}
		}
	}
	shown := must(client.GetDeliveryWithResponse(ctx, id))
	d := is(shown.JSON200, shown.Body)
	fmt.Println(d.WebhookId == is(webhook.JSON201, webhook.Body).Id, len(d.Attempts), *d.Attempts[0].StatusCode)
}

func as(base, key string) *api.ClientWithResponses {
	return must(api.NewClientWithResponses(base, api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	})))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// is returns the answer that a call is documented to have; another one is in the body alone.
func is[T any](answer *T, body []byte) *T {
	if answer == nil {
		panic(string(body))
	}
	return answer
}
