// Sends a document to this service and shows the answer. Content of the document is inserted as text, never as HTML.
"use strict";

const KEY = "ocr-key";
const SURE = 70;
const by = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

let chosen = null; // the file
let answer = null;
let shown = 0; // index of the shown page
let picture = null; // address of its picture
let running = null; // the request that a newer one aborts

by("key").value = sessionStorage.getItem(KEY) ?? "";
by("key").addEventListener("change", () => sessionStorage.setItem(KEY, by("key").value.trim()));

by("file").addEventListener("change", () => choose(by("file").files[0]));
by("form").addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});

// A file dropped beside the field must not replace this page.
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  window.addEventListener(kind, (event) => {
    event.preventDefault();
    by("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") choose(event.dataTransfer.files[0]);
  });
}

function choose(file) {
  if (!file) return;
  chosen = file;
  by("chosen").textContent = `${file.name}, ${size(file.size)}`;
  by("again").hidden = false;
  read();
}

async function read() {
  if (!chosen || !by("form").reportValidity()) return;
  const file = chosen;
  const started = performance.now();
  show(null);
  by("problem").hidden = true;
  by("status").textContent = `Reading ${file.name} …`;
  running?.abort();
  running = new AbortController();
  try {
    const response = await ask("/v1/ocr", "application/json", file, {}, running.signal);
    answer = await response.json();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    by("status").textContent = `${count(answer.pages.length, "page")} in ${seconds} s`;
    show(answer);
  } catch (error) {
    if (error.name === "AbortError") return;
    by("status").textContent = "";
    complain(error);
  }
}

class Problem extends Error {
  constructor(message, detail, id) {
    super(message);
    this.detail = detail;
    this.id = id;
  }
}

// Returns a successful response, or throws a problem in words for people.
async function ask(path, accept, file, more = {}, signal = undefined) {
  const query = new URLSearchParams();
  const options = { pages: by("pages").value, lang: by("lang").value, mode: by("mode").value, ...more };
  for (const [name, value] of Object.entries(options)) {
    if (value.trim() && !(name === "mode" && value === "auto")) query.set(name, value.trim());
  }
  const body = new FormData();
  body.set("file", file);
  if (by("password").value) body.set("password", by("password").value);
  const headers = { Accept: accept, Authorization: `Bearer ${by("key").value.trim()}` };
  let response;
  try {
    response = await fetch(`${path}?${query}`, { method: "POST", headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(
      "The service can't be reached, or closed the connection.",
      "Check the connection. The document may also be far over the size limit, or the file has changed since you chose it.",
    );
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const detail = response.status === 403 ? "Check that it is complete, has not expired, and has the scope for this." : problem.detail;
  throw new Problem(words(response), detail, problem.request_id);
}

function words(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  const again = seconds > 0 ? ` Try again in ${count(seconds, "second")}.` : " Try again in a moment.";
  switch (response.status) {
    case 400: return "The service did not understand the request.";
    case 403: return "This API key is not accepted.";
    case 408: return "The document took too long to arrive.";
    case 413: return "The document is too large.";
    case 415: return "This type of document is not supported.";
    case 422: return "The document can't be read.";
    case 429: return `Too many requests.${again}`;
    case 502:
    case 503: return `The service is busy.${again}`;
    case 504: return "Reading took too long.";
    default: return `The service failed (${response.status}).`;
  }
}

function complain(error) {
  const box = by("problem");
  box.replaceChildren(element("p", error instanceof Problem ? error.message : "This page failed."));
  const detail = error instanceof Problem ? error.detail : String(error);
  if (detail) box.append(element("p", detail, "note"));
  if (error.id) box.append(element("p", `Request ${error.id}`, "note"));
  box.hidden = false;
}

function show(of) {
  answer = of;
  by("result").hidden = !of;
  if (!of) return;
  shown = 0;
  by("result-title").textContent = `${of.document.name ?? "Document"}: ${of.complete ? "read to its end" : "incomplete"}`;
  by("warnings").replaceChildren(...of.warnings.map((warning) => element("li", warning)));
  by("warnings").hidden = of.warnings.length === 0;
  by("json").textContent = JSON.stringify(of, null, 2);
  showCodes();
  showPage();
}

function showCodes() {
  const rows = answer.codes.map((code) => {
    const row = document.createElement("tr");
    const check = code.check;
    const verdict = check ? (check.ok ? "passes" : "fails") : "has none";
    const checked = element("td", verdict, check ? (check.ok ? "good" : "bad") : "");
    if (check) checked.title = check.scheme;
    const value = element("td", code.value, "value");
    if (code.repaired) {
      const edits = code.edits.map((edit) => `${edit.from} → ${edit.to}`).join(", ");
      value.append(element("div", `repaired: ${edits}`, "note"));
    }
    const from = code.agreement.length > 1 ? `${code.agreement.join(" and ")} agree` : code.source;
    const page = element("td", "");
    const go = element("button", String(code.page), "button");
    go.type = "button";
    go.setAttribute("aria-label", `Show page ${code.page}`);
    go.addEventListener("click", () => goTo(answer.pages.findIndex((page) => page.page === code.page)));
    page.append(go);
    row.append(element("td", code.type), value, checked, page, element("td", from));
    row.addEventListener("mouseenter", () => light(code, true));
    row.addEventListener("mouseleave", () => light(code, false));
    return row;
  });
  by("codes").tBodies[0].replaceChildren(...rows);
  by("codes").hidden = rows.length === 0;
  by("no-codes").hidden = rows.length > 0;
}

function light(code, on) {
  by("boxes").querySelector(`[data-code="${answer.codes.indexOf(code)}"]`)?.classList.toggle("lit", on);
}

by("before").addEventListener("click", () => goTo(shown - 1));
by("after").addEventListener("click", () => goTo(shown + 1));
by("show").addEventListener("change", () => by("page").classList.toggle("plain", !by("show").checked));

function goTo(at) {
  if (!answer || at < 0 || at >= answer.pages.length) return;
  shown = at;
  showPage();
}

function showPage() {
  const page = answer.pages[shown];
  const how = { text: "its text layer", mixed: "its text layer and pixels", ocr: "recognized", barcode: "its barcodes" }[page.method] ?? "not read";
  const sure = page.confidence === null ? "" : `, ${Math.round(page.confidence)} %`;
  by("which").textContent = `Page ${page.page} of ${answer.document.pages}: ${page.status}, ${how}${sure}`;
  by("before").disabled = shown === 0;
  by("after").disabled = shown === answer.pages.length - 1;
  by("text").textContent = page.text || "(no text)";
  by("page").hidden = !page.width;
  if (!page.width) return;
  const boxes = by("boxes");
  boxes.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
  boxes.replaceChildren(
    ...page.words.map((word) => box(word.box, word.confidence < SURE ? "doubt" : "word", `${word.text}  ${word.confidence} %`)),
  );
  answer.codes.forEach((code, at) => {
    if (code.page !== page.page) return;
    const marked = box(code.box, "code", `${code.type} ${code.value}`);
    marked.dataset.code = at;
    boxes.append(marked);
  });
  showPicture(page);
}

function box([left, top, right, bottom], kind, title) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("x", left);
  rect.setAttribute("y", top);
  rect.setAttribute("width", Math.max(right - left, 0));
  rect.setAttribute("height", Math.max(bottom - top, 0));
  rect.setAttribute("class", kind);
  const text = document.createElementNS(SVG, "title");
  text.textContent = title;
  rect.append(text);
  return rect;
}

// Browsers draw these types themselves. For others, the service sends a picture.
const DRAWN = ["image/png", "image/jpeg", "image/webp", "image/bmp"];

async function showPicture(page) {
  const image = by("image");
  const of = answer;
  const put = (blob) => {
    if (answer !== of || answer.pages[shown] !== page) return;
    if (picture) URL.revokeObjectURL(picture);
    picture = URL.createObjectURL(blob);
    image.src = picture;
  };
  image.style.aspectRatio = `${page.width} / ${page.height}`;
  image.alt = `Page ${page.page}`;
  image.removeAttribute("src");
  if (DRAWN.includes(of.document.type)) return put(chosen);
  try {
    const response = await ask("/v1/preview", "image/png", chosen, { pages: String(page.page) });
    put(await response.blob());
  } catch (error) {
    // The boxes are shown on an empty page then.
    complain(error);
  }
}

for (const button of by("downloads").querySelectorAll("button")) {
  button.addEventListener("click", () => download(button));
}

async function download(button) {
  const file = chosen;
  button.disabled = true;
  try {
    const { accept, end } = button.dataset;
    const blob = end === "json" ? new Blob([by("json").textContent]) : await (await ask("/v1/ocr", accept, file)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${file.name.replace(/\.[^.]*$/, "")}.${end}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
}

function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
