// The first import of every script here: on a Node.js that is too old it says so in one sentence and stops, instead of
// leaving the reader with a stack from deep inside a tool. Must itself run on old versions: no imports, no new syntax.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error('@speedrun/cache needs Node.js 20.19 or newer; this is ' + process.version + '.')
  process.exit(1)
}
