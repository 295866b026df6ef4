// Does with a client that openapi-typescript and openapi-fetch make of the OpenAPI document what every user does first.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { env: Record<string, string | undefined> };
const { BASE = "", ADMIN_KEY = "", TARGET = "" } = process.env;

const as = (key: string) => createClient<paths>({ baseUrl: BASE, headers: { Authorization: `Bearer ${key}` } });

// answer is what a call was answered with; a problem is thrown, with the detail that every error of the API has.
async function answer<T>(call: Promise<{ data?: T; error?: { detail: string } }>): Promise<T> {
  const { data, error } = await call;
  if (data === undefined) throw new Error(error?.detail ?? "no answer");
  return data;
}

const tenant = await answer(as(ADMIN_KEY).POST("/v1/tenants", { body: { id: "typescript", name: "TypeScript", dialect: "standard" } }));
const key = await answer(
  as(tenant.api_key).POST("/v1/keys", { body: { name: "ci", scopes: ["events:write", "webhooks:write", "deliveries:read"] } }),
);
const api = as(key.key);
const webhook = await answer(api.POST("/v1/webhooks", { body: { url: `${TARGET}/typescript`, events: ["invoice.paid"] } }));
await answer(api.POST("/v1/events", { body: { type: "invoice.paid", data: { amount: 42 } } }));

let delivery;
do {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const list = await answer(api.GET("/v1/deliveries", { params: { query: { status: "succeeded", limit: 1 } } }));
  delivery = list.data[0];
} while (!delivery);
const shown = await answer(api.GET("/v1/deliveries/{id}", { params: { path: { id: delivery.id } } }));
console.log(shown.webhook_id === webhook.id, shown.attempts.length, shown.attempts[0]?.status_code);

// The types are the document's: each of these does not compile but for the comment above it.
// @ts-expect-error There is no such path.
void (() => api.GET("/v1/nothing"));
// @ts-expect-error A webhook needs a URL.
void (() => api.POST("/v1/webhooks", { body: { events: ["*"] } }));
// @ts-expect-error No delivery has this status.
void (() => api.GET("/v1/deliveries", { params: { query: { status: "lost" } } }));
