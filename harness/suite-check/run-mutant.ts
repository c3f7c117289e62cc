import { registerHooks } from 'node:module'
import { checkout } from '../hosts/checkout.ts'
import { tunedEnvironment } from '../implementation/tuning.ts'
import { faults } from './faults/index.ts'
import { changed } from './mutant.ts'
import { oddities } from './oddities.ts'

/*
 * `node run-mutant.ts ID[,ID...] proxy|cache ...` runs `criu-remote` with the changes of these
 * mutants.
 */

const [ids = '', ...parameters] = process.argv.slice(2)
const known = [...faults, ...oddities]
const mutants = ids.split(',').map((id) => {
  const mutant = known.find((each) => each.id === id)
  if (mutant === undefined) throw new Error(`running mutant ${id}: no mutant has that id`)
  return mutant
})

/**
 * Returns the path, relative to the root, of the mutants' file at `url`; undefined for any other
 * file.
 */
function pathOf(url: string): string | undefined {
  return mutants
    .map(({ file }) => file)
    .find((file) => url === new URL(`file://${checkout}/${file}`).href)
}

if (mutants.some(({ file }) => file.endsWith('.proto'))) {
  const { default: fs } = await import('node:fs')
  const { syncBuiltinESMExports } = await import('node:module')
  const { readFileSync } = fs
  fs.readFileSync = ((url: URL, encoding: 'utf8') => {
    const path = pathOf(url.href)
    return path === undefined
      ? readFileSync(url, encoding)
      : changed(mutants, path, readFileSync(url, encoding))
  }) as typeof readFileSync
  syncBuiltinESMExports()
}
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    const path = pathOf(url)
    return path === undefined
      ? loaded
      : { ...loaded, source: changed(mutants, path, String(loaded.source)) }
  },
})
// Without the tuned environment, criu-remote would start itself again, without these changes.
Object.assign(process.env, tunedEnvironment())
process.argv.splice(2, process.argv.length, ...parameters)
await import('../cli/main.ts')
