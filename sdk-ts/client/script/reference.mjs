// Writes docs/reference.md: every exported name with its type and its doc comment. `--check` fails when it would change.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const ENTRIES = [
  { name: "@cosmictron/client", file: path("../src/index.ts") },
  { name: "@cosmictron/client/testing", file: path("../src/testing/index.ts") },
];
const TARGET = path("../docs/reference.md");

const options = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
};
const program = ts.createProgram(
  ENTRIES.map(({ file }) => file),
  options,
);
const checker = program.getTypeChecker();

function sectionOf(symbol) {
  const resolved = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declaration = resolved.declarations?.[0];
  const comment = ts.displayPartsToString(resolved.getDocumentationComment(checker)).trim();
  const text = declaration ? signatureOf(declaration) : "";
  return `### ${symbol.name}\n\n${comment && `${comment}\n\n`}\`\`\`ts\n${text}\n\`\`\`\n`;
}

/** The declaration without bodies and without what is private; doc comments of members stay. */
function signatureOf(declaration) {
  if (ts.isClassDeclaration(declaration)) return classOf(declaration);
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  if (ts.isFunctionDeclaration(node)) return headOf(node);
  return node.getText().replace(/^export /, "");
}

function classOf(declaration) {
  const isPrivate = (member) => member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  const members = declaration.members
    .filter((member) => !isPrivate(member))
    .map((member) => {
      const comments = ts.getLeadingCommentRanges(member.getFullText(), 0) ?? [];
      const docs = comments.map(({ pos, end }) => `  ${member.getFullText().slice(pos, end)}\n`);
      return `${docs.join("")}  ${headOf(member)}`;
    });
  const first = declaration.members.pos - declaration.getStart();
  return `${declaration
    .getText()
    .slice(0, first)
    .replace(/^export /, "")}\n${members.join("\n")}\n}`;
}

function headOf(member) {
  const whole = member.getText();
  const end = member.body ? member.body.getStart() : (member.initializer?.getFullStart() ?? member.end);
  const head = whole
    .slice(0, end - member.getStart())
    .replace(/^export /, "")
    .replace(/\s*=?\s*$/, "");
  return `${head.replace(/;$/, "")};`;
}

const parts = ENTRIES.map(({ name, file }) => {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  const symbols = checker.getExportsOfModule(module).sort((one, other) => (one.name < other.name ? -1 : 1));
  return `## ${name}\n\n${symbols.map(sectionOf).join("\n")}`;
});
const text = `# Reference\n\nWritten from the doc comments by \`npm run reference\`.\n\n${parts.join("\n")}`;
if (process.argv.includes("--check")) {
  if (readFileSync(TARGET, "utf8") !== text) {
    console.error("docs/reference.md is out of date: npm run reference");
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, text);
}
