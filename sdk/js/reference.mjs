// Writes the reference in README.md anew from the types and what their comments promise; with `--check` it fails when the
// page is not up to date.
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const PAGE = "README.md";
const BEGIN = "<!-- generated: reference -->\n";
const END = "<!-- end -->";

const source = (path) => ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2020, true);
const doc = (node) => {
  const [comment] = (node.jsDoc ?? []).slice(-1);
  return (ts.getTextOfJSDocComment(comment?.comment) ?? "").replace(/\s*\n\s*/g, " ").trim();
};
const named = (file, name) => file.statements.find((one) => one.name?.text === name);
const cell = (text) => text.replace(/\s*\n\s*/g, " ").replace(/\|/g, "\\|");

function calls() {
  const methods = named(source("src/tappa.ts"), "Tappa").members.filter(ts.isMethodDeclaration);
  const open = methods.filter(
    (one) =>
      !one.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) &&
      !ts.getJSDocTags(one).some(({ tagName }) => tagName.text === "internal"),
  );
  return open.map((one) => {
    const signature = one.getText().slice(0, one.body.getStart() - one.getStart());
    const flat = signature.trim().replace(/^ {2}/gm, "");
    return `#### \`${one.name.text}\`\n\n${doc(one)}\n\n\`\`\`ts\n${flat}\n\`\`\`\n`;
  });
}

function table(path, name, what) {
  const declared = named(source(path), name);
  const rows = declared.members
    .filter(ts.isPropertySignature)
    .map(
      (one) =>
        `| \`${one.name.text}${one.questionToken ? "?" : ""}\` | \`${cell(one.type.getText())}\` | ${cell(doc(one))} |`,
    );
  return `#### \`${name}\`\n\n${doc(declared)}\n\n| ${what} | type | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}

function losses() {
  const loss = named(source("src/queue/entry.ts"), "Loss");
  const alternatives = loss.getText().matchAll(/\/\*\* (.*?) \*\/\s*\| ("\w+")/g);
  const rows = [...alternatives].map(([, what, why]) => `| \`${why}\` | ${what} |`);
  return `#### \`Loss\`\n\n${doc(loss)}\n\n| why | |\n| --- | --- |\n${rows.join("\n")}\n`;
}

function events() {
  const file = source("src/ecommerce.ts");
  const rows = named(file, "EcommerceEvents").members.map((one) => {
    const type = named(file, one.type.getText());
    const fields = type.members.map(({ name }) => `\`${name.text}\``).join(", ");
    const base = type.heritageClauses?.[0]?.types[0]?.getText();
    const more = base && base !== "Properties" ? ` and those of \`${base}\`` : "";
    return `| \`${one.name.text}\` | \`${type.name.text}\` | ${fields}${more} |`;
  });
  const what = doc(named(file, "EcommerceEvents"));
  return `#### E-commerce events\n\n${what} All fields may be left out, and any other may be said.\n\n| event | type | fields |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}

const reference = [
  "### Calls\n",
  ...calls(),
  "### Types\n",
  table("src/options.ts", "Options", "option"),
  table("src/consent/options.ts", "ConsentOptions", "option"),
  table("src/messages.ts", "CallOptions", "option"),
  table("src/messages.ts", "Message", "field"),
  table("src/messages.ts", "Properties", "field"),
  table("src/messages.ts", "Traits", "field"),
  losses(),
  events(),
].join("\n");

const page = readFileSync(PAGE, "utf8");
const begin = page.indexOf(BEGIN) + BEGIN.length;
const made = `${page.slice(0, begin)}\n${reference}\n${page.slice(page.indexOf(END, begin))}`;
if (!process.argv.includes("--check")) writeFileSync(PAGE, made);
else if (made !== page) {
  console.error("README.md is not up to date; write it anew with: npm run reference");
  process.exit(1);
}
