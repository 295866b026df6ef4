// Runs on deliveries what receivers have for them: the documents' code in testdata/snippets, as it is printed, and the
// npm library standardwebhooks. The documents' Express endpoints run too, on ports of their own, until stdin ends; their
// secret is WEBHOOK_SECRET.
//
// Out: first {file of an endpoint: URL}.
// In:  one JSON a line, {code, secret, headers: {name in lower case: value}, body: base64 of the bytes on the wire}.
// Out: one JSON a line, in the same order: {accepted, payload?: text}, or {error, message} for what was thrown; error is its
//      code or name.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { transformSync } from "esbuild";
import express from "express";
import { Webhook } from "standardwebhooks";

const require = createRequire(import.meta.url);
const urls = {};

// load runs a file of testdata/snippets as a CommonJS module that has globals besides, and returns what it calls wanted.
function load(file, wanted, globals = {}) {
  let text = readFileSync(new URL(`testdata/snippets/${file}`, import.meta.url), "utf8");
  if (file.endsWith(".ts")) {
    text = transformSync(text, { loader: "ts", format: "cjs" }).code;
  }
  const scope = { require, ...globals };
  return new Function(...Object.keys(scope), `${text}\nreturn ${wanted};`)(...Object.values(scope));
}

// local is express, but that an app listens on a free port whatever port it asks for, and its URL goes to urls[file].
function local(file) {
  const made = () => {
    const app = express();
    const { promise, resolve } = withResolvers();
    urls[file] = promise;
    const listen = app.listen.bind(app);
    app.listen = () => {
      const server = listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
      return server;
    };
    return app;
  };
  return Object.assign(made, express);
}

function withResolvers() { // Promise.withResolvers is Node 22's
  let resolve;
  const promise = new Promise((r) => { resolve = r; });
  return { promise, resolve };
}

const axiestudio = "axiestudio-endpoint.js";
load(axiestudio, "app", {
  require: (name) => (name === "express" ? local(axiestudio) : require(name)),
  addUserToCRM() {},
  updateUserInCRM() {},
});

const codmir = "codmir-endpoint.js"; // it has an app, which it does not show
const app = local(codmir)();
app.use(express.json());
load(codmir, "app", { app });
app.listen();

const snippet = {
  "axoria.js": load("axoria.js", "verify"),
  "agiletune.ts": load("agiletune.ts", "verifySignature"),
  "codmir.ts": load("codmir.ts", "verifySignature"),
  "axiestudio.js": load("axiestudio.js", "verifyWebhook"),
};
const accepted = (answer) => ({ accepted: answer });

// What each code is given, as its document or its types say: bytes, text, or a request after express.json().
const verify = {
  "axoria.js": (secret, headers, body) => accepted(snippet["axoria.js"](secret, body, headers["x-axoria-signature"])),
  "agiletune.ts": (secret, headers, body) =>
    accepted(snippet["agiletune.ts"](body.toString(), headers["x-agiletune-signature"], secret)),
  "codmir.ts": (secret, headers, body) =>
    accepted(snippet["codmir.ts"](body.toString(), headers["x-codmir-signature"], secret)),
  "axiestudio.js": (secret, headers, body) =>
    accepted(snippet["axiestudio.js"]({ headers, body: JSON.parse(body.toString()) }, secret)),
  "JSON.stringify": (secret, headers, body) =>
    accepted(Buffer.from(JSON.stringify(JSON.parse(body.toString()))).equals(body)),
  "standardwebhooks (npm)": (secret, headers, body) => ({
    accepted: true,
    payload: JSON.stringify(new Webhook(secret).verify(body, headers)),
  }),
};

for (const file of Object.keys(urls)) {
  urls[file] = await urls[file];
}
console.log(JSON.stringify(urls));
for await (const line of createInterface({ input: process.stdin })) {
  const { code, secret, headers, body } = JSON.parse(line);
  let answer;
  try {
    answer = verify[code](secret, headers, Buffer.from(body, "base64"));
  } catch (e) {
    answer = { error: e.code ?? e.name, message: e.message };
  }
  console.log(JSON.stringify(answer));
}
process.exit();
