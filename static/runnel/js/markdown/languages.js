// The languages whose code is coloured, each loaded with the first block of it.
//
// Every address is written out, because the names of static files get a hash where the page is served for good.

const GRAMMARS = {
  bash: () => import("../../../vendor/highlight.js/bash.min.js"),
  c: () => import("../../../vendor/highlight.js/c.min.js"),
  cpp: () => import("../../../vendor/highlight.js/cpp.min.js"),
  csharp: () => import("../../../vendor/highlight.js/csharp.min.js"),
  css: () => import("../../../vendor/highlight.js/css.min.js"),
  diff: () => import("../../../vendor/highlight.js/diff.min.js"),
  dockerfile: () => import("../../../vendor/highlight.js/dockerfile.min.js"),
  go: () => import("../../../vendor/highlight.js/go.min.js"),
  graphql: () => import("../../../vendor/highlight.js/graphql.min.js"),
  ini: () => import("../../../vendor/highlight.js/ini.min.js"),
  java: () => import("../../../vendor/highlight.js/java.min.js"),
  javascript: () => import("../../../vendor/highlight.js/javascript.min.js"),
  json: () => import("../../../vendor/highlight.js/json.min.js"),
  kotlin: () => import("../../../vendor/highlight.js/kotlin.min.js"),
  latex: () => import("../../../vendor/highlight.js/latex.min.js"),
  lua: () => import("../../../vendor/highlight.js/lua.min.js"),
  makefile: () => import("../../../vendor/highlight.js/makefile.min.js"),
  markdown: () => import("../../../vendor/highlight.js/markdown.min.js"),
  nginx: () => import("../../../vendor/highlight.js/nginx.min.js"),
  perl: () => import("../../../vendor/highlight.js/perl.min.js"),
  php: () => import("../../../vendor/highlight.js/php.min.js"),
  powershell: () => import("../../../vendor/highlight.js/powershell.min.js"),
  python: () => import("../../../vendor/highlight.js/python.min.js"),
  r: () => import("../../../vendor/highlight.js/r.min.js"),
  ruby: () => import("../../../vendor/highlight.js/ruby.min.js"),
  rust: () => import("../../../vendor/highlight.js/rust.min.js"),
  scala: () => import("../../../vendor/highlight.js/scala.min.js"),
  sql: () => import("../../../vendor/highlight.js/sql.min.js"),
  swift: () => import("../../../vendor/highlight.js/swift.min.js"),
  typescript: () => import("../../../vendor/highlight.js/typescript.min.js"),
  xml: () => import("../../../vendor/highlight.js/xml.min.js"),
  yaml: () => import("../../../vendor/highlight.js/yaml.min.js"),
};

/** Other names of the languages above. */
const ALIASES = {
  bash: "sh zsh shell console shellsession",
  c: "h",
  cpp: "c++ cc cxx hpp h++",
  csharp: "cs c#",
  diff: "patch",
  dockerfile: "docker",
  go: "golang",
  graphql: "gql",
  ini: "toml cfg conf",
  java: "jsp",
  javascript: "js jsx mjs cjs node",
  json: "jsonc json5 jsonl",
  kotlin: "kt kts",
  latex: "tex",
  makefile: "make mk",
  markdown: "md",
  perl: "pl pm",
  powershell: "ps1 pwsh ps",
  python: "py py3 python3 pycon",
  ruby: "rb",
  rust: "rs",
  sql: "postgresql mysql sqlite psql",
  typescript: "ts tsx",
  xml: "html xhtml svg rss plist vue",
  yaml: "yml",
};

/** What stands inside of code in another language. */
const INSIDE = {
  dockerfile: ["bash"],
  javascript: ["xml", "css"],
  markdown: ["xml"],
  typescript: ["xml", "css"],
  xml: ["css", "javascript"],
};

const NAMES = new Map(Object.keys(GRAMMARS).map((name) => [name, name]));
for (const [name, others] of Object.entries(ALIASES)) for (const other of others.split(" ")) NAMES.set(other, name);

/** Return the name under which a language is known here, or undefined. */
export function languageNamed(label) {
  return NAMES.get(label.toLowerCase());
}

/** Return the grammars that a language needs, by their names: its own, and those of what stands inside of it. */
export async function grammarsOf(name) {
  const names = [name, ...(INSIDE[name] ?? [])];
  const modules = await Promise.all(names.map((each) => GRAMMARS[each]()));
  return names.map((each, index) => [each, modules[index].default]);
}
