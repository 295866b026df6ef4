// Judges deliveries by the verify.mjs of their dialect, in the folder that is given.
// In:  one JSON a line, {code: the dialect, secret, headers: {name in lower case: value}, body: base64}.
// Out: one JSON a line, in the same order: {accepted}, or {error, message} for what was thrown.
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  const { code, secret, headers, body } = JSON.parse(line);
  let answer;
  try {
    const { verify } = await import(`${process.argv[2]}/${code}/verify.mjs`);
    answer = { accepted: verify(Buffer.from(body, "base64"), headers, secret) };
  } catch (e) {
    answer = { error: e.name, message: e.message };
  }
  console.log(JSON.stringify(answer));
}
