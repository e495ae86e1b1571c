import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { StoredCast } from "../../../frontend/panels/cast/stored-cast.js";

/** Requests that wait for their answers. @type {{path: string, json: any, answer: Function, fail: Function}[]} */
let requests;
let told;
/** @type {StoredCast} */
let cast;

const characters = (...ids) => ({ characters: ids.map((id) => ({ id })) });
const soon = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  requests = [];
  told = [];
  const json = (path, { json } = {}) => new Promise((answer, fail) => requests.push({ path, json, answer, fail }));
  cast = new StoredCast({ json }, (now, before) => told.push([now.map(({ id }) => id).join(""), before !== null]));
});

test("the newest answer counts, whichever comes first", async () => {
  const loads = [cast.load(), cast.load()];
  requests[1].answer(characters("b"));
  requests[0].answer(characters("a"));
  await Promise.all(loads);
  assert.deepEqual(told, [["b", false]]);
});

test("only what is told after the first time is a change", async () => {
  for (const id of ["a", "b"]) {
    const loading = cast.load();
    requests.at(-1).answer(characters(id));
    await loading;
  }
  assert.deepEqual(told, [
    ["a", false],
    ["b", true],
  ]);
});

test("of the orders asked for meanwhile only the newest is sent, and shown at once", async () => {
  const arranging = [cast.arrange(["b", "a"]), cast.arrange(["a", "b"]), cast.arrange(["b", "a"])];
  requests[0].answer(characters("a", "b"));
  await soon();
  assert.deepEqual(requests[1].json, { order: ["b", "a"] });
  requests[1].answer(characters("b", "a"));
  await Promise.all(arranging);
  assert.equal(requests.length, 2);
  assert.deepEqual(
    told.map(([ids]) => ids),
    ["ba", "ba"],
  );
});

test("an order that is refused does not stand in the way of the next", async () => {
  const refused = cast.arrange(["b", "a"]);
  requests[0].fail(new Error("No."));
  await assert.rejects(refused);
  const taken = cast.arrange(["a", "b"]);
  requests[1].answer(characters("a", "b"));
  await taken;
  assert.equal(told.length, 1);
});
