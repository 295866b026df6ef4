// Checks deliveries with the npm library standardwebhooks, as a receiver would.
// In:  JSON [{secret, headers: {name: value}, body: base64 of the bytes on the wire}]
// Out: JSON [{payload} | {error: {name, message}}], in the same order.
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const answers = JSON.parse(await text(process.stdin)).map(({ secret, headers, body }) => {
  try {
    return { payload: new Webhook(secret).verify(Buffer.from(body, "base64"), headers) };
  } catch ({ name, message }) {
    return { error: { name, message } };
  }
});
process.stdout.write(JSON.stringify(answers));
