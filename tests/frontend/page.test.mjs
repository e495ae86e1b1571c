import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../frontend/", import.meta.url);
const files = readdirSync(folder);
const read = (name) => readFileSync(new URL(name, folder), "utf8");

test("the page obeys default-src 'self': no inline script or style, nothing from elsewhere", () => {
  const page = read("index.html");
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|https?:\/\//);
  for (const [tag] of page.matchAll(/<script[^>]*>/g)) assert.match(tag, /src="\/[\w-]+\.js"/);
  for (const name of files.filter((file) => file.endsWith(".css"))) assert.doesNotMatch(read(name), /url\(|@import/);
});

test("text of people and models never becomes markup", () => {
  for (const name of files.filter((file) => file.endsWith(".js"))) {
    assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
  }
});

test("every module is type-checked, and every file the page names exists", () => {
  for (const name of files.filter((file) => file.endsWith(".js"))) {
    assert.match(read(name), /^\/\/ @ts-check\n/, name);
    for (const [, path] of read(name).matchAll(/addModule\("\/([^"]+)"/g)) assert.ok(files.includes(path), path);
    for (const [, imported] of read(name).matchAll(/from "\.\/([\w-]+\.js)"/g))
      assert.ok(files.includes(imported), imported);
  }
  for (const [, path] of read("index.html").matchAll(/(?:src|href)="\/([^"]+)"/g))
    assert.ok(files.includes(path), path);
});
