// A script is sent in full the first time on each connection, then by its digest, and in full again where the server has forgotten it: a script
// that does something is never sent twice because it was not known.
import { expect, test } from 'vitest'
import { ReplyError } from '../../src/backends/redis/reply-error.ts'
import { ScriptRunner } from '../../src/backends/redis/script-runner.ts'
import { script } from '../../src/backends/redis/scripts.ts'

const one = script('return 1')
const other = script('return 2')

function scriptedLink() {
  const sent: string[] = []
  const forgotten = new Set<string>()
  const link = {
    connection: {} as object | undefined,
    sent,
    forgotten,
    send: async (args: readonly string[]): Promise<unknown> => {
      sent.push(`${args[0]} ${args[1]}`)
      if (args[0] === 'EVALSHA' && forgotten.delete(args[1] as string))
        throw new ReplyError('NOSCRIPT No matching script')
      return args.slice(2).join(' ')
    },
  }
  return link
}

test('in full once on each connection, also where nobody has answered yet', async () => {
  const link = scriptedLink()
  const scripts = new ScriptRunner(link)
  const replies = await Promise.all([
    scripts.run(one, ['k'], ['a']),
    scripts.run(one, ['k'], []),
    scripts.run(other, [], []),
  ])
  expect(replies).toStrictEqual(['1 k a', '1 k', '0'])
  expect(link.sent).toStrictEqual([`EVAL ${one.source}`, `EVALSHA ${one.sha1}`, `EVAL ${other.source}`])
  link.connection = {}
  await scripts.run(one, [], [])
  await scripts.run(one, [], [])
  expect(link.sent.slice(3)).toStrictEqual([`EVAL ${one.source}`, `EVALSHA ${one.sha1}`])
})

test('again in full when the server has forgotten it', async () => {
  const link = scriptedLink()
  const scripts = new ScriptRunner(link)
  await scripts.run(one, [], [])
  link.forgotten.add(one.sha1)
  expect(await scripts.run(one, ['k'], ['a'])).toBe('1 k a')
  expect(link.sent).toStrictEqual([`EVAL ${one.source}`, `EVALSHA ${one.sha1}`, `EVAL ${one.source}`])
})

test('what else the server answers is the answer', async () => {
  const link = scriptedLink()
  const scripts = new ScriptRunner({
    ...link,
    send: async () => {
      throw new ReplyError('OOM command not allowed')
    },
  })
  await expect(scripts.run(one, [], [])).rejects.toThrow('OOM')
})
