import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { execa } from 'execa'
import { checkout } from './checkout.ts'
import { HostError } from './host.ts'

/*
 * Scripts of this checkout made ready to start soon: types stripped, many files made one, and compiled.
 *
 * A daemon of the reference is started for each case and each test. To find, read and strip a hundred modules takes Node longer than
 * all else in a start. So that is done once, and V8's code is kept as well; of proxy and cache, which are most of what is started,
 * the heap is kept, as it is when all modules have run (a startup snapshot). Only for daemons and the agent: the suite finds its cases by
 * their folder, and must share its modules with them.
 */

const CLI = `${checkout}/harness/cli/main.ts`
const SNAPSHOT = `${checkout}/harness/cli/daemon-snapshot.ts`

export interface Bundled {
  command: readonly string[]
  /** Variables for the command. */
  environment: Record<string, string>
}

/** A change to the sources: what is bundled in place of a file's text. */
export type Change = (path: string, text: string) => string

/** Bundles the scripts of a command, and `criu-remote`, into the directory. Throws HostError. */
export async function bundle(
  command: readonly string[],
  directory: string,
  change: Change = (_, text) => text,
): Promise<Bundled> {
  const bundled = (script: string) => `${directory}/${basename(script, '.ts')}.mjs`
  const scripts = command.filter((word) => word.startsWith(checkout) && word.endsWith('.ts'))
  await build({
    entryPoints: [CLI, ...scripts].map((script) => ({ in: script, out: basename(script, '.ts') })),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    plugins: [sources(change)],
    external: ['testcontainers', 'playwright-core'],
    // CommonJS packages require Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  }).catch((thrown) => {
    throw HostError.from(thrown, 'bundling scripts')
  })
  const environment = {
    NODE_COMPILE_CACHE: `${directory}/compiled`,
    CRIU_REMOTE_MAIN: bundled(CLI),
    CRIU_REMOTE_SNAPSHOT: await takeSnapshot(directory, change),
  }
  await execa(process.execPath, [bundled(CLI), 'proxy', '--help'], {
    env: environment,
    reject: false,
  })
  return {
    command: command.map((word) => (scripts.includes(word) ? bundled(word) : word)),
    environment,
  }
}

/** The path of the snapshot. It is of one file of CommonJS, as Node wants it. */
async function takeSnapshot(directory: string, change: Change): Promise<string> {
  const [script, blob] = [`${directory}/snapshot.cjs`, `${directory}/snapshot.blob`]
  try {
    await build({
      entryPoints: [SNAPSHOT],
      outfile: script,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      plugins: [sources(change)],
      logLevel: 'silent',
    })
    await execa(process.execPath, ['--snapshot-blob', blob, '--build-snapshot', script])
    return blob
  } catch (thrown) {
    throw HostError.from(thrown, 'taking a snapshot of proxy and cache')
  }
}

/** The sources with that change. Files that a module reads beside itself are where they were. */
const sources = (change: Change): Plugin => ({
  name: 'sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined
      const text = change(path, await readFile(path, 'utf8'))
      return {
        loader: 'ts',
        contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      }
    })
  },
})
