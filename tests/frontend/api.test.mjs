import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Api, ApiError } from "../../frontend/api.js";

let fetched;

/** What the next request is answered. */
function answer(status, body) {
  fetched = mock.method(globalThis, "fetch", async () => new Response(body, { status }));
}

const request = () => fetched.mock.calls[0].arguments[1];

beforeEach(() => answer(200, "{}"));
afterEach(() => mock.restoreAll());

test("every request carries the page's key, and none where no key is needed", async () => {
  await new Api("secret").json("/api/conversations");
  assert.equal(request().headers.authorization, "Bearer secret");
  answer(200, "{}");
  await new Api("").json("/api/conversations");
  assert.equal(request().headers.authorization, undefined);
});

test("JSON is sent as such, a form as the browser encodes it, and both are posted unless told otherwise", async () => {
  const api = new Api("");
  await api.json("/x", { json: { a: null } });
  assert.deepEqual(
    [request().method, request().headers["content-type"], request().body],
    ["POST", "application/json", '{"a":null}'],
  );
  answer(200, "{}");
  const form = new FormData();
  await api.json("/x", { form, method: "PUT" });
  assert.deepEqual([request().method, request().headers["content-type"], request().body], ["PUT", undefined, form]);
  answer(200, "{}");
  await api.json("/x");
  assert.deepEqual([request().method, request().body], ["GET", undefined]);
});

test("a refusal is told in the server's own words", async () => {
  answer(409, JSON.stringify({ error: { message: "A client is in it.", code: "conflict" } }));
  const refused = new Api("").json("/x", { method: "DELETE" });
  await assert.rejects(refused, {
    constructor: ApiError,
    message: "A client is in it.",
    status: 409,
    code: "conflict",
  });
});

test("an answer that is no error object still says what happened", async () => {
  for (const body of ["<html>", "null", '{"error": null}', '{"error": {}}']) {
    answer(502, body);
    await assert.rejects(new Api("").blob("/x"), { message: "The server answered 502.", status: 502, code: "" });
  }
});

test("a server that is gone is told apart from a request that was called off", async () => {
  mock.method(globalThis, "fetch", async () => {
    throw new TypeError("fetch failed");
  });
  await assert.rejects(new Api("").json("/x"), { constructor: ApiError, status: 0 });
  await assert.rejects(new Api("").json("/x", { signal: AbortSignal.abort() }), TypeError);
});
