// Imported first. On a Node too old for this package the reader gets one sentence; a program that catches the import's error goes on.
// An uncaught error is printed by Node with a stack and a piece of source: on such a Node, and only there, this one is printed by us.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  const error = new Error(`@speedrun/cache needs Node.js 20.19 or newer; this is ${process.version}.`)
  const report = (uncaught: unknown): void => {
    if (uncaught !== error) throw uncaught
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
  process.once('uncaughtException', report)
  // oxlint-disable-next-line no-restricted-globals -- before any Runtime exists
  setImmediate(() => process.off('uncaughtException', report))
  throw error
}

export {}
