/**
 * Shows how far a run is: a bar on a terminal, nothing but a closing line elsewhere.
 */
import cliProgress from 'cli-progress'

export interface Progress {
  step(name: string): void
  done(summary: string): void
}

export function showProgress(label: string, total: number): Progress {
  if (!process.stdout.isTTY) return { step() {}, done: (summary) => console.log(`${label}: ${summary}`) }
  const bar = new cliProgress.SingleBar(
    {
      format: `${label} {bar} {value}/{total}  {name}`,
      stream: process.stdout,
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  )
  bar.start(total, 0, { name: '' })
  return {
    step: (name) => bar.increment(1, { name }),
    done(summary) {
      bar.stop()
      console.log(`${label}: ${summary}`)
    },
  }
}
