import { Presets, SingleBar } from 'cli-progress'
import type { Progress } from '../migration/migrate.ts'

/**
 * Prints the phases of a migration as lines on standard output. While the proxy forwards images,
 * shows a bar on standard error if that is a terminal.
 */
export function showProgress(): Progress & { end: () => void } {
  const bar = new SingleBar(
    {
      format: '  {bar} {percentage}% | {images} images, {megabytes} MB',
      noTTYOutput: false,
      stream: process.stderr,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  )
  let images = 0
  let bytes = 0
  const end = () => bar.stop()
  return {
    end,
    phase(text) {
      if (bar.isActive) bar.stop()
      process.stdout.write(`${text}\n`)
    },
    expect(total) {
      if (process.stderr.isTTY) bar.start(Math.max(total, 1), 0, { images, megabytes: 0 })
    },
    image(written) {
      images++
      bytes += written.bytes
      bar.update(Math.min(bytes, bar.getTotal()), { images, megabytes: (bytes / 1e6).toFixed(1) })
    },
  }
}
