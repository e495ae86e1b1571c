import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../frontend/", import.meta.url);
const files = readdirSync(folder, { recursive: true });
const modules = files.filter((file) => file.endsWith(".js"));
const read = (name) => readFileSync(new URL(name, folder), "utf8");
const exists = (path, from = "") => existsSync(new URL(path, new URL(from, folder)));

test("the page obeys default-src 'self': no inline script or style, nothing from elsewhere", () => {
  const page = read("index.html");
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|https?:\/\//);
  for (const [tag] of page.matchAll(/<script[^>]*>/g)) assert.match(tag, /src="\/[\w/-]+\.js"/);
  for (const name of files.filter((file) => file.endsWith(".css"))) assert.doesNotMatch(read(name), /url\(|@import/);
});

test("text of people and models never becomes markup", () => {
  for (const name of modules) {
    assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
  }
});

test("every module is type-checked, and every file the page names exists", () => {
  for (const name of modules) {
    assert.match(read(name), /^\/\/ @ts-check\n/, name);
    for (const [, path] of read(name).matchAll(/addModule\("\/([^"]+)"/g)) assert.ok(exists(path), path);
    for (const [, path] of read(name).matchAll(/(?:from|import\() ?"(\.[^"]+\.js)"/g)) {
      assert.ok(exists(path, name), `${name}: ${path}`);
    }
  }
  for (const [, path] of read("index.html").matchAll(/(?:src|href)="\/([^"]+)"/g)) assert.ok(exists(path), path);
});

test("every panel that has a button is there, with its style", () => {
  for (const [, name] of read("index.html").matchAll(/data-panel="([^"]+)"/g)) {
    assert.ok(exists(`panels/${name}.js`), name);
    assert.ok(exists(`styles/panel-${name}.css`), name);
  }
});
