// A promise that the test opens: to hold a loader or a backend at a point and look around.

export interface Gate {
  /** Resolves when somebody waits at the gate. */
  readonly reached: Promise<void>
  /** What the held code awaits. */
  wait(): Promise<void>
  open(): void
}

export function gate(): Gate {
  let arrive: () => void = () => {}
  let release: () => void = () => {}
  const reached = new Promise<void>((resolve) => (arrive = resolve))
  const opened = new Promise<void>((resolve) => (release = resolve))
  return {
    reached,
    wait() {
      arrive()
      return opened
    },
    open: () => release(),
  }
}

/** Resolves when `condition` holds; rejects after a generous limit, naming what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${limitMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
