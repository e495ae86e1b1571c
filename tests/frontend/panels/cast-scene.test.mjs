import assert from "node:assert/strict";
import { test } from "node:test";
import { linesText } from "../../../frontend/panels/cast/scene.js";

test("how long they may go on among themselves is said in words, down to not at all", () => {
  assert.match(linesText(0), /wait for you/);
  assert.match(linesText(1), /one line/);
  assert.match(linesText(20), /up to 20 lines/);
});
