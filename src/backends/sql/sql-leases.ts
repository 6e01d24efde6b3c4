import type { FillAnswer, LeaseAnswer, LeaseCapability, PushEvents } from '../../contracts/backend.ts'
import type { OwnChanges } from './own-changes.ts'
import type { SqlCalls, SqlRow } from './sql-calls.ts'
import { beginningToWire, storedKey, toWire } from './stored-text.ts'

// The right to load a key: see `lease-functions.ts`.

export interface SqlLeasesOptions {
  readonly calls: SqlCalls
  readonly own: OwnChanges
  readonly events: Pick<PushEvents, 'writing'>
  readonly budgetMs: number
  readonly writeMs: number
  readonly isOn: () => boolean
  /** Whether changes are told on the present connection. */
  readonly isTold: () => boolean
  /** Resolves when everything up to this number has been told. */
  readonly toldUpTo: (changes: unknown) => Promise<void>
  /** Something was stored. */
  readonly stored: () => void
}

export function createSqlLeases(options: SqlLeasesOptions): LeaseCapability {
  const { calls, own, events, budgetMs, writeMs, isOn, isTold, toldUpTo, stored } = options
  const first = (rows: readonly SqlRow[]): SqlRow => rows[0] ?? {}
  return {
    get isOn() {
      return isOn()
    },

    async acquire(key, { token, leaseMs, seen, despite }): Promise<LeaseAnswer> {
      const { key: p_key, long: p_long } = storedKey(key)
      const p_seen = seen === undefined ? null : beginningToWire(seen)
      const rows = await own.tell((p_origin) =>
        calls({
          fn: 'acquire',
          args: { p_key, p_long, p_token: token, p_lease_ms: leaseMs, p_seen, p_despite: despite, p_origin },
          ms: budgetMs,
        }),
      )
      const { kind, wait_ms: wait, holder, changes } = first(rows)
      await toldUpTo(changes)
      // Less than a millisecond is left.
      const waitMs = Math.max(1, Math.ceil(Number(wait ?? 0)))
      if (kind === 'held') return { kind, waitMs, holder: String(holder) }
      if (kind === 'paused') return { kind, waitMs }
      if (kind === 'changed') return { kind }
      // From somebody in this process, perhaps.
      if (despite === 'anyone') events.writing([key], token)
      return { kind: 'granted' }
    },

    async renew(key, token, leaseMs) {
      const args = { p_key: storedKey(key).key, p_token: token, p_lease_ms: leaseMs }
      return first(await calls({ fn: 'renew', args, ms: budgetMs }))['held'] === true
    },

    async fill(key, value, ttl, token): Promise<FillAnswer> {
      const { key: p_key, long: p_long } = storedKey(key)
      const wasTold = isTold()
      const rows = await own.announce({
        keys: [key],
        by: token,
        send: (p_origin) =>
          calls({
            fn: 'fill',
            args: { p_key, p_long, p_token: token, p_value: toWire(value), p_ttl: ttl, p_origin },
            ms: writeMs,
          }),
      })
      if (first(rows)['filled'] !== true) return 'fenced'
      stored()
      return wasTold && isTold() ? 'followed' : 'stored'
    },

    async release(key, token, pauseMs) {
      const { key: p_key, long: p_long } = storedKey(key)
      await own.announce({
        keys: [key],
        by: token,
        send: (p_origin) =>
          calls({
            fn: 'release',
            args: { p_key, p_long, p_token: token, p_pause_ms: pauseMs ?? 0, p_origin },
            ms: budgetMs,
          }),
      })
    },
  }
}
